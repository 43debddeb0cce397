"""Settings of a store: how its POS wants to be served."""

from __future__ import annotations

from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator

MINUTE, HOUR, DAY = 60, 3600, 86_400


@cache
def known_zones() -> frozenset[str]:
    """Read from the disk once: settings are parsed for every call and every job."""
    return frozenset(available_timezones())


class StoreSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    time_zone: str = Field(default="UTC", description="The zone of times that the POS sends without an offset")
    orders: bool = Field(default=True, description="Fill the queue of GetNewOrders")
    transactions: bool = Field(default=True, description="Fill the queue of GetNewTransactions")
    captures: bool = Field(default=True, description="Fill the queue of GetNewCaptures")
    transactions_for_pos_shipments: bool = Field(
        default=False, description="Make a transaction for shipments that the POS itself saved"
    )
    revisions_after_confirm: bool = Field(
        default=False,
        description="Offer an order again when it changes or is cancelled after it was confirmed",
    )
    offer_again_after: list[int] = Field(
        default=[15 * MINUTE, HOUR, 4 * HOUR, DAY],
        min_length=1,
        description="Seconds until a rejected record is offered again; the last one repeats",
    )
    offer_again_days: int = Field(default=15, ge=0, description="After this many days it is set aside")
    unknown_locations: Literal["create", "refuse"] = Field(
        default="create", description="What happens to a LocationId that the store does not have"
    )
    allocation: Literal["auto", "order_confirmed", "transaction_confirmed", "shipped", "off"] = Field(
        default="auto",
        description=(
            "How long web units are subtracted from the POS's count: until the POS confirmed the order or the "
            "transaction (auto: whichever queue it uses) and counted again, until they shipped, or not at all"
        ),
    )
    max_records: int = Field(default=1_000, ge=1, le=1_000, description="Most records of one GetNew answer")

    @field_validator("time_zone")
    @classmethod
    def known_zone(cls, value: str) -> str:
        if value not in known_zones():
            raise ValueError(f"{value!r} is not a time zone; use a name like Europe/Berlin or UTC")
        return value

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
