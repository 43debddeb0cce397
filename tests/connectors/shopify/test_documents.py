"""Every document against the schema: of the version that is spoken, and of any other."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from graphql import parse
from graphql.language import OperationDefinitionNode

from integrator.connectors.shopify.capabilities import API_VERSION
from integrator.connectors.shopify.documents import DOCUMENTS, by_custom_id, everything
from tests.connectors.shopify import schema as schemas

VERSIONS = ("2026-07", "2026-10")
SOURCES = Path(__file__).parents[3] / "integrator" / "connectors" / "shopify"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_document_is_one_of_the_version(specs: Path, version: str) -> None:
    assert API_VERSION in VERSIONS
    assert schemas.broken(schemas.schema(specs, version), everything()) == {}


def test_a_newer_schema_says_which_documents_it_breaks(specs: Path) -> None:
    """Any introspection will do: here one of a shop that has renamed two things."""
    with gzip.open(specs / "shopify" / f"admin_{API_VERSION}.json.gz") as file:
        newer = json.load(file)
    found = newer.get("data", newer)["__schema"]
    for kind in found["types"]:
        if kind["name"] == "InventoryQuantityInput":
            kind["inputFields"] = [one for one in kind["inputFields"] if one["name"] != "changeFromQuantity"]
        if kind["name"] == "Mutation":
            kind["fields"] = [one for one in kind["fields"] if one["name"] != "orderCapture"]
    broken = schemas.broken(schemas.from_introspection(newer), everything())
    assert list(broken) == ["capture"]
    assert "orderCapture" in broken["capture"][0]


def test_what_is_deprecated_is_known(specs: Path) -> None:
    """What a later version may take away: to be looked at with each new one."""
    found = schemas.deprecated(schemas.schema(specs, API_VERSION), everything())
    assert {name: sorted(those) for name, those in found.items()} == {
        "collections": ["Collection.ruleSet"],
        "media_delete": ["Mutation.productDeleteMedia"],
        "publications": ["Publication.name"],
    }


def test_the_version_stands_in_one_place() -> None:
    places = [path.name for path in SOURCES.glob("*.py") if API_VERSION in path.read_text("utf-8")]
    assert places == ["capabilities.py"]


def test_a_document_is_named_and_nothing_else_makes_documents() -> None:
    for name, text in everything().items():
        operations = [one for one in parse(text).definitions if isinstance(one, OperationDefinitionNode)]
        assert len(operations) == 1, name
        assert operations[0].name is not None, name
    for path in SOURCES.glob("*.py"):
        if path.name != "documents.py":
            assert not re.search(r"(mutation|query) ?\w*[({]\$", path.read_text("utf-8")), path.name


def test_stock_is_sent_with_an_idempotency_key() -> None:
    assert "@idempotent(key:$key)" in DOCUMENTS["stock"]
    assert by_custom_id(2).count("productByIdentifier") == 2
