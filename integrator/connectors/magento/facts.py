"""What a connector has to know of its shop, asked at most once a job and only when it is needed."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from integrator.connectors.base import NeedsCredentials, Rejected
from integrator.connectors.magento.client import Client, Filter, NoRoute, Search
from integrator.connectors.magento.settings import MagentoSettings

Json = dict[str, Any]
DEFAULT_SOURCE = "default"


class Facts:
    def __init__(self, client: Client, settings: MagentoSettings) -> None:
        self.client = client
        self.settings = settings

    @cached_property
    def website_ids(self) -> list[int]:
        """The websites that new products are sold on. Without one a product is saved and cannot be bought."""
        known = [one for one in self.client.get("V1/store/websites") if one.get("code") != "admin"]
        wanted = self.settings.websites
        lacking = [code for code in wanted if code not in {str(one.get("code")) for one in known}]
        if lacking:
            codes = ", ".join(str(one.get("code")) for one in known)
            raise Rejected(
                f"The shop has no website {lacking[0]!r}; it has: {codes}.",
                code="WEBSITE_UNKNOWN",
                hint="Correct the channel's setting websites.",
            )
        return [int(one["id"]) for one in known if not wanted or one.get("code") in wanted]

    @cached_property
    def store_config(self) -> Json:
        """The configuration of the first store view; {} when the integration may not see it."""
        try:
            found = self.client.get("V1/store/storeConfigs")
        except (NeedsCredentials, Rejected):
            return {}
        return next((one for one in found if isinstance(one, dict)), {})

    @property
    def weight_unit(self) -> str:
        return {"kgs": "kg", "lbs": "lb"}.get(str(self.store_config.get("weight_unit")), "lb")

    @cached_property
    def zone(self) -> ZoneInfo:
        """Sale dates are the shop's own wall clock."""
        try:
            return ZoneInfo(str(self.store_config.get("timezone") or "UTC"))
        except (KeyError, ValueError, OSError):
            return ZoneInfo("UTC")

    @cached_property
    def root_category(self) -> int:
        if self.settings.root_category is not None:
            return self.settings.root_category
        groups = [one for one in self.client.get("V1/store/storeGroups") if int(one.get("root_category_id") or 0)]
        if not groups:
            raise Rejected("The shop has no root category.", hint="Set the channel's root_category.")
        return int(groups[0]["root_category_id"])

    @cached_property
    def attribute_set(self) -> int:
        """The id of the attribute set of new products."""
        name = self.settings.attribute_set
        criteria = Search(groups=((Filter("attribute_set_name", name),),), size=20)
        for one in self.client.search("V1/products/attribute-sets/sets/list", criteria).items:
            if str(one.get("attribute_set_name", "")).casefold() == name.casefold():
                return int(one["attribute_set_id"])
        raise Rejected(
            f"The shop has no attribute set {name!r}.",
            code="ATTRIBUTE_SET_UNKNOWN",
            hint="Correct the channel's setting attribute_set (Stores > Attributes > Attribute Set).",
        )

    @cached_property
    def sources(self) -> tuple[str, ...] | None:
        """Codes of the shop's sources; None where it keeps one quantity per product (MSI is off)."""
        try:
            found = self.client.all("V1/inventory/sources", Search(fields="source_code,enabled"))
            return tuple(str(one["source_code"]) for one in found)
        except NoRoute:
            return None

    @property
    def source(self) -> str:
        """Where the sum of the locations goes."""
        return self.settings.source or DEFAULT_SOURCE

    def tax_class(self, name: str) -> str | None:
        """Id of a product tax class, by its id or its name."""
        if name.isdigit():
            return name
        return next((key for key, known in self._tax_classes.items() if known.casefold() == name.casefold()), None)

    @cached_property
    def _tax_classes(self) -> dict[str, str]:
        criteria = Search(groups=((Filter("class_type", "PRODUCT"),),))
        found = self.client.all("V1/taxClasses/search", criteria)
        return {str(one["class_id"]): str(one.get("class_name") or "") for one in found}
