"""Price lists: where the channel's prices go instead of the catalogue, and where the POS's price tiers go.

A record without a sale price has none; what was written before with one is taken away first, since a record cannot be
told to forget it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from integrator.connectors.base import Rejected
from integrator.connectors.bigcommerce.capabilities import PRICE_RECORDS
from integrator.connectors.bigcommerce.client import Client, NotFound, chunks
from integrator.connectors.bigcommerce.errors import divided
from integrator.connectors.bigcommerce.facts import Facts
from integrator.connectors.bigcommerce.settings import BigSettings
from integrator.connectors.pushes import ListingPush, Price

Json = dict[str, Any]


def record(variant: str, currency: str, price: Price) -> Json:
    body: Json = {"variant_id": int(variant), "currency": currency, "price": price.price}
    if price.sale_price is not None:
        body["sale_price"] = price.sale_price
    if price.msrp is not None:
        body["retail_price"] = price.msrp
    return body


def tier_record(variant: str, currency: str, price: Price, code: str) -> Json | None:
    """The prices of one tier: from one unit on the price itself, from more on by quantity. None: it has none."""
    steps = sorted((least, amount) for name, least, amount in price.tiers if name == code)
    if not steps:
        return None
    single = [amount for least, amount in steps if least <= 1]
    body: Json = {"variant_id": int(variant), "currency": currency, "price": single[-1] if single else price.price}
    more = [(int(least), amount) for least, amount in steps if least > 1]
    if more:
        ends = [following - 1 for following, _ in more[1:]] + [0]
        body["bulk_pricing_tiers"] = [
            {"quantity_min": least, "quantity_max": most, "type": "fixed", "amount": amount}
            for (least, amount), most in zip(more, ends, strict=True)
        ]
    return body


def had(sent: Mapping[str, Any] | None, name: str) -> Any:
    return (sent or {}).get(name)


class PriceLists:
    def __init__(self, client: Client, settings: BigSettings, facts: Facts) -> None:
        self.client = client
        self.settings = settings
        self.facts = facts

    def write(self, listings: Sequence[ListingPush], refused: Callable[[ListingPush, Rejected], None]) -> None:
        currency = self.facts.currency
        if self.settings.price_list_id is not None:
            forget = [one for one in listings if had(one.sent, "SalePrice") and one.price.sale_price is None]
            bodies = {one.product_id: record(one.remote["variant"], currency, one.price) for one in listings}
            self._write(self.settings.price_list_id, listings, bodies, forget, refused)
        for code, price_list in self.settings.tier_price_lists.items():
            bodies = {}
            for one in listings:
                body = tier_record(one.remote["variant"], currency, one.price, code)
                if body is not None:
                    bodies[one.product_id] = body
            before = {one.product_id for one in listings if any(t[0] == code for t in had(one.sent, "Tiers") or [])}
            forget = [one for one in listings if one.product_id in before and one.product_id not in bodies]
            self._write(price_list, listings, bodies, forget, refused)

    def _write(
        self,
        price_list: int,
        listings: Sequence[ListingPush],
        bodies: Mapping[int, Json],
        forget: Sequence[ListingPush],
        refused: Callable[[ListingPush, Rejected], None],
    ) -> None:
        path = f"v3/pricelists/{price_list}/records"
        for part in chunks([one.remote["variant"] for one in forget], 200):
            with suppress(NotFound):
                self.client.delete(path, {"variant_id:in": ",".join(part)})

        def put(rows: Sequence[ListingPush]) -> None:
            self.client.put(path, [bodies[one.product_id] for one in rows], items=len(rows))

        writable = [one for one in listings if one.product_id in bodies]
        for start in range(0, len(writable), PRICE_RECORDS):
            divided(writable[start : start + PRICE_RECORDS], put, refused)
