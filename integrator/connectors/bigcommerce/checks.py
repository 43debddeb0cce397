"""`integrator channel check`: what works and what is missing, by name, with what to do. Writes nothing.

A scope for writing is tried with an empty list: the gateway looks at the token's scopes first, and nothing is in it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from integrator.connectors.base import CheckItem, CheckReport, ConnectorError, NeedsCredentials, Rejected
from integrator.connectors.bigcommerce.client import Client, scope_of
from integrator.connectors.bigcommerce.facts import Facts
from integrator.connectors.bigcommerce.settings import BigSettings
from integrator.connectors.bigcommerce.webhooks import ADDRESS_HINT, TOPICS, Webhooks

CLOCK_TOLERANCE = 60  # seconds
NOWHERE = "v2/orders/0"  # no order has this number


def check(client: Client, facts: Facts, settings: BigSettings, webhooks: Webhooks) -> CheckReport:
    try:
        store = client.get("v2/store")
    except NeedsCredentials as error:
        if error.code != "SCOPE_MISSING":
            return CheckReport((CheckItem("credentials", False, error.message, error.hint),))
        store = {}
    except ConnectorError as error:
        hint = error.hint or "Check the channel's API path."
        return CheckReport((CheckItem("API", False, error.message, hint),))
    items = [CheckItem("credentials", True, f"The access token is known at {client.base}.")]
    if store:
        items.append(
            CheckItem("store", True, f"{store.get('name')}: plan {store.get('plan_name')}, {store.get('status')}.")
        )
    adjusting = "v3/inventory/adjustments/absolute"
    tried: list[tuple[str, str, bool, Callable[[], Any]]] = [
        ("store information", "v2/store", False, lambda: client.get("v2/store") if not store else None),
        ("read products", "v3/catalog/products", False, lambda: client.get("v3/catalog/products", {"limit": 1})),
        ("write products", "v3/catalog/variants", True, lambda: client.put("v3/catalog/variants", [])),
        ("read inventory", "v3/inventory/items", False, lambda: client.get("v3/inventory/items", {"limit": 1})),
        ("write inventory", adjusting, True, lambda: client.put(adjusting, {"items": []})),
        ("read orders", "v2/orders", False, lambda: client.get("v2/orders", {"limit": 1})),
        ("write orders", "v2/orders", True, lambda: client.put(NOWHERE, {"status_id": 11})),
        ("payments", "v3/orders", False, lambda: client.get("v3/orders/0/transactions")),
    ]  # fmt: skip
    items += [_tried(name, path, writes, call) for name, path, writes, call in tried]
    items.append(_clock(client))
    items.append(_locations(client, settings))
    if settings.price_list_id is not None or settings.tier_price_lists:
        items.append(_price_lists(client, facts, settings))
    items.append(_webhooks(webhooks))
    return CheckReport(tuple(items))


def _tried(name: str, path: str, writes: bool, call: Callable[[], Any]) -> CheckItem:
    scope = scope_of(path, writes=writes)
    try:
        call()
    except NeedsCredentials as error:
        return CheckItem(name, False, error.message, error.hint)
    except Rejected:  # the scope is there, and what was sent is nothing
        pass
    except ConnectorError as error:
        return CheckItem(name, False, error.message, error.hint or "Try again later.")
    return CheckItem(name, True, f"The API account has the scope {scope}.")


def _clock(client: Client) -> CheckItem:
    try:
        shop = int(client.get("v2/time")["time"])
    except (ConnectorError, KeyError, TypeError, ValueError):
        return CheckItem("clock", True, "The shop does not tell its time.")
    off = abs(datetime.now(UTC).timestamp() - shop)
    if off <= CLOCK_TOLERANCE:
        return CheckItem("clock", True, f"The shop's clock differs by {off:.0f} s.")
    return CheckItem("clock", False, f"The shop's clock differs by {off:.0f} s.", "Set this machine's clock by NTP.")


def _locations(client: Client, settings: BigSettings) -> CheckItem:
    try:
        known = {
            str(one["id"]): str(one.get("label") or one.get("code")) for one in client.all("v3/inventory/locations")
        }
    except ConnectorError as error:
        return CheckItem("locations", True, f"They cannot be seen: {error.message}")
    wanted = set(settings.location_map.values())
    if settings.stock_location is not None:
        wanted.add(str(settings.stock_location))
    unknown = sorted(wanted - known.keys())
    shown = ", ".join(f"{number} ({label})" for number, label in known.items())
    if unknown:
        hint = "Use the ids of these in location_map and stock_location."
        return CheckItem("locations", False, f"The shop has no location {', '.join(unknown)}; it has {shown}.", hint)
    return CheckItem("locations", True, f"The shop has {shown}.")


def _price_lists(client: Client, facts: Facts, settings: BigSettings) -> CheckItem:
    wanted = [*settings.tier_price_lists.values()]
    wanted += [settings.price_list_id] if settings.price_list_id is not None else []
    for number in wanted:
        try:
            client.get(f"v3/pricelists/{number}")
        except ConnectorError as error:
            hint = error.hint or "Use the id that the price list's page in the control panel has in its address."
            return CheckItem("price lists", False, f"Price list {number}: {error.message}", hint)
    if not facts.currency:
        return CheckItem("price lists", False, "The shop's currency is not known.", "Set price_list_currency.")
    return CheckItem("price lists", True, f"Prices go to {', '.join(map(str, wanted))} in {facts.currency.upper()}.")


def _webhooks(webhooks: Webhooks) -> CheckItem:
    if not webhooks.url:
        hint = "Set INTEGRATOR_PUBLIC_URL to an address that the shop can reach; without it orders come by polling."
        return CheckItem("webhooks", True, "None: this service has no public address.", hint)
    if webhooks.problem():
        return CheckItem("webhooks", True, f"{webhooks.problem()} Orders come by polling.", ADDRESS_HINT)
    try:
        known = webhooks.ours()
    except ConnectorError as error:
        return CheckItem("webhooks", False, error.message, error.hint or "Try again later.")
    off = [topic for topic in TOPICS if not any(one.get("is_active") for one in known[topic])]
    if off:
        hint = "The worker registers them, once a day at least."
        return CheckItem("webhooks", True, f"Not active: {', '.join(off)}.", hint)
    return CheckItem("webhooks", True, "Order changes are announced at once.")
