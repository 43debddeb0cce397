"""Which carriers BigCommerce makes tracking links for, by the names that POS systems use.

Only the usual ones; the channel's setting `carriers` adds others. A carrier that is not here goes along by its name,
and the shipment's own tracking address where the POS gives one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

CODES = {
    "ups": ("ups", "united parcel service"),
    "ups-freight": ("ups freight",),
    "ups-mi": ("ups mail innovations",),
    "fedex": ("fedex", "federal express", "fedex express", "fedex ground"),
    "fedex-freight": ("fedex freight",),
    "usps": ("usps", "us mail", "united states postal service", "us postal service"),
    "dhl": ("dhl", "dhl express"),
    "dhl-global-mail": ("dhl ecommerce", "dhl global mail"),
    "dhl-germany": ("dhl paket", "dhl germany", "dhl deutschland"),
    "dhlparcel-nl": ("dhl parcel nl",),
    "dhlparcel-uk": ("dhl parcel uk",),
    "canada-post": ("canada post", "postes canada"),
    "purolator": ("purolator",),
    "parcel-force": ("parcelforce", "parcel force"),
    "australia-post": ("australia post", "auspost"),
    "star-track": ("startrack", "star track"),
    "new-zealand-post": ("nz post", "new zealand post"),
    "gls": ("gls", "general logistics systems"),
    "dpd": ("dpd",),
    "dpd-uk": ("dpd uk",),
    "hermes-de": ("hermes germany", "hermes deutschland"),
    "tnt": ("tnt", "tnt express"),
    "ontrac": ("ontrac",),
    "lasership": ("lasership",),
}
# integrated providers that have no value of their own among the tracking carriers
PROVIDERS = {"royal mail": "royalmail"}
BY_NAME = {name: code for code, names in CODES.items() for name in names}


def plain(name: str) -> str:
    """`FedEx®  Ground` -> `fedex ground`."""
    return " ".join(re.sub(r"[^a-z0-9]+", " ", name.casefold()).split())


def code(name: str, own: Mapping[str, str]) -> str:
    """BigCommerce's tracking carrier value; "" for one that is not known."""
    for theirs, value in own.items():
        if plain(theirs) == plain(name):
            return value
    return BY_NAME.get(plain(name), "")


def provider(name: str) -> str:
    """What goes into shipping_provider for a carrier without a tracking carrier value: its name."""
    return PROVIDERS.get(plain(name), name)
