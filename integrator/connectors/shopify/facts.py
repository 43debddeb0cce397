"""What has to be known of the shop, asked at most once a job: locations, units, sales channels, our metafield."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from integrator.connectors.base import NeedsCredentials, Rejected
from integrator.connectors.shopify.capabilities import VARIANTS_MOST
from integrator.connectors.shopify.client import Client
from integrator.connectors.shopify.documents import CUSTOM_ID
from integrator.connectors.shopify.errors import must_work, user_errors
from integrator.connectors.shopify.ids import number
from integrator.connectors.shopify.settings import ShopifySettings

Json = dict[str, Any]


class Facts:
    def __init__(self, client: Client, settings: ShopifySettings) -> None:
        self.client = client
        self.settings = settings

    @cached_property
    def shop(self) -> Json:
        return self.client.run("shop")

    @property
    def location_names(self) -> dict[str, str]:
        """The active locations: id -> name."""
        return {number(one["id"]): str(one["name"]) for one in (self.shop.get("locations") or {}).get("nodes") or []}

    @property
    def location(self) -> str:
        """The location whose stock is set where the channel maps none. Raises Rejected when there is none."""
        if self.settings.location:
            return number(self.settings.location)
        primary = self.shop.get("location")
        found = number(primary["id"]) if primary else next(iter(self.location_names), "")
        if not found:
            raise Rejected(
                "The shop has no active location, so stock cannot be set.",
                code="NO_LOCATION",
                hint="Make one in Shopify > Settings > Locations.",
            )
        return found

    @property
    def location_ids(self) -> list[str]:
        """Those that this channel writes to."""
        mapped = list(dict.fromkeys(number(one) for one in self.settings.location_map.values()))
        return mapped or [self.location]

    @property
    def variants_most(self) -> int:
        limits = (self.shop.get("shop") or {}).get("resourceLimits") or {}
        return int(limits.get("maxProductVariants") or VARIANTS_MOST)

    def define_custom_id(self) -> None:
        """Our unique metafield on products, by which a product is found again. Made once in a shop's life."""
        if (self.shop.get("metafieldDefinitions") or {}).get("nodes"):
            return
        definition = {
            "name": "Integrator: POS id", "namespace": CUSTOM_ID[0], "key": CUSTOM_ID[1], "type": "id",
            "ownerType": "PRODUCT", "description": "Which item or style of the POS this product is.",
        }  # fmt: skip
        payload = self.client.run("define_custom_id", {"definition": definition})["metafieldDefinitionCreate"]
        if not any(one.code == "TAKEN" for one in user_errors(payload)):
            must_work(payload, "The metafield integrator.pos_id")
        self.shop["metafieldDefinitions"] = {"nodes": [{"id": "made"}]}

    @cached_property
    def publications(self) -> list[str]:
        """Global ids of the sales channels that new products are published to; [] where the token may not see them."""
        wanted = {one.strip().casefold() for one in self.settings.publish_to}
        try:
            found = self.client.run("publications")["publications"]["nodes"]
        except NeedsCredentials as error:
            if error.code != "MISSING_SCOPE":
                raise
            return []
        return [str(one["id"]) for one in found if self._names(one) & wanted]

    @staticmethod
    def _names(publication: Json) -> set[str]:
        titles = (publication.get("name"), (publication.get("catalog") or {}).get("title"))
        return {str(one).casefold() for one in titles if one}
