"""The sandbox shop as its shoppers and its warehouse use it: `integrator sandbox …`."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from typing import Any

from demo.service import Service


@dataclass
class Shop:
    service: Service
    name: str

    def _sandbox(self, verb: str, *arguments: str) -> Any:
        return self.service.integrator("sandbox", verb, self.name, *arguments)

    def about(self) -> dict[str, Any]:
        shown: dict[str, Any] = self._sandbox("show")
        return shown

    def order(self, *lines: str, payment: str = "paid") -> str:
        """Lines as SKU=UNITS; the order's number."""
        (placed,) = self._sandbox("order", *(f"--line={line}" for line in lines), f"--payment={payment}")
        return str(placed["number"])

    def ship(self, order: str, *lines: str, tracking: str) -> None:
        self._sandbox("ship", order, *(f"--line={line}" for line in lines), f"--tracking={tracking}")

    def refund(self, order: str, *lines: str) -> None:
        self._sandbox("refund", order, *(f"--line={line}" for line in lines))

    def variants(self) -> dict[str, dict[str, Any]]:
        """What the shop holds, by SKU, read through its own API."""
        about, found, after = self.about(), {}, 0
        while after is not None:
            request = urllib.request.Request(  # noqa: S310 - our own address
                f"{about['api']}/variants?after={after}&limit=1000", headers={"Authorization": f"Bearer {about['key']}"}
            )
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                page = json.load(answer)
            found |= {one["sku"]: one for one in page["variants"]}
            after = page["next"]
        return found

    def shown_order(self, number: str) -> dict[str, Any]:
        about = self.about()
        identity = next(one["id"] for one in self._sandbox("orders") if str(one["number"]) == number)
        request = urllib.request.Request(  # noqa: S310
            f"{about['api']}/orders/{identity}", headers={"Authorization": f"Bearer {about['key']}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
        return found
