"""Tries a shop out: does it keep the contract? For the shop's developers: `integrator hipcommerce check URL …`.

It writes: hidden test products whose ids begin with INTEGRATOR-TEST-, with stock and prices. It places no orders; what
/orders, /transactions and /captures show is read and checked. Every answer is compared with openapi.yaml.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from integrator.connectors.hipcommerce import signing
from integrator.connectors.hipcommerce.reference import document

Json = dict[str, Any]
PREFIX = "INTEGRATOR-TEST-"
TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Finding:
    """`rule`: what the contract asks. `message`: "" where the shop does it, else what it did instead."""

    rule: str
    message: str = ""

    @property
    def ok(self) -> bool:
        return not self.message


class Wrong(Exception):
    """The shop did something else."""


class Conformance:
    def __init__(self, url: str, key_id: str, secret: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self.base, self.key_id, self.secret = httpx.URL(url), key_id, secret
        self.document = document.load()
        self.client = httpx.Client(timeout=TIMEOUT, transport=transport, follow_redirects=False)
        self.mark = PREFIX + secrets_token()

    def close(self) -> None:
        self.client.close()

    def run(self) -> list[Finding]:
        """Each rule once, whatever became of the others."""
        rules: Sequence[tuple[str, Callable[[], None]]] = (
            ("/status tells version 1, the clock and the scopes", self.status),
            ("a wrong secret is refused (401 signature_invalid)", self.wrong_secret),
            ("an unknown key is refused (401)", self.unknown_key),
            ("a time more than 5 minutes off is refused (401 timestamp_invalid)", self.old_time),
            ("a nonce is taken once (401 nonce_used)", self.nonce_twice),
            ("a changed body is refused (401 signature_invalid)", self.changed_body),
            ("a request against the contract is refused (422 request_invalid)", self.invalid),
            ("a write without Idempotency-Key is refused (422)", self.no_idempotency_key),
            ("an unknown path is answered 404", self.unknown_path),
            ("a product is made once, hidden, and found by its SKU and its item id", self.make),
            ("a repeated write is answered with the first answer", self.repeat),
            ("an Idempotency-Key with another body is refused (422)", self.reuse),
            ("a SKU is compared exactly", self.exact),
            ("a style has its children under one product", self.style),
            ("stock and prices are as they were set, sale windows too", self.values),
            ("a bad item of a batch is alone", self.alone),
            ("products are paged by cursor; a wrong cursor is 400 cursor_invalid", self.cursors),
            ("orders, transactions and captures are paged in ascending order", self.lists),
        )
        found = []
        for rule, method in rules:
            try:
                method()
                found.append(Finding(rule))
            except Wrong as wrong:
                found.append(Finding(rule, str(wrong)))
            except httpx.HTTPError as error:
                found.append(Finding(rule, f"No answer: {type(error).__name__}: {error}"))
            except (KeyError, IndexError, TypeError, ValueError) as error:
                found.append(Finding(rule, f"The answer lacks something: {type(error).__name__}: {error}"))
        return found

    # -- one request

    def call(
        self, method: str, path: str, body: Json | None = None, *, query: Sequence[tuple[str, str]] = (),
        key: str | None = None, expect: int | None = None, code: str = "", send: bytes | None = None, **header: str,
    ) -> Json:  # fmt: skip
        """`send`: these bytes go instead of those that were signed. Raises Wrong for any other answer."""
        target = f"{self.base.path}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        content = b"" if body is None else json.dumps(body).encode()
        stamp = header.get("stamp") or str(int(time.time()))
        nonce = header.get("nonce") or secrets.token_urlsafe(18)
        secret = header.get("secret") or self.secret
        headers = {
            signing.KEY: header.get("key_id") or self.key_id, signing.TIMESTAMP: stamp, signing.NONCE: nonce,
            signing.SIGNATURE: signing.signature(secret, method, target, stamp, nonce, content),
        }  # fmt: skip
        if body is not None:
            headers["Content-Type"] = "application/json"
        if method == "PUT" and key != "":
            headers["Idempotency-Key"] = key or secrets.token_hex(16)
        url = self.base.copy_with(raw_path=target.encode())
        for _ in range(5):
            answer = self.client.request(method, url, content=content if send is None else send, headers=headers)
            if answer.status_code != 429:
                break
            time.sleep(min(60, int(answer.headers.get("retry-after") or 1)))
            nonce = headers[signing.NONCE] = secrets.token_urlsafe(18)
            stamp = headers[signing.TIMESTAMP] = header.get("stamp") or str(int(time.time()))
            headers[signing.SIGNATURE] = signing.signature(secret, method, target, stamp, nonce, content)
        where = f"{method} {path}"
        try:
            found: Json = answer.json()
        except ValueError:
            raise Wrong(f"{where} is answered {answer.status_code} without JSON.") from None
        wanted = expect or (207 if method == "PUT" else 200)
        if answer.status_code != wanted:
            raise Wrong(f"{where} is answered {answer.status_code}, not {wanted}: {json.dumps(found)[:300]}")
        errors = self.document.answer_errors(method, path, answer.status_code, dict(answer.headers), found)
        if errors:
            raise Wrong(f"{where}: {errors[0]['pointer']} {errors[0]['message']}")
        if code and found.get("code") != code:
            raise Wrong(f"{where} is refused with the code {found.get('code')!r}, not {code!r}.")
        return found

    def results(self, path: str, name: str, rows: Sequence[Json], key: str | None = None) -> list[Json]:
        found: list[Json] = self.call("PUT", path, {name: list(rows)}, key=key)["results"]
        return found

    def product(self, suffix: str, **more: Any) -> Json:
        return {"item_integration_id": self.mark + suffix, "sku": self.mark + suffix, "name": "Integrator test",
                "price": "10", "quantity": "3", "publish": False, **more}  # fmt: skip

    def listing(self, suffix: str) -> Json:
        found = self.call("GET", "/products", query=[("sku", self.mark + suffix)])["data"]
        expect(len(found) == 1, f"the SKU {self.mark + suffix} is found {len(found)} times")
        one: Json = found[0]
        return one

    # -- the rules

    def status(self) -> None:
        self.call("GET", "/status")

    def wrong_secret(self) -> None:
        self.call("GET", "/status", expect=401, code="signature_invalid", secret=self.secret[::-1] + "0")

    def unknown_key(self) -> None:
        self.call("GET", "/status", expect=401, key_id="no-such-key")

    def old_time(self) -> None:
        self.call("GET", "/status", expect=401, code="timestamp_invalid", stamp=str(int(time.time()) - 400))

    def nonce_twice(self) -> None:
        nonce = secrets.token_urlsafe(18)
        self.call("GET", "/status", nonce=nonce)
        self.call("GET", "/status", nonce=nonce, expect=401, code="nonce_used")

    def changed_body(self) -> None:
        row = {"inventory": [{"item_integration_id": self.mark, "quantity": "1"}]}
        forged = json.dumps(row).replace('"1"', '"2"').encode()
        self.call("PUT", "/inventory:batch", row, send=forged, expect=401, code="signature_invalid")

    def invalid(self) -> None:
        row = {"prices": [{"item_integration_id": self.mark, "price": "much"}]}
        self.call("PUT", "/prices:batch", row, expect=422, code="request_invalid")

    def no_idempotency_key(self) -> None:
        row = {"prices": [{"item_integration_id": self.mark, "price": "1"}]}
        self.call("PUT", "/prices:batch", row, key="", expect=422)

    def unknown_path(self) -> None:
        self.call("GET", "/nothing", expect=404)

    def make(self) -> None:
        (one,) = self.results("/products:batch", "products", [self.product("A")])
        expect(one["status"] == 201 and one["key"] == self.mark + "A", f"making it is answered {one}")
        (again,) = self.results("/products:batch", "products", [self.product("A")])
        expect(again["status"] == 200, f"writing it again is answered {again}")
        expect(again["variant_id"] == one["variant_id"], "writing it again made another one")
        shown = self.listing("A")
        expect(shown["published"] is False, "it is published though publish is false")
        by_id = self.call("GET", "/products", query=[("item_integration_id", self.mark + "A")])["data"]
        expect(len(by_id) == 1, f"by item_integration_id it is found {len(by_id)} times")

    def repeat(self) -> None:
        key, rows = secrets.token_hex(16), [self.product("R")]
        first = self.results("/products:batch", "products", rows, key)
        expect(self.results("/products:batch", "products", rows, key) == first, "the answers differ")

    def reuse(self) -> None:
        key = secrets.token_hex(16)
        self.results("/products:batch", "products", [self.product("R")], key)
        body = {"products": [self.product("R", name="Another")]}
        self.call("PUT", "/products:batch", body, key=key, expect=422, code="idempotency_key_reused")

    def exact(self) -> None:
        self.results("/products:batch", "products", [self.product("Case")])
        found = self.call("GET", "/products", query=[("sku", self.mark + "CASE"), ("sku", self.mark + "Cas")])["data"]
        expect(not found, f"another SKU finds {[one['sku'] for one in found]}")

    def style(self) -> None:
        children = [
            {"item_integration_id": f"{self.mark}{size}", "price": "10", "options": [{"name": "Size", "value": size}]}
            for size in "SM"
        ]
        whole = {"style_id": self.mark, "name": "Integrator test", "children": children}
        made = self.results("/products:batch", "products", [whole])
        expect([one["status"] for one in made] == [201, 201], f"the children are answered {made}")
        expect(made[0]["product_id"] == made[1]["product_id"], "the children are in different products")
        more = {"item_integration_id": f"{self.mark}L", "price": "10", "options": [{"name": "Size", "value": "L"}]}
        (later,) = self.results("/products:batch", "products", [{"style_id": self.mark, "children": [more]}])
        expect(later.get("product_id") == made[0]["product_id"], f"a later child is answered {later}")

    def values(self) -> None:
        key = {"item_integration_id": self.mark + "V"}
        self.results("/products:batch", "products", [self.product("V")])
        sale = {"sale_price": "9.90", "sale_from": "2099-01-01T00:00:00Z", "sale_to": "2099-02-01T00:00:00Z"}
        self.results("/inventory:batch", "inventory", [key | {"quantity": "17"}])
        self.results("/prices:batch", "prices", [key | {"price": "12.50"} | sale])
        shown = self.listing("V")
        expect(float(shown["quantity"]) == 17, f"the quantity is {shown['quantity']}, not 17")
        expect(float(shown["price"]) == 12.5, f"the price is {shown['price']}, not 12.50")
        expect(float(shown["sale_price"] or 0) == 9.9, f"the sale price is {shown['sale_price']}, not 9.90")
        self.results("/prices:batch", "prices", [key | {"price": "12.50", "sale_price": None}])
        expect(self.listing("V")["sale_price"] is None, "a sale that is cleared stays")

    def alone(self) -> None:
        rows = [{"item_integration_id": self.mark + name, "quantity": "5"} for name in ("V", "NOT-THERE")]
        found = self.results("/inventory:batch", "inventory", rows)
        expect([one["status"] for one in found] == [200, 404], f"the results are {found}")
        expect([one["key"] for one in found] == [one["item_integration_id"] for one in rows], "their order differs")

    def cursors(self) -> None:
        seen: list[str] = []
        query = [("limit", "1"), *(("sku", self.mark + name) for name in "ARV")]
        cursor: str | None = ""
        while cursor is not None and len(seen) < 10:
            page = self.call("GET", "/products", query=[*query, *([("cursor", cursor)] if cursor else [])])
            seen += [one["sku"] for one in page["data"]]
            cursor = page["next_cursor"]
        expect(sorted(seen) == sorted(self.mark + name for name in "ARV"), f"page by page one sees {seen}")
        self.call("GET", "/products", query=[*query, ("cursor", "no-cursor")], expect=400, code="cursor_invalid")

    def lists(self) -> None:
        for path in ("/orders", "/transactions", "/captures"):
            page = self.call("GET", path, query=[("limit", "5"), ("updated_since", "2000-01-01T00:00:00Z")])
            times = [one["updated_at"] for one in page["data"]]
            expect(times == sorted(times), f"{path} is not in order of updated_at: {times}")


def secrets_token() -> str:
    return secrets.token_hex(4).upper() + "-"


def expect(well: bool, message: str) -> None:
    if not well:
        raise Wrong(message[:1].upper() + message[1:] + ".")
