"""Products with their variants, prices and stock: the batches of the API, a result for every item.

A product is found by its id or the caller's `external_id`, a variant by its id or, inside its product, its
SKU. A field that is absent stays as it is. Every function takes the shop's row first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection

from integrator.connectors.sandbox.shop import documents
from integrator.connectors.sandbox.shop.behaviour import Behaviour
from integrator.connectors.sandbox.shop.documents import Body, Document, ShopError, number, plain

MAXIMUM_BATCH = 1_000  # items of one request

Money = Annotated[Decimal, Field(ge=0, max_digits=19, decimal_places=4)]
Quantity = Annotated[Decimal, Field(max_digits=19, decimal_places=4)]
Text = Annotated[str, Field(max_length=100_000)]
Name = Annotated[str, Field(min_length=1, max_length=255)]
Sku = Annotated[str, Field(min_length=1, max_length=200)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")

    def given(self) -> Body:
        """What was sent, as it is stored: amounts as text, times as ISO 8601."""
        return {name: stored(getattr(self, name)) for name in self.model_fields_set}


def stored(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, BaseModel):
        return {name: stored(one) for name, one in value}
    if isinstance(value, list | tuple):
        return [stored(one) for one in value]
    if isinstance(value, dict):
        return {key: stored(one) for key, one in value.items()}
    return value


class OptionIn(_In):
    name: Name
    value: Name


class ImageIn(_In):
    url: Annotated[str, Field(max_length=2_000)]
    position: int = 0
    alt_text: str = ""


class TierIn(_In):
    tier: str
    minimum_quantity: Quantity
    price: Money


class PriceIn(_In):
    """`sale_price` null ends the sale; it is asked from `sale_start` up to, not including, `sale_end`."""

    price: Money
    sale_price: Money | None = None
    sale_start: AwareDatetime | None = None
    sale_end: AwareDatetime | None = None
    msrp: Money | None = None
    tiers: list[TierIn] = []


class StockIn(_In):
    quantity: Quantity
    by_location: dict[str, Quantity] = {}


class VariantIn(PriceIn, StockIn):
    id: int | None = None
    sku: Sku
    options: list[OptionIn] = Field(default=[], max_length=3)
    hidden: bool = False
    upc: str = ""
    supplier_sku: str = ""
    manufacturer_part_number: str = ""
    weight: Money | None = None
    weight_unit: str = ""
    length: Money | None = None
    width: Money | None = None
    height: Money | None = None
    dimension_unit: str = ""
    price: Money = Decimal(0)
    quantity: Quantity = Decimal(0)


class ProductIn(_In):
    id: int | None = None
    external_id: Annotated[str, Field(max_length=200)] = ""
    name: Name | None = None
    published: bool = False
    short_description: Text = ""
    long_description: Text = ""
    additional_description: Text = ""
    brand: str = ""
    department: str = ""
    category: list[str] = []
    tags: list[str] = []
    taxable: bool = True
    tax_code: str = ""
    images: list[ImageIn] = []
    custom_fields: dict[str, str] = {}
    variants: list[dict[str, Any]] = []  # read one by one, so that a bad one stays alone


class PriceItem(PriceIn):
    variant_id: int


class StockItem(StockIn):
    variant_id: int


def problem(code: str, message: str) -> Body:
    return {"error": {"code": code, "message": message}}


Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model], value: Any) -> tuple[Model | None, Body]:
    """The item, or what is wrong with it."""
    try:
        return model.model_validate(value), {}
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "item"
        return None, problem("invalid", f"{where}: {first['msg']} (got {str(first.get('input'))[:80]!r}).")


def batch(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ShopError(400, "invalid", "The body must hold a list of items.")
    if len(value) > MAXIMUM_BATCH:
        raise ShopError(413, "too_many", f"A request takes {MAXIMUM_BATCH} items at most; this one has {len(value)}.")
    return value


def refusal(behaviour: Behaviour, skus: Sequence[str]) -> str:
    """The SKU among these that the shop was told to refuse, "" if there is none."""
    rejected = behaviour.reject_sku if behaviour.reject_sku in skus else ""
    if rejected and behaviour.reject_whole_batch:
        raise ShopError(422, "batch_refused", "The batch holds an item that this shop does not take.")
    return rejected


def sku_refused(sku: str) -> Body:
    return problem("sku_refused", f"This shop does not take the SKU {sku!r} (it was told to refuse it).")


# -- products


def upsert(connection: Connection, shop: str, items: Any) -> list[Body]:
    """Create or change products and their variants."""
    row = documents.locked(connection, shop)
    behaviour = Behaviour(**row.behaviour)
    wanted = [read(ProductIn, one) for one in batch(items)]
    variants = [[read(VariantIn, one) for one in product.variants] if product else [] for product, _ in wanted]
    skus = [one.sku for many in variants for one, _ in many if one]
    refusal(behaviour, skus)

    found = documents.by_ids(connection, shop, "product", [p.id for p, _ in wanted if p and p.id])
    external = [p.external_id for p, _ in wanted if p and not p.id and p.external_id]
    by_external = {one.key: one for one in documents.by_keys(connection, shop, "product", external)}
    with_sku: dict[str, list[Document]] = {}
    for one in documents.by_keys(connection, shop, "variant", sorted(set(skus))):
        with_sku.setdefault(one.key, []).append(one)
    parents = [*found, *(one.id for one in by_external.values())]
    siblings: dict[int, dict[int, Document]] = {}
    for one in documents.by_parents(connection, shop, "variant", parents):
        siblings.setdefault(one.parent or 0, {})[one.id] = one

    ids = iter(documents.next_ids(connection, len(wanted) + sum(map(len, variants))))
    new_products: dict[int, Document] = {}
    changed_products: dict[int, Document] = {}
    new_variants: dict[int, Document] = {}
    changed_variants: dict[int, Document] = {}
    results: list[Body] = []
    for index, ((product, wrong), its_variants) in enumerate(zip(wanted, variants, strict=True)):
        if product is None:
            results.append({"index": index, **wrong})
            continue
        if product.id and product.id not in found:
            message = f"There is no product {product.id}; it was deleted in the shop."
            results.append({"index": index, **problem("product_not_found", message)})
            continue
        document = found[product.id] if product.id else by_external.get(product.external_id)
        created = document is None
        if document is None:
            if not product.name:
                results.append({"index": index, **problem("invalid", "name: a new product needs a name.")})
                continue
            document = Document(next(ids), product.external_id, None, datetime.min, _blank(ProductIn))
        answers, fresh, changed = _variants(
            document, its_variants, siblings.setdefault(document.id, {}), with_sku, ids, behaviour
        )
        if created and not fresh:
            results.append(
                {"index": index, "variants": answers, **problem("no_variant", "No variant of it can be sold.")}
            )
            continue
        fields = {
            name: value for name, value in product.given().items() if name not in ("id", "external_id", "variants")
        }
        if fields.get("name", "") is None:
            del fields["name"]
        before = dict(document.body)
        document.body = {**document.body, **fields}
        if created:
            new_products[document.id] = document
            if product.external_id:
                by_external[product.external_id] = document
        elif document.body != before and document.id not in new_products:
            changed_products[document.id] = document
        new_variants |= {one.id: one for one in fresh}
        changed_variants |= {one.id: one for one in changed if one.id not in new_variants}
        results.append({"index": index, "id": document.id, "created": created, "variants": answers})

    documents.insert(connection, shop, "product", list(new_products.values()))
    documents.update(connection, shop, "product", list(changed_products.values()))
    documents.insert(connection, shop, "variant", list(new_variants.values()))
    documents.update(connection, shop, "variant", list(changed_variants.values()))
    return results


def _blank(model: type[_In]) -> Body:
    skipped = {"id", "external_id", "variants", "sku"}
    return {
        name: stored(one.get_default(call_default_factory=True))
        for name, one in model.model_fields.items()
        if name not in skipped
    }


def _variants(
    parent: Document,
    wanted: Sequence[tuple[VariantIn | None, Body]],
    siblings: dict[int, Document],
    with_sku: dict[str, list[Document]],
    ids: Any,
    behaviour: Behaviour,
) -> tuple[list[Body], list[Document], list[Document]]:
    """An answer for each, the new ones, the changed ones. `siblings`, `with_sku` take in what is made."""
    answers: list[Body] = []
    fresh: list[Document] = []
    changed: list[Document] = []
    for index, (variant, wrong) in enumerate(wanted):
        if variant is None:
            answers.append({"index": index, **wrong})
            continue
        answer: Body = {"index": index, "sku": variant.sku}
        answers.append(answer)
        if variant.sku == behaviour.reject_sku:
            answer |= sku_refused(variant.sku)
            continue
        document = siblings.get(variant.id) if variant.id else None
        if variant.id and document is None:
            answer |= problem("variant_not_found", f"Product {parent.id} has no variant {variant.id}.")
            continue
        document = document or next((one for one in siblings.values() if one.key == variant.sku), None)
        taken = [one for one in with_sku.get(variant.sku, []) if document is None or one.id != document.id]
        if document is None and taken:
            where = ", ".join(f"{one.id} of product {one.parent}" for one in taken)
            answer |= problem("sku_taken", f"The SKU {variant.sku!r} belongs to variant {where}.")
            answer["taken_by"] = [{"id": one.id, "product_id": one.parent} for one in taken]
            continue
        fields = {name: value for name, value in variant.given().items() if name not in ("id", "sku")}
        known: list[Body] = document.body["options"] if document else []
        options: list[Body] = fields.get("options", known)
        others = [one for one in siblings.values() if document is None or one.id != document.id]
        if any(one.body["options"] == options for one in others):
            shown = ", ".join(f"{one['name']} {one['value']}" for one in options) or "no options"
            answer |= problem("options_taken", f"Another variant of product {parent.id} has {shown} already.")
            continue
        if document is None:
            body = {**_blank(VariantIn), **fields}
            document = Document(next(ids), variant.sku, parent.id, datetime.min, body)
            siblings[document.id] = document
            with_sku.setdefault(variant.sku, []).append(document)
            fresh.append(document)
            answer |= {"id": document.id, "product_id": parent.id, "created": True}
            continue
        before = (document.key, dict(document.body))
        document.key, document.body = variant.sku, {**document.body, **fields}
        if (document.key, document.body) != before:
            changed.append(document)
        answer |= {"id": document.id, "product_id": parent.id, "created": False}
    return answers, fresh, changed


# -- prices and stock


def set_prices(connection: Connection, shop: str, items: Any) -> list[Body]:
    return _set(connection, shop, PriceItem, items)


def set_stock(connection: Connection, shop: str, items: Any) -> list[Body]:
    return _set(connection, shop, StockItem, items)


def _set(connection: Connection, shop: str, model: type[PriceItem] | type[StockItem], items: Any) -> list[Body]:
    behaviour = Behaviour(**documents.locked(connection, shop).behaviour)
    wanted = [read(model, one) for one in batch(items)]
    found = documents.by_ids(connection, shop, "variant", [one.variant_id for one, _ in wanted if one])
    refusal(behaviour, [one.key for one in found.values()])
    changed: dict[int, Document] = {}
    results: list[Body] = []
    for index, (item, wrong) in enumerate(wanted):
        document = found.get(item.variant_id) if item else None
        if item is None:
            results.append({"index": index, **wrong})
        elif document is None:
            message = f"There is no variant {item.variant_id}; it was deleted in the shop."
            results.append({"index": index, **problem("variant_not_found", message)})
        elif document.key == behaviour.reject_sku:
            results.append({"index": index, **sku_refused(document.key)})
        else:
            fields = stored(item)
            del fields["variant_id"]
            if any(document.body.get(name) != value for name, value in fields.items()):
                document.body = {**document.body, **fields}
                changed[document.id] = document
            results.append({"index": index, "id": document.id, "sku": document.key})
    documents.update(connection, shop, "variant", list(changed.values()))
    return results


def add_units(connection: Connection, shop: str, units: dict[int, Decimal]) -> None:
    """Count sold (below 0) and returned units, by variant id."""
    found = documents.by_ids(connection, shop, "variant", sorted(units))
    for identity, document in found.items():
        document.body = {**document.body, "quantity": plain(number(document.body["quantity"]) + units[identity])}
    documents.update(connection, shop, "variant", list(found.values()))


# -- reading


def shown(variant: Document, product: Document) -> Body:
    """A variant as the API shows it, with what it has from its product."""
    return {
        **variant.body,
        "id": variant.id,
        "sku": variant.key,
        "product_id": product.id,
        "external_id": product.key,
        "name": product.body["name"],
        "published": product.body["published"] and not variant.body["hidden"],
        "modified_at": variant.modified_at.isoformat(),
    }


def _with_products(connection: Connection, shop: str, variants: Sequence[Document]) -> list[Body]:
    products = documents.by_ids(connection, shop, "product", sorted({one.parent or 0 for one in variants}))
    return [shown(one, products[one.parent]) for one in variants if one.parent in products]


def find(connection: Connection, shop: str, skus: Any) -> list[Body]:
    """Every variant with one of these SKUs, exactly."""
    return _with_products(connection, shop, documents.by_keys(connection, shop, "variant", list(map(str, batch(skus)))))


def variants(connection: Connection, shop: str, *, after: int, limit: int) -> list[Body]:
    return _with_products(connection, shop, documents.page(connection, shop, "variant", after=after, limit=limit))


def product(connection: Connection, shop: str, identity: int) -> Body:
    found = documents.by_ids(connection, shop, "product", [identity]).get(identity)
    if found is None:
        raise ShopError(404, "product_not_found", f"There is no product {identity}.")
    its = documents.by_parents(connection, shop, "variant", [identity])
    return {**found.body, "id": found.id, "external_id": found.key, "variants": [shown(one, found) for one in its]}


def edit(connection: Connection, shop: str, identity: int, fields: Body) -> Body:
    """What a merchant changes by hand in the shop."""
    documents.locked(connection, shop)
    wanted, wrong = read(ProductIn, fields)
    if wanted is None:
        raise ShopError(422, "invalid", wrong["error"]["message"])
    found = documents.by_ids(connection, shop, "product", [identity]).get(identity)
    if found is None:
        raise ShopError(404, "product_not_found", f"There is no product {identity}.")
    found.body = {
        **found.body,
        **{k: v for k, v in wanted.given().items() if k not in ("id", "external_id", "variants")},
    }
    documents.update(connection, shop, "product", [found])
    return product(connection, shop, identity)


def publish_all(connection: Connection, shop: str) -> int:
    """Publish every draft; how many there were."""
    documents.locked(connection, shop)
    after, changed = 0, 0
    while found := documents.page(connection, shop, "product", after=after, limit=500):
        after = found[-1].id
        drafts = [one for one in found if not one.body["published"]]
        for one in drafts:
            one.body = {**one.body, "published": True}
        documents.update(connection, shop, "product", drafts)
        changed += len(drafts)
    return changed


def delete(connection: Connection, shop: str, identity: int) -> None:
    documents.locked(connection, shop)
    its = documents.by_parents(connection, shop, "variant", [identity])
    documents.delete(connection, shop, "variant", [one.id for one in its])
    documents.delete(connection, shop, "product", [identity])


def sale_now(body: Body, now: datetime) -> bool:
    """Whether the sale price is asked at this moment."""
    if body.get("sale_price") is None or number(body["sale_price"]) >= number(body["price"]):
        return False
    start, end = (datetime.fromisoformat(body[k]) if body.get(k) else None for k in ("sale_start", "sale_end"))
    return (start is None or start <= now) and (end is None or now < end)


def asked(body: Body, now: datetime) -> Decimal:
    """The price that a shopper pays at this moment."""
    return number(body["sale_price"] if sale_now(body, now) else body["price"])


def add_by_hand(
    connection: Connection, shop: str, name: str, sku: str, *, price: Decimal, quantity: Decimal = Decimal(0)
) -> int:
    """What a merchant makes in the shop; unlike the API it lets two variants have the same SKU."""
    documents.locked(connection, shop)
    product_id, variant_id = documents.next_ids(connection, 2)
    body = {**_blank(ProductIn), "name": name, "published": True}
    documents.insert(connection, shop, "product", [Document(product_id, "", None, datetime.min, body)])
    body = {**_blank(VariantIn), "price": plain(price), "quantity": plain(quantity)}
    documents.insert(connection, shop, "variant", [Document(variant_id, sku, product_id, datetime.min, body)])
    return product_id
