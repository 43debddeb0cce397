"""Base, sale and tier prices: many rows a call, and an answer that lists only the rows that failed."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tests.connectors.magento.simulator.state import ZONE, ApiError, D, Json, State, number

DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
GROUPS = ("ALL GROUPS", "General", "Wholesale", "NOT LOGGED IN")


class Prices:
    state: State

    # -- prices

    def _failed(self, message: str, parameters: list[Any]) -> Json:
        return {"message": message, "parameters": [str(one) for one in parameters]}

    def _priced(self, sku: str) -> Json | None:
        """A product of a kind that has a price of its own."""
        one = next((p for p in self.state.products.values() if p["sku"] == sku), None)
        return (
            None
            if one is None or one["type"] in ("configurable", "grouped") or self.state.misbehaviour.reject_sku == sku
            else one
        )

    def base_prices(self, rows: list[Json]) -> list[Json]:
        failed = []
        for row in rows:
            one = self._priced(row["sku"])
            if one is None:
                failed.append(self._failed("Invalid attribute %fieldName = %fieldValue.", ["SKU", row["sku"]]))
            elif row["price"] < 0:
                failed.append(self._failed("Invalid attribute %fieldName = %fieldValue.", ["Price", row["price"]]))
            elif row["store_id"] != 0:
                failed.append(
                    self._failed(
                        "Requested store is not found. Row ID: SKU = %SKU, Store ID: %storeId.",
                        [row["sku"], row["store_id"]],
                    )
                )
            else:
                one["price"] = D(str(row["price"]))
                one["updated"] = self.state.stamp()
        return failed

    def special_prices(self, rows: list[Json]) -> list[Json]:
        tail = "Row ID: SKU = %SKU, Store ID: %storeId, Price From: %priceFrom, Price To: %priceTo."
        failed = []
        for row in rows:
            one = self._priced(row["sku"])
            where = [row["sku"], row["store_id"], row["price_from"], row["price_to"]]
            dates = [row[name] for name in ("price_from", "price_to") if row[name]]
            if one is None:
                failed.append(
                    self._failed(
                        f"The product that was requested doesn't exist. Verify the product and try again. {tail}", where
                    )
                )
            elif any(not DATE.fullmatch(date) for date in dates):
                failed.append(self._failed(f"Invalid attribute %label = %priceTo. {tail}", ["Price From", *where]))
            elif self.state.features.commerce and (
                len(dates) < 2 or dates[0] <= datetime.now(ZONE).strftime("%Y-%m-%d %H:%M:%S")
            ):
                failed.append(
                    self._failed(
                        f"The dates of the special price have to be set and to lie in the future. {tail}", where
                    )
                )
            else:
                one["attributes"]["special_price"] = str(row["price"])
                # an open date leaves the old one where it is
                one["attributes"] |= {
                    code: row[name]
                    for name, code in (("price_from", "special_from_date"), ("price_to", "special_to_date"))
                    if row[name]
                }
        return failed

    def special_information(self, skus: list[str]) -> list[Json]:
        if any(self._priced(sku) is None for sku in skus):
            raise ApiError(404, "Requested products don't exist: %sku", {"sku": ", ".join(skus)})
        found = []
        for sku in skus:
            one = self._priced(sku)
            if one and "special_price" in one["attributes"]:
                found.append(
                    {
                        "price": number(D(one["attributes"]["special_price"])), "store_id": 0, "sku": sku,
                        "price_from": one["attributes"].get("special_from_date", ""),
                        "price_to": one["attributes"].get("special_to_date", ""),
                    }
                )  # fmt: skip
        return found

    def special_delete(self, rows: list[Json]) -> list[Json]:
        for row in rows:
            one = self._priced(row["sku"])
            if one:
                for code in ("special_price", "special_from_date", "special_to_date"):
                    one["attributes"].pop(code, None)
        return []

    def tier_prices(self, rows: list[Json], *, delete: bool) -> list[Json]:
        failed = []
        for row in rows:
            key = (row["sku"], row["customer_group"], D(str(row["quantity"])))
            if self._priced(row["sku"]) is None:
                failed.append(self._failed("Invalid attribute SKU = %SKU. Row ID: SKU = %SKU", [row["sku"]]))
            elif row["customer_group"] not in GROUPS:
                failed.append(
                    self._failed(
                        "No such entity with Customer Group = %customerGroup. Row ID: SKU = %SKU",
                        [row["customer_group"], row["sku"]],
                    )
                )
            elif delete:
                self.state.tiers.pop(key, None)
            else:
                self.state.tiers[key] = row
        return failed
