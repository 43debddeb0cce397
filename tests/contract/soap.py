"""Hand-written SOAP: messages as text, answers as trees, so that a test says exactly what went over the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import httpx
from lxml import etree

NS = "urn:integrator:v1"
S11 = "http://schemas.xmlsoap.org/soap/envelope/"
S12 = "http://www.w3.org/2003/05/soap-envelope"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
TYPES = {S11: "text/xml; charset=utf-8", S12: "application/soap+xml; charset=utf-8"}


def credentials(store: Any) -> str:
    values = "".join(f"<{k}>{escape(v)}</{k}>" for k, v in store.credentials.items())
    return f'<Credentials xmlns="{NS}">{values}</Credentials>'


def envelope(body: str, header: str = "", ns: str = S11) -> bytes:
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{ns}" {XSI}>'
        f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


@dataclass
class Answer:
    status: int
    headers: httpx.Headers
    content: bytes

    @property
    def root(self) -> Any:
        return etree.fromstring(self.content)

    @property
    def body(self) -> Any:
        """What stands in the Body; fails for anything that is not one SOAP envelope with one element inside."""
        root = self.root
        ns = root.tag[1:].partition("}")[0]
        assert ns in (S11, S12), self.content[:300]
        assert root.tag == f"{{{ns}}}Envelope"
        (body,) = root.findall(f"{{{ns}}}Body")
        (child,) = body
        return child

    @property
    def version(self) -> str:
        return self.root.tag[1:].partition("}")[0]

    @property
    def is_fault(self) -> bool:
        return self.body.tag == f"{{{self.version}}}Fault"

    @property
    def fault(self) -> dict[str, str]:
        """`code` (as SOAP says it), `text`, and the declared detail: ErrorCode, ErrorMessage, ErrorHint, CallId."""
        fault = self.body
        assert self.is_fault, self.content[:500]
        found = {child.tag.rpartition("}")[2]: child.text or "" for child in fault.iterfind(f".//{{{NS}}}CallFault/*")}
        if self.version == S11:
            found["code"], found["text"] = fault.findtext("faultcode"), fault.findtext("faultstring")
        else:
            found["code"] = fault.findtext(f"{{{S12}}}Code/{{{S12}}}Value")
            found["text"] = fault.findtext(f"{{{S12}}}Reason/{{{S12}}}Text")
        found["code"] = found["code"].rpartition(":")[2]
        return found

    @property
    def result(self) -> dict[str, Any]:
        """XResult as Python: texts, dicts, and lists for ArrayOfT."""
        assert not self.is_fault, self.fault
        response = self.body
        assert response.tag.startswith(f"{{{NS}}}")
        assert response.tag.endswith("Response")
        (result,) = response
        return plain(result)

    def items(self) -> list[dict[str, Any]]:
        return self.result["Results"]


ARRAYS = {
    "Warnings", "Results", "Orders", "Transactions", "Captures", "Lines", "TaxLines", "DiscountLines", "ShippingLines",
    "FeeLines", "Payments", "GiftCards", "Options", "CustomFields", "TrackingNumbers",
}  # fmt: skip


def plain(element: Any) -> Any:
    name = element.tag.rpartition("}")[2]
    if name in ARRAYS:
        return [plain(child) for child in element]
    if len(element):
        return {child.tag.rpartition("}")[2]: plain(child) for child in element}
    return element.text or ""


class Soap:
    """Calls one running service for one store."""

    def __init__(self, url: str, store: Any = None, ns: str = S11) -> None:
        self.url, self.store, self.ns = url, store, ns
        self.client = httpx.Client(timeout=120)

    def post(self, service: str, content: bytes, content_type: str | None = None, **headers: str) -> Answer:
        kind = TYPES[self.ns] if content_type is None else content_type
        sent = {"Content-Type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}}
        if kind == "":
            del sent["Content-Type"]
        answer = self.client.post(f"{self.url}/{service}", content=content, headers=sent)
        return Answer(answer.status_code, answer.headers, answer.content)

    def call(self, operation: str, inner: str = "", *, header: str | None = None, request_id: str = "") -> Answer:
        service = "ProductTasks" if operation.startswith("Update") else "OrderTasks"
        head = credentials(self.store) if header is None else header
        if request_id:
            head += f'<RequestId xmlns="{NS}">{escape(request_id)}</RequestId>'
        body = f'<{operation} xmlns="{NS}">{inner}</{operation}>'
        return self.post(service, envelope(body, head, self.ns))

    def products(self, *items: str, **more: Any) -> Answer:
        inner = "".join(f"<POSProduct>{item}</POSProduct>" for item in items)
        return self.call(
            "UpdatePOSProducts", f"<Products>{inner}</Products><ReturnAllResults>1</ReturnAllResults>", **more
        )

    def inventory(self, *items: str, **more: Any) -> Answer:
        inner = "".join(f"<InventoryItem>{item}</InventoryItem>" for item in items)
        return self.call("UpdateInventory", f"<Items>{inner}</Items><ReturnAllResults>1</ReturnAllResults>", **more)

    def pricing(self, *items: str, **more: Any) -> Answer:
        inner = "".join(f"<PricingItem>{item}</PricingItem>" for item in items)
        return self.call("UpdatePricing", f"<Items>{inner}</Items><ReturnAllResults>1</ReturnAllResults>", **more)
