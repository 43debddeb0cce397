"""The port: what every platform's connector is, and all that the core knows about a platform.

A platform is a folder beside this file: `connector.py` (this port), `client.py` (auth, paging, limits, errors
into the classes below), `mapping.py` (pure functions, both ways), `capabilities.py` (data), `README.md`.
Its package exports `CONNECTOR`, the class; `registry.py` finds it. Connectors are synchronous, are built for
one job and closed after it, and keep nothing: what must be remembered goes up in a result.

Errors are decided once, in the client, and are those of `errors.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from integrator.connectors.errors import (
    ConnectorError,
    NeedsCredentials,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
)
from integrator.connectors.http import Recorder
from integrator.connectors.pushes import PushResult, RemoteListing, ShipmentPush, ShipmentResult, StylePush
from integrator.connectors.records import PulledOrder

__all__ = [
    "Capabilities", "Channel", "ChannelSettings", "CheckItem", "CheckReport", "Connector", "ConnectorError",
    "Credentials", "FieldRule", "Keeper", "NeedsCredentials", "OrderPage", "Recorder", "Rejected", "Throttled",
    "Transient", "UnknownOutcome", "WebhookEvent",
]  # fmt: skip

FieldRule = Literal["pos", "first", "shop"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What differs between platforms, as data. The core asks these, never a platform's name."""

    content_batch: int  # styles and standalone products in one push_content
    price_batch: int  # items in one push_price
    stock_batch: int
    sale_windows: bool  # the platform starts and ends sales itself
    locations: bool  # stock per location
    drafts: bool  # new products can be hidden
    quantity_decimals: int = 0  # places a stock quantity may have
    price_tiers: bool = False
    order_page: int = 100
    partial_shipments: bool = True
    partial_capture: bool = False
    capture: bool = False  # money can be captured through the API
    compare_and_set: bool = False
    webhooks: bool = True
    local_webhooks: bool = False  # the shop reaches this service without a public URL
    max_options: int = 3
    max_variants: int | None = None
    quota: str = ""  # the published limit, for people
    notes: Mapping[str, str] = field(default_factory=dict)  # for the table in the README


class Credentials(BaseModel):
    """Base of a platform's credentials; the fields make the options of `integrator channel add`.

    Secrets are `SecretStr`. The whole is stored encrypted.
    """

    model_config = ConfigDict(extra="forbid")


class ChannelSettings(BaseModel):
    """Settings that every channel has; a platform may add its own in a subclass."""

    model_config = ConfigDict(extra="forbid")

    locations: list[str] = Field(default_factory=list, description="POS locations that count; empty: all enabled ones")
    location_map: dict[str, str] = Field(
        default_factory=dict, description="POS location -> the shop's location id, for one-to-one stock"
    )
    safety_stock: Decimal = Field(default=Decimal(0), ge=0, description="Units kept back from the shop")
    maximum_quantity: Decimal | None = Field(default=None, ge=0, description="Never show more than this")
    publish_new: bool = Field(default=False, description="Publish new products at once instead of as drafts")
    field_rules: dict[str, FieldRule] = Field(
        default_factory=dict,
        description="Per content field: pos (always the POS's), first (on creation only: the default), shop (never)",
    )
    categories: dict[str, str] = Field(
        default_factory=dict, description="POS category path -> the shop's; empty: as it is"
    )
    values: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="Per field or option name: POS value -> the shop's"
    )
    custom_fields: dict[str, str] = Field(default_factory=dict, description="POS custom field -> the shop's field")
    order_statuses: list[str] = Field(
        default_factory=list, description="Statuses whose orders are taken; empty: what is paid or authorised"
    )
    orders_since: datetime | None = Field(
        default=None,
        description="Orders placed before this are not taken; `channel add` sets it to now unless it is given",
    )
    poll_seconds: int = Field(default=120, ge=10, description="How often the shop is asked for changed orders")
    capture_on_shipment: bool = Field(default=False, description="Take the money when the POS saves a shipment")
    notify_customer: bool = Field(default=True, description="Let the shop mail the customer about shipments")


@dataclass(frozen=True, slots=True)
class CheckItem:
    name: str
    ok: bool
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `integrator channel check` prints: credentials, scopes, version, clock, what is missing."""

    items: tuple[CheckItem, ...]

    @property
    def ok(self) -> bool:
        return all(item.ok for item in self.items)


@dataclass(frozen=True, slots=True)
class OrderProblem:
    """One order that the shop showed and that cannot be read: it becomes an issue, the others go on."""

    remote_id: str
    message: str
    number: str = ""
    code: str = "ORDER_UNREADABLE"
    hint: str = ""
    # a shop that answers later (through files) may also refuse a product, by its item id and lane, or a shipment
    subject: str = "order"
    purpose: str = "pull"


@dataclass(frozen=True, slots=True)
class OrderPage:
    """One page of changed orders. `progress` is what to remember once the page is stored.

    `problems`: orders of the page that could not be mapped; raise only for what concerns the whole page.
    """

    orders: tuple[PulledOrder, ...]
    progress: Mapping[str, Any]
    problems: tuple[OrderProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """What a verified webhook says: look. `order_id` where it names one, `delivery_id` to tell repeats."""

    topic: str
    order_id: str = ""
    delivery_id: str = ""


class Keeper(Protocol):
    """Where a connector leaves what outlives a job: renewed credentials, and what it learnt of the shop's quota."""

    def credentials(self) -> Credentials:
        """As they are stored now: another process may have renewed them."""

    def save_credentials(self, changed: Mapping[str, Any]) -> None:
        """Merged into what is stored, encrypted, at once."""

    def remember(self, memory: Mapping[str, Any]) -> None:
        """JSON that the next connector of the channel finds in `Channel.memory`. It may be lost: never what matters."""


@dataclass(frozen=True, slots=True)
class Channel:
    """What a connector is built with. `public_url` is where the platform reaches this service, "" if nowhere.

    `keeper` is None for a channel that is not kept (credentials that are only tried).
    """

    id: int
    name: str
    credentials: Any
    settings: Any
    time_zone: str = "UTC"
    public_url: str = ""
    account_id: int = 0
    memory: Mapping[str, Any] = field(default_factory=dict)
    keeper: Keeper | None = None

    @property
    def webhook_path(self) -> str:
        """Where this service takes the channel's webhooks, below its public URL."""
        return f"/webhooks/{self.account_id}/{self.id}"


class Connector(ABC):
    platform: ClassVar[str]
    title: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    credentials_model: ClassVar[type[Credentials]]
    settings_model: ClassVar[type[ChannelSettings]] = ChannelSettings

    def __init__(self, channel: Channel, recorder: Recorder) -> None:
        """`recorder` is told of every request (connectors.http); it makes the rows in `attempts`."""
        self.channel = channel
        self.recorder = recorder

    @classmethod
    def prepare(cls, public_url: str, name: str) -> dict[str, Any] | None:
        """Make a shop, where the platform can make one by itself: its credentials. None: they must be given.

        Called by `integrator channel add` when no credentials were; `name` is the channel's.
        """
        return None

    def close(self) -> None:  # noqa: B027 - optional
        """Give back connections."""

    @abstractmethod
    def check(self) -> CheckReport:
        """Credentials, scopes, version, clock: what works, and what is missing by name. Writes nothing."""

    @abstractmethod
    def find(self, skus: Sequence[str]) -> Mapping[str, Sequence[RemoteListing]]:
        """Every listing whose SKU is exactly one of `skus`; two for one SKU is a conflict, never a guess."""

    @abstractmethod
    def read_listings(self) -> Iterator[RemoteListing]:
        """All that the shop sells, in as few calls as it takes: for matching and reconciliation."""

    @abstractmethod
    def push_content(self, styles: Sequence[StylePush]) -> list[PushResult]:
        """Create or update; a result for every listing in each style's `wanted`.

        Creation carries price and stock too. A product that exists in the shop under its SKU is linked, not
        doubled. Sending the same again must not make a second product, whatever was interrupted.
        """

    @abstractmethod
    def push_price(self, items: Sequence[StylePush]) -> list[PushResult]:
        """Set prices of listings that the shop has; grouped by style, since platforms write per parent."""

    @abstractmethod
    def push_stock(self, items: Sequence[StylePush]) -> list[PushResult]:
        """Set quantities of listings that the shop has."""

    @abstractmethod
    def pull_orders(self, progress: Mapping[str, Any]) -> Iterator[OrderPage]:
        """Orders changed since `progress` ({} at first), by modification time, ascending, with overlap.

        `progress` never moves past the newest change that was seen.
        """

    @abstractmethod
    def pull_order(self, remote_id: str) -> PulledOrder | None:
        """One order as it is now, None if the shop does not have it."""

    @abstractmethod
    def send_shipment(self, shipment: ShipmentPush) -> ShipmentResult:
        """Tell the shop. Repeating after an unknown outcome must find the first one instead of doubling it."""

    def capture(self, order_remote_id: str, amount: Decimal | None) -> None:
        """Take the authorised money (all of it when `amount` is None). Only where capabilities.capture."""
        raise Rejected("This platform cannot capture through its API.", code="CAPTURE_UNSUPPORTED")

    def register_webhooks(self) -> list[CheckItem]:
        """Make the shop's webhooks what they should be: create, repair, re-enable. Only with public_url."""
        return []

    @classmethod
    def read_webhook(cls, channel: Channel, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
        """Verify the signature and say what it is about; None for a ping. A forged one raises Rejected."""
        return None
