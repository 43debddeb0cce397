"""What a shop under test must let a test do, whatever its platform: the language of the contract suite.

A simulator (or the sandbox) implements `Shop` beside its HTTP surface. `ShopProduct`, `OrderLine` and the verbs are
the merchant's, the shopper's and the warehouse's; no platform's words appear in the suite.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

D = Decimal
NOTHING, PRICE, SHIPPING, TAX_RATE = D(0), D("9.99"), D("5.00"), D("0.19")


class ToDo(NotImplementedError):
    """What is still to be written, as `integrator connector new` leaves it: the test fails with its message."""


@dataclass
class ShopProduct:
    """A sellable thing as the shop holds it now."""

    sku: str
    name: str
    price: Decimal | None
    sale_price: Decimal | None
    quantity: Decimal | None
    published: bool
    description: str = ""
    sale_start: datetime | None = None
    sale_end: datetime | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None  # the shop's id of the style
    images: Sequence[str] = ()
    categories: Sequence[str] = ()
    by_location: Mapping[str, Decimal] = field(default_factory=dict)  # where the shop keeps stock per location


@dataclass
class Line:
    """What a shopper buys. `price` is what the shop asks unless given; `gift_card` sells one."""

    sku: str
    quantity: int = 1
    price: Decimal | None = None
    gift_card: bool = False


@dataclass
class Shopper:
    """`id` None is a guest."""

    email: str
    id: str | None = None
    first_name: str = "Ada"
    last_name: str = "Lovelace"


class Shop(ABC):
    """A verb that the platform does not have raises NotImplementedError with the reason: the test is skipped."""

    platform: str

    @abstractmethod
    def credentials(self) -> dict[str, Any]:
        """What the connector's credentials_model takes."""

    def settings(self) -> dict[str, Any]:
        """Channel settings that this shop needs, beside the defaults."""
        return {}

    # -- the back office

    @abstractmethod
    def products(self) -> dict[str, ShopProduct]:
        """All sellable things by SKU."""

    @abstractmethod
    def add_product(self, sku: str, name: str, *, price: Decimal = PRICE, quantity: int = 0) -> None:
        """A product that the merchant made by hand."""

    @abstractmethod
    def edit(self, sku: str, **fields: Any) -> None:
        """The merchant changes name, description, published, price, quantity."""

    def delete(self, sku: str) -> None:
        """The merchant deletes the product for good."""
        raise NotImplementedError(f"{self.platform} deletes no products")

    def locations(self) -> Sequence[str]:
        """Ids of two or more of the shop's locations."""
        raise NotImplementedError(f"{self.platform} keeps no stock per location")

    # -- orders

    @abstractmethod
    def place_order(
        self,
        lines: Sequence[Line],
        *,
        shopper: Shopper | None = None,
        paid: bool = True,
        authorised: bool = False,
        shipping: Decimal = SHIPPING,
        discount: Decimal = NOTHING,
        tax_rate: Decimal = TAX_RATE,
        total_off_by: Decimal = NOTHING,
        paid_by_gift_card: Decimal = NOTHING,
        at: datetime | None = None,
    ) -> str:
        """The shop's id of the order. `authorised`: money is reserved, not taken. `total_off_by`: the total
        differs from its parts by this, as real ones do. `at`: when it was placed, else now."""

    @abstractmethod
    def pay(self, order: str) -> None: ...

    @abstractmethod
    def ship(self, order: str, lines: Mapping[str, int] | None = None, *, tracking: str = "") -> str:
        """SKU -> quantity; None ships what is open. Shops that cannot ship in part raise NotImplementedError."""

    @abstractmethod
    def refund(
        self, order: str, lines: Mapping[str, int] | None = None, *, amount: Decimal | None = None, restock: bool = True
    ) -> str:
        """With lines: goods came back. Without: money only (`amount`)."""

    @abstractmethod
    def cancel(self, order: str) -> None: ...

    @abstractmethod
    def order(self, order: str) -> Mapping[str, Any]:
        """At least `status`, `shipments`: [{"tracking": [..], "lines": {sku: quantity}}] and, where money can be
        captured, `captured`: how much was."""

    def webhook(self, order: str) -> tuple[dict[str, str], bytes]:
        """Headers and body of what the shop sends about the order, signed with the secret that was registered."""
        raise NotImplementedError(f"{self.platform} sends no webhooks")

    # -- misbehaviour

    @abstractmethod
    def misbehave(
        self,
        *,
        fail_next: int = 0,
        status: int = 500,
        lose_next_answer: bool = False,
        throttle_next: int = 0,
        retry_after: int = 1,
        reject_sku: str | None = None,
        revoke_credentials: bool = False,
    ) -> None:
        """`lose_next_answer`: the next write takes effect and its answer never comes. Everything is replaced."""

    # -- measuring

    @property
    @abstractmethod
    def reads(self) -> int:
        """Requests that change nothing, since the start."""

    @property
    @abstractmethod
    def writes(self) -> int:
        """Requests that change something, since the start."""

    def close(self) -> None:  # noqa: B027 - not every shop has one
        """Stop its server."""
