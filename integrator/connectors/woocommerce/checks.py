"""`integrator channel check`: what works and what is missing, by name, with what to do. Writes nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from integrator.connectors.base import CheckItem, CheckReport, ConnectorError, NeedsCredentials
from integrator.connectors.woocommerce.capabilities import NEWEST, OLDEST
from integrator.connectors.woocommerce.client import KEYS_HINT, Client, clock
from integrator.connectors.woocommerce.facts import Facts
from integrator.connectors.woocommerce.settings import WooSettings
from integrator.connectors.woocommerce.shipping import Shipping
from integrator.connectors.woocommerce.webhooks import TOPICS, Webhooks

CLOCK_TOLERANCE = 60  # seconds
OAUTH_TOLERANCE = 15 * 60  # WooCommerce refuses signatures that are older
WAYS = {
    "fulfillments": "with the fulfilments feature",
    "tracking": "with the shop's tracking extension",
    "note": "as notes on the order (the shop has neither the fulfilments feature nor a tracking extension)",
}


def check(client: Client, facts: Facts, settings: WooSettings, shipping: Shipping, webhooks: Webhooks) -> CheckReport:
    items = [_https(client)]
    try:
        response = client.send("GET", "wc/v3/products", {"per_page": 1, "_fields": "id"})
    except ConnectorError as error:
        name = "credentials" if isinstance(error, NeedsCredentials) else "REST API"
        return CheckReport((*items, CheckItem(name, False, error.message, error.hint)))
    items.append(CheckItem("REST API", True, f"wc/v3 answers at {client.base}."))
    items.append(_key(client, settings))
    items.append(_writes(client))
    items.append(_version(facts))
    items.append(_clock(client, clock(response)))
    items.append(_stock(client))
    items.append(_shipments(shipping))
    items.append(_webhooks(webhooks))
    return CheckReport(tuple(items))


def _https(client: Client) -> CheckItem:
    if client.https:
        return CheckItem("https", True, "The address is https.")
    hint = "Use https: over plain http orders and customers can be read on the way."
    return CheckItem("https", True, "The shop is reached over plain http; calls are signed with OAuth 1.0a.", hint)


SENT = {
    "header": "",
    "query": ", sent in the query, because the host drops the Authorization header",
    "signature": ", by signature, because WordPress does not see that it is reached over https",
}


def _key(client: Client, settings: WooSettings) -> CheckItem:
    how = SENT[client.auth] if client.https else ""
    hint = f"Set the channel's auth to {client.auth}, which saves calls." if how and settings.auth == "auto" else ""
    return CheckItem("credentials", True, f"The key may read{how}.", hint)


def _writes(client: Client) -> CheckItem:
    """An empty batch: WooCommerce checks the key's permission and has nothing to do."""
    try:
        client.post("wc/v3/products/batch", {"update": []}, items=0)
    except NeedsCredentials as error:
        return CheckItem("write permission", False, error.message, KEYS_HINT)
    except ConnectorError as error:
        return CheckItem("write permission", False, error.message, error.hint)
    return CheckItem("write permission", True, "The key may write.")


def _version(facts: Facts) -> CheckItem:
    version = facts.version
    if version is None:
        hint = "Make the key for a user with the role Administrator or Shop manager."
        return CheckItem("version", True, "The key may not see the system status; the version is unknown.", hint)
    shown = f"WooCommerce {(facts.system_status.get('environment') or {}).get('version')}"
    if version < OLDEST:
        hint = f"Update WooCommerce to {OLDEST[0]}.{OLDEST[1]} or newer."
        return CheckItem("version", False, f"{shown} is too old.", hint)
    if version > NEWEST:
        return CheckItem("version", True, f"{shown} is newer than what this connector was tested with.")
    return CheckItem("version", True, f"{shown}.")


def _clock(client: Client, shop: datetime | None) -> CheckItem:
    if shop is None:
        return CheckItem("clock", True, "The shop does not tell its time.")
    off = abs((datetime.now(UTC) - shop).total_seconds())
    if off <= CLOCK_TOLERANCE:
        return CheckItem("clock", True, f"The shop's clock differs by {off:.0f} s.")
    hint = "Set the clocks of both machines by NTP."
    if not client.https and off > OAUTH_TOLERANCE:
        hint += " Signed calls over http fail with this difference."
    return CheckItem("clock", False, f"The shop's clock differs by {off:.0f} s.", hint)


def _stock(client: Client) -> CheckItem:
    try:
        value = client.get("wc/v3/settings/products/woocommerce_manage_stock", {"_fields": "id,value"}).get("value")
    except ConnectorError as error:
        return CheckItem("stock management", True, f"It cannot be seen whether the shop keeps stock: {error.message}")
    if value == "no":
        hint = "Switch on WooCommerce > Settings > Products > Inventory > Enable stock management."
        return CheckItem("stock management", False, "The shop does not keep stock, so quantities cannot be set.", hint)
    return CheckItem("stock management", True, "The shop keeps stock.")


def _shipments(shipping: Shipping) -> CheckItem:
    try:
        return CheckItem("shipments", True, f"They are told {WAYS[shipping.way()]}.")
    except ConnectorError as error:
        return CheckItem("shipments", True, f"How they are told is seen with the first one ({error.message}).")


def _webhooks(webhooks: Webhooks) -> CheckItem:
    if not webhooks.url:
        hint = "Set INTEGRATOR_PUBLIC_URL to an address that the shop can reach; without it orders come by polling."
        return CheckItem("webhooks", True, "None: this service has no public address.", hint)
    try:
        known = webhooks.ours()
    except ConnectorError as error:
        return CheckItem("webhooks", False, error.message, error.hint)
    off = [topic for topic in TOPICS if not any(one.get("status") == "active" for one in known[topic])]
    if off:
        hint = "The worker registers them, once a day at least."
        return CheckItem("webhooks", True, f"Not active: {', '.join(off)}.", hint)
    return CheckItem("webhooks", True, "Order changes are announced at once.")
