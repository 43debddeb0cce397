"""Attributes and their options, looked up when a product needs them, made where the shop lacks them.

Everything is remembered for the job. Labels are compared as the shop compares them, without case. What somebody else
made meanwhile is not an error: the shop says that it exists, and it is read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from integrator.connectors.base import Rejected
from integrator.connectors.magento.client import Client, Filter, NotFound, Search, path_part
from integrator.connectors.magento.facts import Facts
from integrator.connectors.magento.mapping import attribute_code, digest, same_label, text
from integrator.connectors.magento.settings import MagentoSettings

Json = dict[str, Any]
PRODUCT_ENTITY = "4"
WITH_OPTIONS = frozenset({"select", "multiselect"})


class Attributes:
    def __init__(self, client: Client, facts: Facts, settings: MagentoSettings) -> None:
        self.client = client
        self.facts = facts
        self.settings = settings
        self._known: dict[str, Json | None] = {}
        self._options: dict[str, dict[str, str]] = {}  # code -> label -> id
        self._axes: dict[str, Json] = {}

    # -- any attribute

    def get(self, code: str) -> Json | None:
        """The attribute, None if the shop has none of that code."""
        if code not in self._known:
            try:
                self._keep(self.client.get(f"V1/products/attributes/{path_part(code)}"))
            except NotFound:
                self._known[code] = None
        return self._known[code]

    def _keep(self, found: Json) -> Json:
        code = str(found["attribute_code"])
        self._known[code] = found
        # an empty first option stands for "nothing chosen"
        self._options[code] = {
            same_label(str(one.get("label"))): str(one["value"])
            for one in found.get("options") or []
            if str(one.get("value") or "").strip()
        }
        return found

    def value(self, code: str, given: str) -> str | None:
        """What to write for a value: an option's id, 1 or 0, or the text. None: the shop has no such attribute."""
        found = self.get(code)
        if found is None:
            return None
        kind = str(found.get("frontend_input"))
        if kind in WITH_OPTIONS and found.get("source_model") not in (None, "") and not found.get("is_user_defined"):
            return given  # options of a module, by their values
        if kind == "multiselect":
            return ",".join(self.option(code, one.strip()) for one in given.split(",") if one.strip())
        if kind == "select":
            return self.option(code, given) if given.strip() else ""
        if kind == "boolean":
            return "1" if given.strip().casefold() in ("1", "true", "yes", "y") else "0"
        return given

    def option(self, code: str, label: str) -> str:
        """The id of an option, made if the attribute does not have it."""
        known = self._options[code]
        key = same_label(label)
        if key not in known:
            body = {"option": {"label": label.strip(), "value": "", "sort_order": len(known), "is_default": False}}
            try:
                made = str(self.client.post(f"V1/products/attributes/{path_part(code)}/options", body))
            except Rejected:
                made = ""  # there already, or not possible: reading tells
            made = made.removeprefix("id_")
            if made.isdigit():
                known[key] = made
            else:
                self._keep(self.client.get(f"V1/products/attributes/{path_part(code)}"))
                known = self._options[code]
        if key not in known:
            raise Rejected(
                f"The attribute {code!r} of the shop takes no option {label!r}.",
                code="OPTION_REFUSED",
                hint="Add the option by hand (Stores > Attributes > Product), or map it in the channel's values.",
            )
        return known[key]

    # -- what variants differ in

    def axis(self, name: str) -> Json:
        """The attribute of an option name: the channel's, else the shop's with that label, else a new one."""
        key = same_label(name)
        if key not in self._axes:
            found = self._chosen(name) or self._labelled(name) or self._made(name)
            self._in_set(str(found["attribute_code"]))
            self._axes[key] = found
        return self._axes[key]

    def _chosen(self, name: str) -> Json | None:
        codes = {same_label(key): code for key, code in self.settings.option_attributes.items()}
        code = codes.get(same_label(name))
        if not code:
            return None
        found = self.get(code)
        if found is None or not _is_axis(found):
            what = "is not in the shop" if found is None else "is no global drop-down"
            raise Rejected(
                f"The attribute {code!r}, which the channel gives to the option {name!r}, {what}.",
                code="ATTRIBUTE_UNSUITABLE",
                hint="Correct the channel's option_attributes: variants need a drop-down or swatch of global scope.",
            )
        return found

    def _labelled(self, name: str) -> Json | None:
        criteria = Search(((Filter("frontend_label", name.strip()),),), size=20)
        labelled = [
            one
            for one in self.client.search("V1/products/attributes", criteria).items
            if same_label(text(one.get("default_frontend_label"))) == same_label(name) and _is_axis(one)
        ]
        if labelled:
            return self._keep(labelled[0])
        found = self.get(attribute_code(name))
        return found if found is not None and _is_axis(found) else None

    def _made(self, name: str) -> Json:
        if not self.settings.create_attributes:
            raise Rejected(
                f"The shop has no attribute for the option {name!r}.",
                code="ATTRIBUTE_MISSING",
                hint="Make a global drop-down with that label, or name one in the channel's option_attributes.",
            )
        code = attribute_code(name)
        if self.get(code) is not None:  # of that code there is one that variants cannot differ in
            code = f"{code[:21].rstrip('_')}_{digest(same_label(name))}"
            if (found := self.get(code)) is not None:
                return found
        body = {
            "attribute_code": code,
            "entity_type_id": PRODUCT_ENTITY,
            "frontend_input": "select",
            "default_frontend_label": name.strip(),
            "frontend_labels": [],
            "is_required": False,
            "is_user_defined": True,
            "is_visible": True,
            "scope": "global",
            "options": [],
        }
        return self._keep(self.client.post("V1/products/attributes", {"attribute": body}))

    # -- attribute sets

    @cached_property
    def _set_codes(self) -> set[str]:
        found = self.client.get(f"V1/products/attribute-sets/{self.facts.attribute_set}/attributes")
        return {str(one["attribute_code"]) for one in found}

    @cached_property
    def _group(self) -> int:
        criteria = Search(((Filter("attribute_set_id", str(self.facts.attribute_set)),),))
        groups: Sequence[Json] = self.client.search("V1/products/attribute-sets/groups/list", criteria).items
        details = [one for one in groups if same_label(str(one.get("attribute_group_name"))) == "product details"]
        if not groups:
            raise Rejected(f"The attribute set {self.settings.attribute_set!r} has no groups.", code="NO_GROUP")
        return int((details or list(groups))[0]["attribute_group_id"])

    def _in_set(self, code: str) -> None:
        """An attribute has values only on products whose set contains it."""
        if code in self._set_codes:
            return
        body = {
            "attributeSetId": self.facts.attribute_set,
            "attributeGroupId": self._group,
            "attributeCode": code,
            "sortOrder": 100,
        }
        self.client.post("V1/products/attribute-sets/attributes", body)
        self._set_codes.add(code)


def _is_axis(found: Json) -> bool:
    return found.get("frontend_input") == "select" and found.get("scope", "global") == "global"
