"""Pushing prices and stock: batches of products, and of the variations of each parent, with a result per item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from integrator.connectors.base import ConnectorError
from integrator.connectors.pushes import ListingPush, Outcome, PushResult, StylePush
from integrator.connectors.woocommerce import mapping
from integrator.connectors.woocommerce.batches import Answer, Batches
from integrator.connectors.woocommerce.client import NotFound
from integrator.connectors.woocommerce.errors import Failure, failure, is_gone
from integrator.connectors.woocommerce.settings import WooSettings

Json = dict[str, Any]
PRODUCTS = "wc/v3/products"


class ValuePush:
    """One call of push_price or push_stock."""

    def __init__(self, settings: WooSettings, batches: Batches) -> None:
        self.settings = settings
        self.batches = batches
        self.results: dict[int, PushResult] = {}
        self.lost: ConnectorError | None = None

    def prices(self, items: Sequence[StylePush]) -> list[PushResult]:
        self._write(items, lambda one: mapping.price_fields(one.price), self._priced)
        return self._all(items)

    def stock(self, items: Sequence[StylePush]) -> list[PushResult]:
        """The quantity is sent alone first: the answer tells whether the shop keeps stock of the item at all.

        Only where it does not, stock keeping is switched on with a second call; a variation whose stock the
        parent keeps is not taken away from it unless the channel says so.
        """
        unmanaged: list[ListingPush] = []

        def stocked(one: ListingPush, body: Json) -> None:
            managed = body.get("manage_stock")
            if managed is True:
                self._accept(one)
            elif managed == "parent" and self.settings.parent_stock != "own":
                message = f"The stock of {one.item_id!r} is kept by its parent, product {one.remote.get('product')}."
                hint = (
                    "Set the channel's parent_stock to own to give each variation its own stock, "
                    "or switch off 'Track stock quantity' on the parent; then resend the issue."
                )
                self._fail(one, Failure(Outcome.REJECTED, "PARENT_STOCK", message, hint))
            else:
                unmanaged.append(one)

        def switched_on(one: ListingPush, body: Json) -> None:
            if body.get("manage_stock") is True:
                self._accept(one)
            else:
                message = f"The shop does not keep stock of {one.item_id!r}, and does not let it be switched on."
                hint = "Switch on WooCommerce > Settings > Products > Inventory > Enable stock management."
                self._fail(one, Failure(Outcome.REJECTED, "STOCK_MANAGEMENT_OFF", message, hint))

        self._write(items, lambda one: {"stock_quantity": mapping.whole(one.stock.quantity)}, stocked)
        if unmanaged:
            again = [StylePush(None, "", (one,), frozenset({one.product_id})) for one in unmanaged]
            self._write(again, lambda one: mapping.stock_fields(one.stock), switched_on)
        return self._all(items)

    # --

    def _write(
        self,
        items: Sequence[StylePush],
        fields: Callable[[ListingPush], Json],
        written: Callable[[ListingPush, Json], None],
    ) -> None:
        routes: dict[str, list[ListingPush]] = {}
        for one in (one for style in items for one in style.listings if one.product_id in style.wanted):
            if "product" not in one.remote:
                message = f"The shop does not have {one.item_id!r} yet."
                self._fail(one, Failure(Outcome.RETRY, "NOT_LISTED", message))
            elif "variation" in one.remote:
                routes.setdefault(f"{PRODUCTS}/{one.remote['product']}/variations", []).append(one)
            else:
                routes.setdefault(PRODUCTS, []).append(one)
        for route, listings in routes.items():
            bodies = [
                {"id": int(one.remote.get("variation") or one.remote["product"]), **fields(one)} for one in listings
            ]
            try:
                answers = self.batches.update(route, bodies)
            except ConnectorError as error:
                self.lost = error
                answers = [Answer(lost=error) for _ in bodies]
                if not self.results:
                    raise
            for one, answer in zip(listings, answers, strict=True):
                if answer.body is not None and answer.error is None:
                    written(one, answer.body)
                else:
                    self._refuse(one, answer)
            if self.lost is not None:  # the shop is away: the other parents have to wait too
                for other in (one for later in routes.values() for one in later if one.product_id not in self.results):
                    self._fail(other, failure(None, self.lost))
                return

    def _priced(self, one: ListingPush, body: Json) -> None:
        if body.get("type") == "variable":
            message = f"Product {body['id']} with the SKU {one.item_id!r} is variable: its variations have the prices."
            hint = "Make it a simple product in the shop, or send its variants as a style; then resend the issue."
            self._fail(one, Failure(Outcome.REJECTED, "PRICE_OF_PARENT", message, hint))
        else:
            self._accept(one)

    def _refuse(self, one: ListingPush, answer: Answer) -> None:
        if isinstance(answer.lost, NotFound) or (answer.error is not None and is_gone(answer.error)):
            message = f"The shop does not have {one.item_id!r} any more."
            self._fail(one, Failure(Outcome.REJECTED, "LISTING_MISSING", message))
        else:
            self._fail(one, failure(answer.error, answer.lost))

    def _accept(self, one: ListingPush) -> None:
        self.results[one.product_id] = PushResult(one.product_id, Outcome.ACCEPTED, remote=one.remote)

    def _fail(self, one: ListingPush, found: Failure) -> None:
        self.results[one.product_id] = found.result(one)

    def _all(self, items: Sequence[StylePush]) -> list[PushResult]:
        return [self.results[one] for style in items for one in sorted(style.wanted) if one in self.results]
