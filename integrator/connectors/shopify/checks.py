"""`integrator channel check`: what works and what is missing, by name, with what to do. Writes nothing."""

from __future__ import annotations

from integrator.connectors.base import CheckItem, CheckReport, ConnectorError, NeedsCredentials
from integrator.connectors.shopify.capabilities import API_VERSION, OPTIONAL_SCOPES, SCOPES
from integrator.connectors.shopify.client import Client, daily_limit_error
from integrator.connectors.shopify.facts import Facts
from integrator.connectors.shopify.ids import number
from integrator.connectors.shopify.settings import ShopifyCredentials, ShopifySettings
from integrator.connectors.shopify.webhooks import SECRET_HINT, TOPICS, Webhooks, secret

CLOCK_TOLERANCE = 60  # seconds
KINDS = {
    "token": "a token that does not expire",
    "client_credentials": "the client credentials grant; the token is renewed every 19 hours",
    "offline": "an expiring offline token, which is refreshed",
}
SCOPE_HINT = "Add it to the app's scopes (Dev Dashboard > the app > Versions), release, and install it again."


def check(
    client: Client, facts: Facts, settings: ShopifySettings, credentials: ShopifyCredentials, webhooks: Webhooks
) -> CheckReport:
    try:
        granted = {one["handle"] for one in client.run("scopes")["currentAppInstallation"]["accessScopes"]}
    except ConnectorError as error:
        name = "credentials" if isinstance(error, NeedsCredentials) else "API"
        hint = error.hint or "See that the shop is open and that this machine reaches it."
        return CheckReport((CheckItem(name, False, error.message, hint),))
    items = [
        CheckItem("credentials", True, f"The shop lets the app in, by {KINDS[credentials.kind]}."),
        _version(client),
    ]
    items += _scopes(granted)
    items.append(_clock(client))
    try:
        items += _shop(facts, settings)
    except ConnectorError as error:
        items.append(CheckItem("shop", False, error.message, error.hint or SCOPE_HINT))
    items.append(_customers(client))
    items.append(_quota(client))
    items += _limits(client)
    items.append(_webhooks(webhooks))
    return CheckReport(tuple(items))


def _version(client: Client) -> CheckItem:
    served = client.served_version
    if served and served != API_VERSION:
        hint = "Update Integrator: Shopify answers with another version once this one is a year old."
        return CheckItem(
            "version", False, f"The shop answers as {served}; this connector is made for {API_VERSION}.", hint
        )
    return CheckItem("version", True, f"GraphQL Admin API {served or API_VERSION}.")


def implied(granted: set[str]) -> set[str]:
    """With the reading that comes with each writing."""
    return granted | {one.replace("write_", "read_", 1) for one in granted if one.startswith("write_")}


def _scopes(granted: set[str]) -> list[CheckItem]:
    known = implied(granted)
    items = [
        CheckItem(f"scope {name}", False, f"The app lacks {name}, which it needs {why}.", SCOPE_HINT)
        for name, why in SCOPES.items()
        if name not in known
    ]
    if not items:
        items = [CheckItem("scopes", True, "The app has all that is needed.")]
    missing = [name for name in OPTIONAL_SCOPES if name not in known]
    for name in missing:
        items.append(CheckItem(f"scope {name}", True, f"Not granted: {OPTIONAL_SCOPES[name]}", SCOPE_HINT))
    return items


def _clock(client: Client) -> CheckItem:
    if client.server_time is None:
        return CheckItem("clock", True, "The shop does not tell its time.")
    off = abs((client.now() - client.server_time).total_seconds())
    if off <= CLOCK_TOLERANCE:
        return CheckItem("clock", True, f"The shop's clock differs by {off:.0f} s.")
    return CheckItem("clock", False, f"The shop's clock differs by {off:.0f} s.", "Set this machine's clock by NTP.")


def _shop(facts: Facts, settings: ShopifySettings) -> list[CheckItem]:
    shop = facts.shop.get("shop") or {}
    plan = (shop.get("plan") or {}).get("publicDisplayName") or "unknown plan"
    items = [CheckItem("shop", True, f"{shop.get('name')} ({plan}), in {shop.get('currencyCode')}.")]
    names = facts.location_names
    mapped = {number(one) for one in settings.location_map.values()}
    unknown = sorted(mapped - names.keys())
    known = ", ".join(f"{identity} = {name}" for identity, name in names.items())
    if unknown:
        hint = f"The shop's active locations are: {known}."
        items.append(CheckItem("locations", False, f"The shop has no active location {', '.join(unknown)}.", hint))
    elif settings.location and number(settings.location) not in names:
        items.append(
            CheckItem(
                "locations", False, f"The shop has no active location {settings.location}.", f"There are: {known}."
            )
        )
    elif mapped:
        said = ", ".join(f"{pos} -> {names[number(one)]}" for pos, one in settings.location_map.items())
        items.append(CheckItem("locations", True, f"One to one: {said}."))
    else:
        place = facts.location
        items.append(CheckItem("locations", True, f"Stock is set at {names.get(place, place)}. There are: {known}."))
    return items


def _customers(client: Client) -> CheckItem:
    """Names and addresses are given out only to apps that asked for them, whatever their scopes."""
    name = "customer data"
    hint = "Ask for it in the Dev Dashboard > the app > API access requests > Protected customer data."
    try:
        client.run("customer_access")
    except NeedsCredentials as error:
        return CheckItem(name, False, f"Orders would come without their customers: {error.message}", hint)
    if client.denied:
        return CheckItem(name, False, f"Orders would come without a part of it: {client.denied[0]}", hint)
    return CheckItem(name, True, "The app may see whose order it is.")


def _quota(client: Client) -> CheckItem:
    budget = client.budget
    return CheckItem("quota", True, f"{budget.restore:g} points a second, up to {budget.maximum:g} at once.")


def _limits(client: Client) -> list[CheckItem]:
    until = client.no_variants_before
    if until is None or until <= client.now():
        return []
    error = daily_limit_error(client.now())
    return [CheckItem("daily limit", True, error.message, error.hint)]


def _webhooks(webhooks: Webhooks) -> CheckItem:
    if not webhooks.url:
        hint = "Set INTEGRATOR_PUBLIC_URL to an https address that Shopify reaches; without it orders come by polling."
        return CheckItem("webhooks", True, "None: this service has no public address.", hint)
    if not secret(webhooks.channel):
        return CheckItem("webhooks", True, "None: the channel has no secret to verify them by.", SECRET_HINT)
    try:
        known = webhooks.ours()
    except ConnectorError as error:
        return CheckItem("webhooks", False, error.message, error.hint or SCOPE_HINT)
    off = [topic for topic in TOPICS if not any(one.get("uri") == webhooks.url for one in known[topic])]
    if off:
        hint = "The worker registers them, once a day at least."
        return CheckItem("webhooks", True, f"Not registered: {', '.join(off)}.", hint)
    return CheckItem("webhooks", True, "Order changes are announced at once.")
