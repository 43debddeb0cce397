"""What a shop should offer: the arithmetic of quantities and prices. Pure.

The published quantity is never more than what was counted, less what the web sold and the count does not contain
yet, less what is kept back; never below 0; never more than the cap. Parts of units that the platform cannot
hold are dropped, never rounded up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from integrator.catalogue.merge import Price as StoredPrice
from integrator.catalogue.merge import Stock as StoredStock
from integrator.connectors.pushes import Price, Stock

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Location:
    code: str
    enabled: bool = True
    position: int = 1


@dataclass(frozen=True, slots=True)
class Rules:
    """What the channel and its platform say about quantities."""

    locations: tuple[str, ...] = ()  # those that count, in order; see counting()
    targets: Mapping[str, str] | None = None  # one to one: any POS location -> the shop's; None: one sum
    safety_stock: Decimal = ZERO
    maximum: Decimal | None = None
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class Quantity:
    """A published quantity with everything it was computed from."""

    counted: Decimal
    from_locations: bool  # False: the POS sent one number for all
    locations: Mapping[str, Decimal] = field(default_factory=dict)  # what counted, by POS location
    left_out: Mapping[str, Decimal] = field(default_factory=dict)  # what the POS sent and does not count
    allocated: Decimal = ZERO
    safety_stock: Decimal = ZERO
    maximum: Decimal | None = None
    sell_online: bool = True
    published: Decimal = ZERO
    by_location: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def stock(self) -> Stock:
        return Stock(self.published, self.by_location)


def counting(
    locations: Sequence[Location], chosen: Collection[str], mapping: Mapping[str, str], one_to_one: bool
) -> Rules:
    """Which locations count: the enabled ones; of them those that the channel chose; of them those it maps.

    `one_to_one`: the platform keeps stock per location. The primary location comes first.
    """
    ordered = sorted(locations, key=lambda one: (one.position, one.code))
    codes = [one.code for one in ordered if one.enabled and (not chosen or one.code in chosen)]
    if not (one_to_one and mapping):
        return Rules(locations=tuple(codes))
    return Rules(locations=tuple(code for code in codes if code in mapping), targets=mapping)


def quantity(stock: StoredStock, allocated: Decimal, rules: Rules, sell_online: bool) -> Quantity:
    counts = {code: Decimal(units) for code, units in stock.quantities.items()}
    ours = {code: counts[code] for code in rules.locations if code in counts}
    others = {code: units for code, units in counts.items() if code not in ours}
    counted = sum(ours.values(), ZERO) if counts else (stock.quantity or ZERO)
    # units above the cap, sold or kept back are not for the shop; a location below zero owes to the others
    available = max(counted - max(allocated, ZERO) - rules.safety_stock, ZERO) if sell_online else ZERO
    if rules.maximum is not None:
        available = min(available, rules.maximum)
    published = floor(available, rules.decimals)
    by_location: dict[str, Decimal] = {}
    if rules.targets is not None:
        by_location = distribute(ours, rules, rules.targets, published, fallback=not counts)
        published = sum(by_location.values(), ZERO)
    return Quantity(
        counted=counted, from_locations=bool(counts), locations=ours, left_out=others, allocated=max(allocated, ZERO),
        safety_stock=rules.safety_stock, maximum=rules.maximum, sell_online=sell_online, published=published,
        by_location=by_location,
    )  # fmt: skip


def floor(units: Decimal, decimals: int) -> Decimal:
    return units.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_DOWN)


def distribute(
    counts: Mapping[str, Decimal], rules: Rules, targets: Mapping[str, str], units: Decimal, *, fallback: bool
) -> dict[str, Decimal]:
    """The shop's locations with their share of `units`, each at most what the POS counted there.

    What is not for the shop is taken from the primary location first, where web orders are booked. Every location
    of the map has an entry, so that the shop forgets what it held there. `fallback`: the POS sent one number for
    all locations, which then stands at the primary one.
    """
    shares = dict.fromkeys(targets.values(), ZERO)
    if fallback:
        if rules.locations:
            shares[targets[rules.locations[0]]] = units
        return shares
    left = units
    for code in reversed(rules.locations):
        share = floor(min(max(counts.get(code, ZERO), ZERO), left), rules.decimals)
        shares[targets[code]] += share
        left -= share
    return shares


# -- prices


class NotPublishable(Exception):
    """A shop cannot be told; the message says why and `hint` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True, slots=True)
class Asked:
    """The price that a shop should ask, why a sale price is not in it, and when it has to be looked at again."""

    price: Price
    no_sale: str = ""
    changes_at: datetime | None = None  # where the platform does not start and end sales itself


def price(stored: StoredPrice, now: datetime, *, sale_windows: bool, tiers: bool) -> Asked:
    """A sale is in force from its start (included) to its end (not included), while it is below the price.

    Raises NotPublishable without a price.
    """
    if stored.price is None:
        raise NotPublishable("It has no price.", "Send its Price with UpdatePricing or UpdatePOSProducts.")
    groups = tuple(
        (one["TierCode"], Decimal(one["MinimumQuantity"]), Decimal(one["Price"])) for one in stored.tiers or ()
    )
    plain = Price(stored.price, msrp=stored.msrp, tiers=groups if tiers else ())
    sale, start, end = stored.sale_price, stored.sale_start, stored.sale_end
    if sale is None:
        return Asked(plain)
    if sale >= stored.price:
        return Asked(plain, "The sale price is not below the price.")
    if (end is not None and end <= now) or (start is not None and end is not None and end <= start):
        return Asked(plain, "The sale is over.")
    if sale_windows:
        ahead = "The sale has not begun." if start is not None and start > now else ""
        return Asked(Price(stored.price, sale, start, end, stored.msrp, plain.tiers), ahead)
    if start is not None and start > now:
        return Asked(plain, "The sale has not begun.", changes_at=start)
    return Asked(Price(stored.price, sale, None, None, stored.msrp, plain.tiers), changes_at=end)
