"""Orders and what hangs on them, as they leave the shop: JSON numbers, each amount in both currencies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.connectors.magento.simulator.state import RATE, D, Json, State, cents, number


def both(values: Mapping[str, Any]) -> Json:
    """Amounts in both currencies."""
    found: Json = {}
    for key, value in values.items():
        found[key] = number(value)
        found[f"base_{key}"] = number((D(value) * RATE).quantize(D("0.0001")))
    return found


class Documents:
    state: State

    def top(self, order: Json) -> list[Json]:
        return [one for one in order["rows"] if one["parent_item_id"] is None]

    # -- on their way out

    def order_out(self, order: Json) -> Json:
        who = order["who"]
        extension: Json = {
            "shipping_assignments": [
                {"shipping": {"address": self._address(order, "shipping"), "method": "flatrate_flatrate"}, "items": []}
            ],
            "applied_taxes": [{"code": "VAT", "title": "VAT", "percent": number(order["tax_rate"] * 100),
            **both({"amount": order["tax"]})}],
            "item_applied_taxes": [
                {
                    "type": "product", "item_id": one["item_id"],
                    "applied_taxes": [{"code": "VAT", "title": "VAT", "percent": number(one["rate"]),
                    **both({"amount": one["tax"]})}],
                }
                for one in self.top(order)
            ],
            "payment_additional_info": [{"key": "method_title", "value": "Credit card"}],
        }  # fmt: skip
        if order["gift_card"]:
            amounts = both({"amount": order["gift_card"]})
            extension["gift_cards"] = [{"id": 1, "code": "GC-1", **amounts}]
            extension |= both({"gift_cards_amount": order["gift_card"]})
        found: Json = {
            "entity_id": order["id"], "increment_id": order["increment"], "state": order["state"],
            "status": {"new": "pending"}.get(order["state"], order["state"]), "created_at": order["created"],
            "updated_at": order["updated"],
            "customer_email": who["email"], "customer_is_guest": int(not who.get("id")), "order_currency_code": "EUR",
            "base_currency_code": "USD", "shipping_description": "Flat Rate - Fixed", "is_virtual": 0,
            "items": [self.row_out(order, one) for one in order["rows"]],
            "billing_address": self._address(order, "billing"),
            "payment": self._payment(order), "status_histories": [], "extension_attributes": extension,
            **both(
                {
                    "grand_total": order["grand"], "subtotal": order["subtotal"], "discount_amount": -order["discount"],
                    "shipping_amount": order["shipping"], "shipping_tax_amount": order["shipping_tax"],
                    "tax_amount": order["tax"],
                    "shipping_discount_amount": D(0),
                }
            ),
        }  # fmt: skip
        if who.get("id"):
            found |= {
                "customer_id": int(who["id"]),
                "customer_firstname": who["first"],
                "customer_lastname": who["last"],
            }
        if order["discount"]:
            found["coupon_code"] = "SAVE"
        if order["invoiced"]:  # what has not happened yet is not there at all
            found |= both(
                {
                    "total_invoiced": order["invoiced"],
                    "total_paid": order["paid"],
                    "total_due": order["grand"] - order["paid"],
                }
            )
        if order["refunded"]:
            found |= both({"total_refunded": order["refunded"]})
        return found

    def _address(self, order: Json, kind: str) -> Json:
        who = order["who"]
        return {
            "entity_id": order["id"], "parent_id": order["id"], "address_type": kind, "firstname": who["first"],
            "lastname": who["last"],
            "street": ["Hauptstraße 1", "Hinterhaus"], "city": "Köln", "region": "Nordrhein-Westfalen",
            "region_code": "NRW",
            "postcode": "50667", "country_id": "DE", "telephone": "+49 221 1", "email": who["email"],
        }  # fmt: skip

    def _payment(self, order: Json) -> Json:
        found: Json = {
            "method": order["method"], "account_status": "", "additional_information": ["Credit card"],
            "cc_last4": "4242", "cc_type": "VI",
            "entity_id": order["id"], "parent_id": order["id"], **both({"amount_ordered": order["grand"]}),
        }  # fmt: skip
        if order["authorised"]:
            found |= both({"amount_authorized": order["authorised"]})
        if order["paid"]:
            found |= {"last_trans_id": f"pay_{order['id']}", **both({"amount_paid": order["paid"]})}
        return found

    def row_out(self, order: Json, one: Json) -> Json:
        found: Json = {
            "item_id": one["item_id"], "order_id": order["id"], "product_id": one["product_id"], "sku": one["sku"],
            "name": one["name"],
            "product_type": one["type"], "created_at": order["created"], "updated_at": order["updated"],
            "tax_percent": number(one["rate"]), "is_virtual": 0,
            **{f"qty_{name}": number(one[name]) for name in ("ordered", "invoiced", "shipped", "refunded", "canceled")},
            **both(
                {
                    "price": one["price"], "original_price": one["price"], "row_total": one["total"],
                    "discount_amount": one["discount"], "tax_amount": one["tax"],
                    "price_incl_tax": one["price"] + (cents(one["tax"] / one["ordered"]) if one["ordered"] else D(0)),
                    "row_total_incl_tax": one["total"] + one["tax"],
                }
            ),
        }  # fmt: skip
        if one["parent_item_id"]:
            found["parent_item_id"] = one["parent_item_id"]
            parent = next(other for other in order["rows"] if other["item_id"] == one["parent_item_id"])
            found["parent_item"] = self.row_out(order, parent)
        return found

    def invoice_out(self, one: Json) -> Json:
        return {
            "entity_id": one["id"], "order_id": one["order"], "increment_id": f"I{one['id']}", "state": one["state"],
            "created_at": one["created"], "updated_at": one["updated"], "transaction_id": one["transaction"],
            "total_qty": number(sum((item["qty"] for item in one["items"]), D(0))), "order_currency_code": "EUR",
            "comments": [],
            "items": [
                {
                    "entity_id": place, "parent_id": one["id"], "order_item_id": item["row"]["item_id"],
                    "sku": item["row"]["sku"],
                    "name": item["row"]["name"], "qty": number(item["qty"]),
                    **both({"price": item["row"]["price"], "row_total": item["total"], "tax_amount": item["tax"],
                    "discount_amount": item["discount"]}),
                }
                for place, item in enumerate(one["items"])
            ],
            **both({"grand_total": one["total"], "shipping_amount": one["shipping"],
            "shipping_tax_amount": one["shipping_tax"]}),
        }  # fmt: skip

    def shipment_out(self, one: Json) -> Json:
        return {
            "entity_id": one["id"], "order_id": one["order"], "increment_id": f"S{one['id']}",
            "created_at": one["created"],
            "updated_at": one["updated"], "extension_attributes": {"source_code": one["source"]},
            "total_qty": number(sum((count for _, count in one["items"]), D(0))),
            "items": [
                {
                    "entity_id": place, "parent_id": one["id"], "order_item_id": row["item_id"], "sku": row["sku"],
                    "name": row["name"],
                    "qty": number(count), "product_id": row["product_id"],
                }
                for place, (row, count) in enumerate(one["items"])
            ],
            "tracks": [
                {
                    "entity_id": track["id"], "order_id": one["order"], "parent_id": one["id"], "weight": 0, "qty": 0,
                    "description": "",
                    "track_number": track["track_number"], "title": track["title"],
                    "carrier_code": track["carrier_code"],
                }
                for track in one["tracks"]
            ],
            "comments": [
                {"comment": text, "is_customer_notified": 0, "is_visible_on_front": 0, "parent_id": one["id"]}
                for text in one["comments"]
            ],
        }  # fmt: skip

    def creditmemo_out(self, one: Json) -> Json:
        items = []
        for place, item in enumerate(one["items"]):
            row = item["row"]
            items.append(
                {
                    "entity_id": place, "parent_id": one["id"], "order_item_id": row["item_id"], "sku": row["sku"],
                    "name": row["name"],
                    "qty": number(item["qty"]), "base_cost": 0,
                    **both({"price": row["price"], "row_total": item["total"], "tax_amount": item["tax"],
                    "discount_amount": item["discount"]}),
                }
            )  # fmt: skip
            child = next(
                (
                    other
                    for other in self.state.orders[one["order"]]["rows"]
                    if other["parent_item_id"] == row["item_id"]
                ),
                None,
            )
            if child:  # the variant's row stands there too, without money
                items.append(
                    {
                        "entity_id": 1000 + place, "parent_id": one["id"], "order_item_id": child["item_id"],
                        "sku": child["sku"],
                        "name": child["name"], "qty": number(item["qty"]), "base_cost": 0, "price": 0, "base_price": 0,
                    }
                )  # fmt: skip
        amounts = {
            "grand_total": one["total"], "adjustment_positive": one["adjustment"], "adjustment_negative": D(0),
            "shipping_amount": one["shipping"], "tax_amount": one["tax"],
        }  # fmt: skip
        return {
            "entity_id": one["id"], "order_id": one["order"], "increment_id": f"C{one['id']}", "state": one["state"],
            "created_at": one["created"], "updated_at": one["updated"], "order_currency_code": "EUR", "items": items,
            "comments": [],
            **both(amounts),
        }  # fmt: skip
