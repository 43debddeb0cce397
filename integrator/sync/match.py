"""What the shop sells beside what the POS sells, before anything is sent: which is which, and what is in doubt.

    exact        one listing of the shop has the ItemIntegrationId as its SKU, to the letter (or is linked already)
    conflicting  a person has to look: several listings with the SKU; a SKU that differs only by case or surrounding
                 blanks; the same barcode under another SKU
    shop         only the shop has it
    pos          only the POS has it: it would be made in the shop

The rules are `compare`, which reads and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection, text

from integrator.accounts.channels import ChannelRecord
from integrator.connectors.pushes import RemoteListing
from integrator.sync.reconcile import link


class Kind(StrEnum):
    EXACT = "exact"
    CONFLICTING = "conflicting"
    SHOP = "shop"
    POS = "pos"


@dataclass(frozen=True, slots=True)
class Known:
    """A product of the store, with the ids that the channel remembers for it."""

    product_id: int
    item_id: str
    name: str = ""
    barcode: str = ""
    sell_online: bool = True
    remote: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """One line of the report. `listings`: what of the shop it is about; `linked`: the channel knows it already."""

    kind: Kind
    product: Known | None = None
    listings: tuple[RemoteListing, ...] = ()
    linked: bool = False
    reason: str = ""


@dataclass(slots=True)
class Report:
    """Sorted by SKU within each kind."""

    matches: dict[Kind, list[Match]] = field(default_factory=lambda: {kind: [] for kind in Kind})

    def add(self, match: Match) -> None:
        self.matches[match.kind].append(match)

    @property
    def counts(self) -> dict[str, int]:
        return {
            **{kind.value: len(found) for kind, found in self.matches.items()},
            "linked": sum(one.linked for one in self.matches[Kind.EXACT]),
        }

    def to_link(self) -> dict[int, Mapping[str, str]]:
        """Product id -> the shop's ids, of the exact matches that are not linked yet."""
        return {
            one.product.product_id: one.listings[0].remote
            for one in self.matches[Kind.EXACT]
            if one.product is not None and not one.linked
        }


def plain_sku(sku: str) -> str:
    """What two SKUs have in common that people take for the same."""
    return sku.strip().casefold()


def plain_barcode(code: str) -> str:
    """A UPC and the EAN and GTIN-14 that it is with leading zeros are one; "" for what is none."""
    digits = "".join(code.split()).lstrip("0")
    return digits if digits.isdecimal() else ""


class _Shop:
    """Listings by what they may be found by, and which of them stand in the report."""

    def __init__(self, listings: Iterable[RemoteListing]) -> None:
        self.all: list[RemoteListing] = []
        self.ids: dict[frozenset[tuple[str, str]], list[RemoteListing]] = {}
        self.skus: dict[str, list[RemoteListing]] = {}
        self.near: dict[str, list[RemoteListing]] = {}
        self.barcodes: dict[str, list[RemoteListing]] = {}
        self.binned: set[str] = set()
        self.told: set[int] = set()
        for one in listings:
            if one.trashed:
                self.binned.add(one.sku)
                continue
            self.all.append(one)
            self.ids.setdefault(frozenset(one.remote.items()), []).append(one)
            if one.sku:
                self.skus.setdefault(one.sku, []).append(one)
                self.near.setdefault(plain_sku(one.sku), []).append(one)
            if code := plain_barcode(one.barcode):
                self.barcodes.setdefault(code, []).append(one)

    def linked(self, remote: Mapping[str, str]) -> RemoteListing | None:
        found = self.ids.get(frozenset(remote.items()), []) if remote else []
        return found[0] if len(found) == 1 else None


def compare(products: Sequence[Known], listings: Iterable[RemoteListing]) -> Report:
    """Every product and every listing of the shop, each listing once unless it is in a conflict."""
    shop, report = _Shop(listings), Report()
    rest: list[Known] = []
    taken: dict[int, Known] = {}  # listings that have found their product
    for one in sorted(products, key=lambda known: known.item_id):
        found = _exact(shop, one)
        if found is None:
            rest.append(one)
            continue
        report.add(found)
        shop.told.update(map(id, found.listings))
        if found.kind is Kind.EXACT:
            taken[id(found.listings[0])] = one
    for one in rest:
        found = _doubtful(shop, one, taken)
        shop.told.update(map(id, found.listings))
        report.add(found)
    for matches in report.matches.values():
        matches.sort(key=lambda match: match.product.item_id if match.product else "")
    ours = {plain_sku(one.item_id): one.item_id for one in products}
    for listing in sorted(shop.all, key=lambda other: (other.sku, other.name)):
        if id(listing) not in shop.told:
            report.add(Match(Kind.SHOP, listings=(listing,), reason=_why_alone(listing, ours)))
    return report


def _exact(shop: _Shop, one: Known) -> Match | None:
    linked = shop.linked(one.remote)
    if linked is not None:
        reason = "" if linked.sku == one.item_id else f"linked, though the shop's SKU is {linked.sku!r}"
        return Match(Kind.EXACT, one, (linked,), linked=True, reason=reason)
    there = shop.skus.get(one.item_id, [])
    if len(there) > 1:
        return Match(Kind.CONFLICTING, one, tuple(there), reason=f"{len(there)} listings of the shop have this SKU")
    return Match(Kind.EXACT, one, tuple(there)) if there else None


def _doubtful(shop: _Shop, one: Known, taken: Mapping[int, Known]) -> Match:
    near = tuple(shop.near.get(plain_sku(one.item_id), ()))
    if near:
        owner = next((taken[id(other)] for other in near if id(other) in taken), None)
        reason = f"the shop's SKU {near[0].sku!r} differs only by case or blanks"
        if owner is not None:
            reason += f", and belongs to {owner.item_id!r}; many shops do not tell the two apart"
        return Match(Kind.CONFLICTING, one, near, reason=reason)
    code = plain_barcode(one.barcode)
    same = tuple(shop.barcodes.get(code, ())) if code else ()
    if same:
        return Match(Kind.CONFLICTING, one, same, reason=f"the shop has its barcode under the SKU {same[0].sku!r}")
    reason = ""
    if one.item_id in shop.binned:
        reason = "in the shop's bin"
    elif one.remote:
        reason = "linked, but the shop does not show it any more"
    elif not one.sell_online:
        reason = "not sold online: it is not made in the shop"
    return Match(Kind.POS, one, reason=reason)


def _why_alone(listing: RemoteListing, ours: Mapping[str, str]) -> str:
    if not listing.sku.strip():
        return "it has no SKU, so it can never be found"
    near = ours.get(plain_sku(listing.sku))
    return f"beside the POS's {near!r}, which the shop has under its exact SKU" if near is not None else ""


# -- reading and linking

STORED = text(
    "SELECT p.id, p.item_id, p.content, l.remote FROM listings l"
    " JOIN products p ON p.account_id = l.account_id AND p.id = l.product_id"
    " WHERE l.account_id = :account_id AND l.channel_id = :channel_id"
)


def stored(connection: Connection, channel: ChannelRecord) -> list[Known]:
    """The store's products, as the channel knows them."""
    rows = connection.execute(STORED, {"account_id": channel.account_id, "channel_id": channel.id})
    return [
        Known(
            row.id,
            row.item_id,
            name=str(row.content.get("Name") or ""),
            barcode=str(row.content.get("UPC") or ""),
            sell_online=row.content.get("SellOnline") is not False,
            remote=row.remote,
        )
        for row in rows
    ]


def link_exact(connection: Connection, channel: ChannelRecord, report: Report) -> int:
    """Remember the exact matches; how many. Nothing is sent here: the lanes are marked, and wait if the channel does.

    For a caller that holds the channel's lock, so that no push is creating the same products meanwhile.
    """
    known = report.to_link()
    if known:
        link(connection, channel, known)
    return len(known)
