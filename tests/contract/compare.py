"""What changed between two versions of a WSDL, judged: additions of what is optional pass, anything else does not.

differences(old, new) -> a sentence for each change that would break a client of the old one
"""

from __future__ import annotations

from typing import Any

from lxml import etree

XS = "{http://www.w3.org/2001/XMLSchema}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SOAPS = ("{http://schemas.xmlsoap.org/wsdl/soap/}", "{http://schemas.xmlsoap.org/wsdl/soap12/}")
IGNORED = {f"{XS}annotation", f"{WSDL}documentation"}


def _without_documentation(root: Any) -> Any:
    for tag in IGNORED:
        for found in list(root.iter(tag)):
            found.getparent().remove(found)
    for comment in list(root.iter(etree.Comment)):
        comment.getparent().remove(comment)
    return root


def _qname(element: Any, text: str | None) -> str:
    """A reference with its prefix resolved, so that another prefix is not a change."""
    if text is None:
        return ""
    prefix, _, local = text.rpartition(":")
    return f"{{{element.nsmap.get(prefix or None, '')}}}{local}"


class Document:
    def __init__(self, text: str | bytes) -> None:
        self.root = _without_documentation(etree.fromstring(text.encode() if isinstance(text, str) else text))
        (self.schema,) = self.root.iter(f"{XS}schema")

    def named(self, tag: str, parent: Any = None) -> dict[str, Any]:
        return {e.get("name"): e for e in (self.root if parent is None else parent).findall(tag)}

    def request_types(self) -> set[str]:
        """The named types that only requests use: an enumeration of these may grow."""
        elements = self.named(f"{XS}element", self.schema)
        used: dict[bool, set[str]] = {True: set(), False: set()}
        for name, element in elements.items():
            side = not name.endswith("Response") and name != "CallFault"
            self._follow(element, used[side])
        return used[True] - used[False]

    def _follow(self, element: Any, found: set[str]) -> None:
        types = {t.get("name"): t for t in self.schema if t.tag in (f"{XS}complexType", f"{XS}simpleType")}
        for one in element.iter():
            name = (one.get("type") or "").rpartition(":")[2]
            if name in types and name not in found:
                found.add(name)
                self._follow(types[name], found)


def differences(old_text: str | bytes, new_text: str | bytes) -> list[str]:
    old, new = Document(old_text), Document(new_text)
    found: list[str] = []
    for what in ("targetNamespace", "name"):
        if old.root.get(what) != new.root.get(what):
            found.append(f"definitions: {what} changed")
    for what in ("targetNamespace", "elementFormDefault", "attributeFormDefault"):
        if old.schema.get(what) != new.schema.get(what):
            found.append(f"schema: {what} changed")
    _types(old, new, found)
    _messages(old, new, found)
    _operations(old, new, found)
    return found


def _types(old: Document, new: Document, found: list[str]) -> None:
    growing = old.request_types()
    for tag in (f"{XS}element", f"{XS}complexType", f"{XS}simpleType"):
        kind = tag.rpartition("}")[2]
        after = new.named(tag, new.schema)
        for name, before in old.named(tag, old.schema).items():
            if name not in after:
                found.append(f"{kind} {name}: removed")
            else:
                _content(f"{kind} {name}", before, after[name], found, growing=name in growing)


def _content(path: str, old: Any, new: Any, found: list[str], *, growing: bool) -> None:
    """Anything with elements inside: a complex type, a wrapper element, a simple type."""
    if _qname(old, old.get("type")) != _qname(new, new.get("type")):
        found.append(f"{path}: its type changed from {old.get('type')} to {new.get('type')}")
    old_shape = [c.tag for c in old if c.tag != f"{XS}element"]
    new_shape = [c.tag for c in new if c.tag != f"{XS}element"]
    if old_shape != new_shape:
        found.append(f"{path}: its structure changed")
        return
    for before, after in zip(
        (c for c in old if c.tag != f"{XS}element"), (c for c in new if c.tag != f"{XS}element"), strict=True
    ):
        if before.tag == f"{XS}sequence":
            if _occurs(before) != _occurs(after):
                found.append(f"{path}: how often its content may occur changed")
            _elements(path, before, after, found)
        elif before.tag == f"{XS}restriction":
            _restriction(path, before, after, found, growing=growing)
        elif before.tag == f"{XS}extension":
            if _qname(before, before.get("base")) != _qname(after, after.get("base")):
                found.append(f"{path}: its base changed")
            _content(path, before, after, found, growing=growing)
        else:
            _content(path, before, after, found, growing=growing)


def _occurs(element: Any) -> tuple[str, str]:
    return element.get("minOccurs", "1"), element.get("maxOccurs", "1")


def _elements(path: str, old: Any, new: Any, found: list[str]) -> None:
    names = [e.get("name") for e in old]
    after = {e.get("name"): e for e in new}
    for element in old:
        name = element.get("name")
        here = f"{path}/{name}"
        if name not in after:
            found.append(f"{here}: removed or renamed")
            continue
        other = after[name]
        if _qname(element, element.get("type")) != _qname(other, other.get("type")):
            found.append(f"{here}: its type changed from {element.get('type')} to {other.get('type')}")
        if _occurs(element) != _occurs(other):
            found.append(f"{here}: how often it occurs changed from {_occurs(element)} to {_occurs(other)}")
        if element.get("nillable", "false") != other.get("nillable", "false"):
            found.append(f"{here}: nillable changed")
        for what in ("default", "fixed", "form"):
            if element.get(what) != other.get(what):
                found.append(f"{here}: {what} changed")
    for name, element in after.items():
        if name not in names and element.get("minOccurs", "1") != "0":
            found.append(f"{path}/{name}: a new element must be optional (minOccurs=0)")
    if [n for n in after if n in names] != [n for n in names if n in after]:
        found.append(f"{path}: the order of its elements changed")
    kept = [n for n in after if n in names]
    new_ones = [n for n in after if n not in names]
    if list(after) != kept + new_ones:
        found.append(f"{path}: new elements must stand after the known ones")


def _restriction(path: str, old: Any, new: Any, found: list[str], *, growing: bool) -> None:
    if _qname(old, old.get("base")) != _qname(new, new.get("base")):
        found.append(f"{path}: its base changed")
    facets = [(e.tag, e.get("value")) for e in old]
    after = [(e.tag, e.get("value")) for e in new]
    for tag, value in facets:
        if (tag, value) not in after:
            found.append(f"{path}: {tag.rpartition('}')[2]} {value} was removed")
    for tag, value in after:
        if (tag, value) in facets:
            continue
        if not growing or tag != f"{XS}enumeration":
            found.append(f"{path}: {tag.rpartition('}')[2]} {value} was added, which old clients do not know")


def _shape(element: Any) -> Any:
    """Everything of an element that clients bind to, with references resolved."""
    attributes = {
        key: _qname(element, value) if key in ("message", "element", "type", "binding") else value
        for key, value in element.attrib.items()
        if key != "location"
    }
    return element.tag, tuple(sorted(attributes.items())), tuple(_shape(child) for child in element)


def _messages(old: Document, new: Document, found: list[str]) -> None:
    after = new.named(f"{WSDL}message")
    for name, message in old.named(f"{WSDL}message").items():
        if name not in after:
            found.append(f"message {name}: removed")
        elif _shape(message) != _shape(after[name]):
            found.append(f"message {name}: changed")


def _operations(old: Document, new: Document, found: list[str]) -> None:
    for tag in ("portType", "binding"):
        after = new.named(f"{WSDL}{tag}")
        for name, holder in old.named(f"{WSDL}{tag}").items():
            if name not in after:
                found.append(f"{tag} {name}: removed")
                continue
            if _qname(holder, holder.get("type")) != _qname(after[name], after[name].get("type")):
                found.append(f"{tag} {name}: its type changed")
            for soap in SOAPS:
                before_binding, after_binding = holder.find(f"{soap}binding"), after[name].find(f"{soap}binding")
                if (before_binding is None) != (after_binding is None) or (
                    before_binding is not None and _shape(before_binding) != _shape(after_binding)
                ):
                    found.append(f"{tag} {name}: its transport or style changed")
            there = new.named(f"{WSDL}operation", after[name])
            for operation, element in old.named(f"{WSDL}operation", holder).items():
                if operation not in there:
                    found.append(f"{tag} {name}: the operation {operation} was removed")
                elif _shape(element) != _shape(there[operation]):
                    found.append(f"{tag} {name}: the operation {operation} changed")
    after = new.named(f"{WSDL}service")
    for name, service in old.named(f"{WSDL}service").items():
        if name not in after:
            found.append(f"service {name}: removed")
            continue
        ports = new.named(f"{WSDL}port", after[name])
        for port, element in old.named(f"{WSDL}port", service).items():
            if port not in ports or _shape(element) != _shape(ports[port]):
                found.append(f"service {name}: the port {port} was removed or changed")
