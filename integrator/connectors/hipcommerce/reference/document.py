"""openapi.yaml, and whether a request or an answer is what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module, resources
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Json = dict[str, Any]


class Missing(RuntimeError):
    """PyYAML or jsonschema are not installed."""


@cache
def load() -> Document:
    """The document of this release. Raises Missing."""
    try:
        import yaml
    except ImportError as error:
        raise Missing("PyYAML is needed: pip install 'integrator[hipcommerce]'") from error
    text = resources.files("integrator.connectors.hipcommerce").joinpath("openapi.yaml").read_text("utf-8")
    return Document(yaml.safe_load(text))


class Document:
    def __init__(self, content: Json) -> None:
        try:
            jsonschema, referencing = import_module("jsonschema"), import_module("referencing")
            draft = import_module("referencing.jsonschema").DRAFT202012
        except ImportError as error:
            raise Missing("jsonschema is needed: pip install 'integrator[hipcommerce]'") from error
        self.content = content
        resource = referencing.Resource(contents=content, specification=draft)
        self._registry: Any = referencing.Registry().with_resource("urn:contract", resource)
        self._kind: Any = jsonschema.Draft202012Validator
        self._made: dict[str, Any] = {}

    def operation(self, method: str, path: str) -> Json | None:
        """`path` below the base, without query."""
        found: Json | None = self.content["paths"].get(path, {}).get(method.lower())
        return found

    def validator(self, schema: Json) -> Any:
        return self._kind(schema, registry=self._registry)

    def schema(self, pointer: str) -> Any:
        """A validator of the schema at "#/..."."""
        if pointer not in self._made:
            self._made[pointer] = self.validator({"$ref": f"urn:contract{pointer}"})
        return self._made[pointer]

    def component(self, name: str) -> Json:
        found: Json = self.content["components"]["schemas"][name]
        return found

    def resolve(self, value: Json) -> Json:
        """What a reference means."""
        while "$ref" in value:
            found: Any = self.content
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            value = found
        return value

    def errors(self, pointer: str, value: Any) -> list[Json]:
        """What is wrong with a value, each with its place."""
        return list(_said(self.schema(pointer).iter_errors(value)))

    # -- requests and answers

    def request_errors(self, method: str, target: str, headers: Mapping[str, str], body: Any) -> list[Json]:
        """`target`: path below the base, with query. `headers`: names in lower case."""
        parts = urlsplit(target)
        operation = self.operation(method, parts.path)
        if operation is None:
            return [{"pointer": "", "message": f"there is no {method} {parts.path}"}]
        found: list[Json] = []
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            query.setdefault(name, []).append(value)
        known = [self.resolve(one) for one in operation.get("parameters", ())]
        for name in query.keys() - {one["name"] for one in known if one["in"] == "query"}:
            found.append({"pointer": f"?{name}", "message": "there is no such parameter"})
        for one in known:
            name = one["name"]
            given: Any = query.get(name) if one["in"] == "query" else headers.get(name.lower())
            if given is None:
                if one.get("required"):
                    found.append({"pointer": name, "message": "it is missing"})
                continue
            found += _parameter(self, one, given)
        wanted = operation.get("requestBody")
        if wanted:
            place = f"#/paths/{_escaped(parts.path)}/{method.lower()}/requestBody/content/application~1json/schema"
            found += self.errors(place, body)
        elif body is not None:
            found.append({"pointer": "", "message": "the request has no body in the contract"})
        return found

    def answer_errors(self, method: str, path: str, status: int, headers: Mapping[str, str], body: Any) -> list[Json]:
        """`headers`: names in lower case."""
        operation = self.operation(method, path) or {"responses": {}}
        if status >= 400:
            found = self.errors("#/components/schemas/Problem", body)
            if headers.get("content-type", "").partition(";")[0] != "application/problem+json":
                found.append({"pointer": "Content-Type", "message": "an error is application/problem+json"})
            if status in (429, 503) and not headers.get("retry-after", "").isdigit():
                found.append({"pointer": "Retry-After", "message": "429 and 503 say how many seconds to wait"})
            return found
        if str(status) not in operation["responses"]:
            return [{"pointer": "", "message": f"{method} {path} is not answered {status}"}]
        given = operation["responses"][str(status)]
        base = given.get("$ref") or f"#/paths/{_escaped(path)}/{method.lower()}/responses/{status}"
        return self.errors(f"{base}/content/application~1json/schema", body)


def _escaped(path: str) -> str:
    return path.replace("~", "~0").replace("/", "~1")


def _parameter(document: Document, one: Json, given: Any) -> Iterator[Json]:
    schema = document.resolve(one["schema"])
    if schema.get("type") == "array":
        value: Any = given
    elif isinstance(given, list) and len(given) > 1:
        yield {"pointer": one["name"], "message": "it is given more than once"}
        return
    else:
        value = given[0] if isinstance(given, list) else given
        if schema.get("type") == "integer":
            value = int(value) if re.fullmatch(r"[0-9]{1,9}", value) else value
    for error in _said(document.validator(schema).iter_errors(value)):
        yield {"pointer": one["name"] + error["pointer"], "message": error["message"]}


def _said(errors: Any) -> Iterator[Json]:
    for one in errors:
        pointer = "".join(f"/{part}" for part in one.absolute_path)
        yield {"pointer": pointer, "message": one.message[:300]}
