"""`integrator channel check`: what works and what is missing, by name, with what to do. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from integrator.connectors.base import CheckItem, CheckReport, ConnectorError, NeedsCredentials, Rejected
from integrator.connectors.magento.client import KEYS_HINT, Client, Search, clock
from integrator.connectors.magento.facts import Facts
from integrator.connectors.magento.settings import MagentoSettings

CLOCK_TOLERANCE = 60  # seconds
OAUTH_TOLERANCE = 10 * 60  # Magento refuses signatures that are older

READS = (
    ("products", "V1/products"),
    ("attributes", "V1/products/attributes"),
    ("attribute sets", "V1/products/attribute-sets/sets/list"),
    ("orders", "V1/orders"),
    ("invoices", "V1/invoices"),
    ("shipments", "V1/shipments"),
    ("credit memos", "V1/creditmemos"),
)
# Calls that may write and have nothing to do: who may make them gets an empty answer or a refusal of the emptiness.
WRITES: tuple[tuple[str, str, Any], ...] = (
    ("prices", "V1/products/base-prices", {"prices": []}),
    ("shipping", "V1/order/0/ship", {"items": []}),
    ("invoicing", "V1/order/0/invoice", {"items": []}),
)


def check(client: Client, facts: Facts, settings: MagentoSettings) -> CheckReport:
    items = [_https(client)]
    try:
        response = client.send("GET", "V1/store/storeViews")
    except ConnectorError as error:
        name = "credentials" if isinstance(error, NeedsCredentials) and error.code != "SCOPE_MISSING" else "REST API"
        return CheckReport((*items, CheckItem(name, False, error.message, error.hint or KEYS_HINT)))
    how = "signed with OAuth" if client.keys else "with the access token as a bearer"
    items.append(CheckItem("credentials", True, f"REST V1 answers at {client.base}; calls are {how}."))
    items.append(_clock(client, clock(response)))
    items += _scopes(client)
    items.append(_stock(client, facts, settings))
    items.append(_asked("websites", lambda: f"New products go to {len(facts.website_ids)} website(s)."))
    items.append(_asked("attribute set", lambda: f"{settings.attribute_set!r} is number {facts.attribute_set}."))
    items.append(CheckItem("webhooks", True, "None: Magento Open Source has none, orders are polled."))
    return CheckReport(tuple(items))


def _https(client: Client) -> CheckItem:
    if client.base.startswith("https://"):
        return CheckItem("https", True, "The address is https.")
    hint = "Use https: over plain http orders, customers and a bearer token can be read on the way."
    return CheckItem("https", True, "The shop is reached over plain http.", hint)


def _clock(client: Client, shop: datetime | None) -> CheckItem:
    if shop is None:
        return CheckItem("clock", True, "The shop does not tell its time.")
    off = abs((datetime.now(UTC) - shop).total_seconds())
    if off <= CLOCK_TOLERANCE:
        return CheckItem("clock", True, f"The shop's clock differs by {off:.0f} s.")
    hint = "Set the clocks of both machines by NTP."
    if client.keys and off > OAUTH_TOLERANCE:
        hint += " The shop refuses signatures that differ by more than ten minutes."
    return CheckItem("clock", False, f"The shop's clock differs by {off:.0f} s.", hint)


def _scopes(client: Client) -> list[CheckItem]:
    """One item for each resource that is missing, or one that says that none is."""
    found: list[CheckItem] = []

    def tried(name: str, call: Callable[[], object]) -> None:
        try:
            call()
        except NeedsCredentials as error:
            found.append(CheckItem(f"may use {name}", False, error.message, error.hint))
        except Rejected:
            pass  # it may be called: what was refused is that there is nothing to do
        except ConnectorError as error:
            found.append(CheckItem(name, False, error.message, error.hint or "Try again in a while."))

    for name, path in READS:
        tried(name, lambda path=path: client.search(path, Search(size=1)))  # type: ignore[misc]
    tried("categories", lambda: client.get("V1/categories", [("depth", "0")]))
    for name, path, body in WRITES:
        tried(name, lambda path=path, body=body: client.post(path, body, items=0))  # type: ignore[misc]
    return found or [CheckItem("API resources", True, "The integration may use all that is needed.")]


def _stock(client: Client, facts: Facts, settings: MagentoSettings) -> CheckItem:
    try:
        sources = facts.sources
    except ConnectorError as error:
        return CheckItem("stock", False, error.message, error.hint or KEYS_HINT)
    if sources is None:
        return CheckItem("stock", True, "The shop keeps one quantity per product (MSI is off).")
    wanted = set(settings.location_map.values()) or {facts.source}
    lacking = sorted(wanted - set(sources))
    if lacking:
        hint = "Correct the channel's source or location_map, or make the source in Stores > Inventory > Sources."
        known = ", ".join(sources)
        return CheckItem("stock", False, f"The shop has no source {', '.join(lacking)}; it has: {known}.", hint)
    try:
        client.post("V1/inventory/source-items", {"sourceItems": []}, items=0)
    except NeedsCredentials as error:
        return CheckItem("may write stock", False, error.message, error.hint)
    except ConnectorError:
        pass  # it may be called, and there is nothing to do
    return CheckItem("stock", True, f"Stock goes to the source(s) {', '.join(sorted(wanted))}.")


def _asked(name: str, say: Callable[[], str]) -> CheckItem:
    try:
        return CheckItem(name, True, say())
    except ConnectorError as error:
        return CheckItem(name, False, error.message, error.hint or KEYS_HINT)
