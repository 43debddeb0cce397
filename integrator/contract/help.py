"""What a browser sees at the address of a service: its operations, and of each the fields and sample messages.

One self-contained page of HTML, nothing loaded from anywhere, everything escaped.
"""

from __future__ import annotations

from functools import cache
from html import escape
from typing import Any
from urllib.parse import urlsplit

from integrator import __version__
from integrator.codes import CATALOGUE
from integrator.contract.faults import SOAP_11, SOAP_12, SoapVersion
from integrator.contract.fields import NAMESPACE, array_item, is_array, is_model, members, type_doc
from integrator.contract.samples import sample_answer, sample_request
from integrator.contract.services import SERVICES
from integrator.contract.wsdl import OperationInfo, operations_of, type_name

STYLE = """
:root { color-scheme: light dark; --line: #d8dde3; --soft: #f5f7f9; --text: #1d2733; --dim: #5a6877; --link: #0b5cad;
  --bar: #14324f; }
@media (prefers-color-scheme: dark) { :root { --line: #36414d; --soft: #1b232b; --text: #e3e9ef; --dim: #9aa8b6;
  --link: #7db7f0; --bar: #0d2236; } body { background: #12181e; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: var(--text); }
header { background: var(--bar); color: #fff; padding: 1.2rem 0; }
header a { color: #cfe4fa; } header p { margin: .3rem 0 0; color: #cfdae6; }
header h1 { margin: 0; font-size: 1.6rem; } header h1 a { color: #fff; text-decoration: none; }
header div, main, footer { max-width: 64rem; margin: 0 auto; padding: 0 1.25rem; }
main { padding-top: 1rem; }
h2 { font-size: 1.25rem; margin: 2rem 0 .6rem; } h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
a { color: var(--link); } p { margin: .4rem 0; } .dim, footer { color: var(--dim); }
code, pre { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; font-size: .86rem; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; overflow: auto;
  max-height: 34rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .6rem; border-bottom: 1px solid var(--line); }
th { color: var(--dim); font-weight: 600; white-space: nowrap; } td:first-child { white-space: nowrap; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .6rem 0; padding: 0 1rem; }
summary { cursor: pointer; padding: .6rem 0; font-weight: 600; } details[open] { padding-bottom: .8rem; }
footer { padding-top: 1.5rem; padding-bottom: 2rem; font-size: .88rem; }
"""


def _text(value: str) -> str:
    return escape(value, quote=True)


def _frame(title: str, service: str, location: str, content: str) -> str:
    other = next(name for name in SERVICES if name != service)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header><div>
<h1><a href="{_text(location)}">{_text(service)}</a></h1>
<p>Integration API, SOAP 1.1 and 1.2. The other service is <a href="{_text(_beside(location, other))}">{other}</a>.</p>
</div></header>
<main>
{content}
</main>
<footer>Integrator {_text(__version__)} · namespace <code>{NAMESPACE}</code></footer>
</body>
</html>
"""


def _beside(location: str, name: str) -> str:
    return location.rpartition("/")[0] + "/" + name


def _codes() -> str:
    rows = "".join(
        f"<tr><td><code>{code.value}</code></td><td>{_text(entry.meaning)}</td><td>{_text(entry.remedy)}</td></tr>"
        for code, entry in CATALOGUE.items()
    )
    return (
        '<div class="table"><table><thead><tr><th>Code</th><th>What it means</th><th>What to do</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _service_page(service: str, location: str) -> str:
    operations = "".join(
        f'<tr><td><a href="{_text(location)}?op={one.name}">{one.name}</a></td><td>{_text(one.doc)}</td></tr>'
        for one in operations_of(service)
    )
    doc = " ".join((SERVICES[service].__doc__ or "").split())
    content = f"""<p>{_text(doc)}</p>
<h2>Address</h2>
<p><code>{_text(location)}</code></p>
<p>Contract: <a href="{_text(location)}?wsdl">{_text(location)}?wsdl</a>. Give this address to your SOAP tool; it makes
the client. On the page of each operation there are messages to copy.</p>
<h2>Operations</h2>
<div class="table"><table><tbody>{operations}</tbody></table></div>
<h2>Who calls</h2>
<p>Put StoreId, UserName and Password into the SOAP header <code>Credentials</code>, or send HTTP Basic with the user
name <code>StoreId/UserName</code>. The optional header <code>RequestId</code> makes it safe to send a call again whose
answer was lost: within 24 hours it gets the stored answer, and nothing is done twice.</p>
<h2>Absent, nil, empty</h2>
<p>An element that is absent leaves the stored value as it is; <code>xsi:nil="true"</code> clears it; an empty element
is empty text. What differs from that is said at the field.</p>
<h2>Codes</h2>
<p>A Fault is only for the whole call: <code>Client</code> (<code>Sender</code>) means do not send it again unchanged,
<code>Server</code> (<code>Receiver</code>) send it again later. What concerns one item is in that item's result.</p>
{_codes()}"""
    return _frame(f"{service} – Integration API", service, location, content)


def _type_label(declared: Any) -> str:
    if is_array(declared):
        return f"list of {_text(array_item(declared)[0])}"
    return _text(type_name(declared).partition(":")[2])


def _fields(model: Any) -> str:
    rows = "".join(
        f"<tr><td><code>{one.name}</code>{' <b title=required>*</b>' if one.required else ''}</td>"
        f"<td>{_type_label(one.type)}</td><td>{_text(one.doc)}</td></tr>"
        for one in members(model)
    )
    if not rows:
        return "<p>Nothing.</p>"
    return (
        '<div class="table"><table><thead><tr><th>Field</th><th>Type</th><th>Meaning</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _types_below(model: Any, found: dict[str, Any]) -> None:
    for member in members(model):
        declared = array_item(member.type)[1] if is_array(member.type) else member.type
        name = declared.get_type_name()
        if is_model(declared) and name not in found:
            found[name] = declared
            _types_below(declared, found)


def _message(operation: OperationInfo, version: SoapVersion, location: str) -> str:
    parts = urlsplit(location)
    action = f"{NAMESPACE}/{operation.name}"
    if version is SOAP_11:
        kind = f'Content-Type: text/xml; charset=utf-8\nSOAPAction: "{action}"'
    else:
        kind = f'Content-Type: application/soap+xml; charset=utf-8; action="{action}"'
    head = f"POST {parts.path or '/'} HTTP/1.1\nHost: {parts.netloc}\n{kind}\n\n"
    answer = f"HTTP/1.1 200 OK\nContent-Type: {version.content_type}\n\n" + sample_answer(operation, version)
    return (
        f"<h3>Request</h3><pre>{_text(head + sample_request(operation, version))}</pre>"
        f"<h3>Answer</h3><pre>{_text(answer)}</pre>"
    )


def _operation_page(service: str, location: str, operation: OperationInfo) -> str:
    found: dict[str, Any] = {}
    _types_below(operation.request, found)
    answers: dict[str, Any] = {}
    _types_below(operation.response, answers)
    sections = "".join(
        f"<details><summary>{_text(name)}</summary><p>{_text(type_doc(declared))}</p>{_fields(declared)}</details>"
        for name, declared in {**found, **answers}.items()
    )
    content = f"""<p><a href="{_text(location)}">All operations</a></p>
<h2>{operation.name}</h2>
<p>{_text(operation.doc)}</p>
{_fields(operation.request)}
<h2>Types</h2>
<p class="dim">Fields with <b>*</b> are needed.</p>
{sections}
<h2>SOAP 1.1</h2>
{_message(operation, SOAP_11, location)}
<h2>SOAP 1.2</h2>
{_message(operation, SOAP_12, location)}"""
    return _frame(f"{operation.name} – {service}", service, location, content)


@cache
def _by_name(service: str) -> dict[str, OperationInfo]:
    return {one.name.lower(): one for one in operations_of(service)}


def page(service: str, location: str, operation: str | None) -> str | None:
    """The page of a service, or of one of its operations (in any case); None for an operation that it has not."""
    if operation is None:
        return _service_page(service, location)
    known = _by_name(service).get(operation.strip().lower())
    return None if known is None else _operation_page(service, location, known)
