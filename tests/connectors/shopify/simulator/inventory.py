"""Stock: levels by item and location, compare-and-set, idempotency keys."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tests.connectors.shopify.simulator.connection import paged
from tests.connectors.shopify.simulator.state import Json, State, UserErrors, Violation, gid, number_of, refused

REASONS = frozenset(
    {
        "correction", "cycle_count_available", "damaged", "movement_created", "movement_updated", "movement_received",
        "movement_canceled", "other", "promotion", "quality_control", "received", "reservation_created",
        "reservation_deleted", "reservation_updated", "restock", "safety_stock", "shrinkage",
    }
)  # fmt: skip


class Inventory:
    def __init__(self, state: State) -> None:
        self.state = state

    def put(self, item: str, location: str, quantity: int) -> None:
        self.state.levels[item, location] = {"quantity": quantity, "at": self.state.stamp()}

    def move(self, item: str, location: str, by: int) -> None:
        level = self.state.levels.get((item, location))
        self.put(item, location, (level["quantity"] if level else 0) + by)

    def forget(self, item: str) -> None:
        for key in [key for key in self.state.levels if key[0] == item]:
            del self.state.levels[key]

    def levels_of(self, item: str) -> list[Json]:
        return [level for (owner, _), level in self.state.levels.items() if owner == item]

    def variant_of(self, item: str) -> Json | None:
        return next((one for one in self.state.variants.values() if one["item"] == item), None)

    # -- what is seen

    def item_view(self, variant: Json) -> Json:
        item = variant["item"]

        def level(location: str) -> Json | None:
            found = self.state.levels.get((item, location))
            return self._level_view(item, location, found) if found else None

        places = [location for owner, location in self.state.levels if owner == item]
        return {
            "__typename": "InventoryItem",
            "id": gid("InventoryItem", item),
            "sku": variant["sku"],
            "tracked": variant["tracked"],
            "inventoryLevel": lambda _, locationId, **__: level(number_of(locationId, "Location")),
            "inventoryLevels": paged(lambda: places, lambda one: level(one) or {}, int),
        }

    def _level_view(self, item: str, location: str, level: Json) -> Json:
        def quantities(_info: Any, names: list[str]) -> list[Json]:
            return [
                {"id": gid("InventoryQuantity", f"{item}-{name}"), "name": name, "quantity": level["quantity"],
                 "updatedAt": level["at"]}
                for name in names
            ]  # fmt: skip

        return {
            "__typename": "InventoryLevel",
            "id": gid("InventoryLevel", f"{item}?inventory_item_id={item}"),
            "location": self.location_view(location),
            "quantities": quantities,
        }

    def location_view(self, number: str) -> Json:
        return {"__typename": "Location", "id": gid("Location", number), "name": self.state.locations.get(number, "")}

    # -- inventorySetQuantities

    def set(self, info: Any, input: Json) -> Json:
        key = self._key(info)
        digest = hashlib.sha256(json.dumps(input, sort_keys=True, default=str).encode()).hexdigest()
        known = self.state.idempotent.get(key)
        if known is not None:
            if known["digest"] != digest:
                raise refused("IDEMPOTENCY_KEY_PARAMETER_MISMATCH", "The key was used with other parameters")
            if known["failed"]:
                raise refused("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", "A previous request with this key failed")
            return known["result"]
        try:
            result = self._set(input)
        except UserErrors:
            self.state.idempotent[key] = {"digest": digest, "failed": True}
            raise
        self.state.idempotent[key] = {"digest": digest, "failed": False, "result": result}
        return result

    @staticmethod
    def _key(info: Any) -> str:
        from graphql import value_from_ast_untyped

        for directive in info.field_nodes[0].directives or ():
            if directive.name.value == "idempotent":
                given = getattr(info.variable_values, "coerced", info.variable_values)
                key = value_from_ast_untyped(directive.arguments[0].value, dict(given))
                if key is not None and str(key).strip():
                    return str(key)
        raise Violation("inventorySetQuantities without @idempotent")

    def _set(self, input: Json) -> Json:
        rows = input["quantities"]
        if input["name"] not in ("available", "on_hand"):
            raise refused("INVALID_NAME", "The quantity name must be available or on_hand", "input", "name")
        if input["reason"] not in REASONS:
            raise refused("INVALID_REASON", "The specified reason is invalid.", "input", "reason")
        if len(rows) > 250:
            raise Violation("more than 250 quantities in one call")
        errors: list[tuple[str, str, list[str]]] = []
        seen: set[tuple[str, str]] = set()
        for position, row in enumerate(rows):
            path = ["input", "quantities", str(position)]
            if "changeFromQuantity" not in row:
                raise Violation("a quantity without changeFromQuantity")
            item, location = (
                number_of(row["inventoryItemId"], "InventoryItem"),
                number_of(row["locationId"], "Location"),
            )
            variant = self.variant_of(item)
            there = self.state.levels.get((item, location), {"quantity": 0})["quantity"]
            if (item, location) in seen:
                errors.append(("NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR", "The combination must be unique", path))
            elif variant is None:
                message = "The specified inventory item could not be found."
                errors.append(("INVALID_INVENTORY_ITEM", message, [*path, "inventoryItemId"]))
            elif location not in self.state.locations:
                errors.append(("INVALID_LOCATION", "The specified location could not be found.", [*path, "locationId"]))
            elif variant["sku"] == self.state.misbehaviour.reject_sku:
                errors.append(("NON_MUTABLE_INVENTORY_ITEM", "The item cannot be adjusted", path))
            elif row["changeFromQuantity"] is not None and row["changeFromQuantity"] != there:
                message = "The changeFromQuantity argument no longer matches the persisted quantity."
                errors.append(("CHANGE_FROM_QUANTITY_STALE", message, [*path, "changeFromQuantity"]))
            seen.add((item, location))
        if errors:
            raise UserErrors(*errors)
        for row in rows:
            item, location = row["inventoryItemId"].rsplit("/", 1)[-1], row["locationId"].rsplit("/", 1)[-1]
            self.put(item, location, row["quantity"])
        group = {
            "__typename": "InventoryAdjustmentGroup", "id": gid("InventoryAdjustmentGroup", self.state.number()),
            "reason": input["reason"],
        }  # fmt: skip
        return {"inventoryAdjustmentGroup": group}
