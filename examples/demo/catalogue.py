"""Reads `examples/catalogue.csv` as a POS would read its own database: one dict a product, in the contract's names."""

from __future__ import annotations

import csv
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

CATALOGUE = Path(__file__).parent.parent / "catalogue.csv"
LOCATIONS = ("MAIN", "OUTLET", "WAREHOUSE")
TEXTS = (
    "ItemIntegrationId", "StyleId", "StyleName", "Name", "ShortDescription", "LongDescription", "Brand", "Department",
    "Category", "UPC", "SupplierSku", "ManufacturerPartNumber", "WeightUnit", "TaxCode",
)  # fmt: skip
DECIMALS = ("Price", "Msrp", "Cost", "SalePrice", "Weight")
TIMES = ("SaleStart", "SaleEnd")


def product(row: dict[str, str]) -> dict[str, Any]:
    """One line of the file; a cell that is empty is a field that is not sent."""
    item: dict[str, Any] = {name: row[name] for name in TEXTS if row[name]}
    item |= {name: Decimal(row[name]) for name in DECIMALS if row[name]}
    item |= {name: datetime.fromisoformat(row[name]) for name in TIMES if row[name]}
    item["Taxable"] = row["Taxable"] == "true"
    item["SellOnline"] = row["SellOnline"] == "true"
    item["LocationQuantities"] = [
        {"LocationId": location, "Quantity": Decimal(row[f"Quantity@{location}"])} for location in LOCATIONS
    ]
    options = [
        {"Name": row[f"Option{n}Name"], "Value": row[f"Option{n}Value"]} for n in (1, 2) if row[f"Option{n}Name"]
    ]
    if options:
        item["Options"] = options
    if row["Tags"]:
        item["Tags"] = row["Tags"].split("|")
    if row["CustomFields"]:
        pairs = (pair.split("=", 1) for pair in row["CustomFields"].split("|"))
        item["CustomFields"] = [{"Name": name, "Value": value} for name, value in pairs]
    return item


def read(path: Path = CATALOGUE) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [product(row) for row in csv.DictReader(file)]
