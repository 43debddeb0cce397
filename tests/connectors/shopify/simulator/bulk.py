"""Bulk operations: the uploaded file is run line by line; its result is fetched from a storage service."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.connectors.shopify.simulator.state import Json, State, Violation, gid, number_of, refused

RUNNING_MOST = 5


class Bulk:
    def __init__(self, state: State, base: Callable[[], str], execute: Callable[[str, Json], Json]) -> None:
        self.state = state
        self.base = base
        self.execute = execute

    def staged(self, _info: Any, input: list[Json]) -> Json:
        targets = []
        for one in input:
            if one["resource"] != "BULK_MUTATION_VARIABLES" or one.get("httpMethod") != "POST":
                raise Violation(f"an upload for {one}")
            key = f"tmp/bulk/{self.state.number()}/{one['filename']}"
            parameters = {"key": key, "Content-Type": one["mimeType"], "policy": "p", "signature": "s"}
            targets.append(
                {
                    "url": f"{self.base()}/storage", "resourceUrl": None,
                    "parameters": [{"name": name, "value": value} for name, value in parameters.items()],
                }
            )  # fmt: skip
        return {"stagedTargets": targets}

    def upload(self, form: dict[str, bytes]) -> None:
        self.state.uploads[form["key"].decode()] = form["file"]

    def run(self, _info: Any, mutation: str, stagedUploadPath: str, **_: Any) -> Json:
        running = [one for one in self.state.bulk.values() if self._status(one) == "RUNNING"]
        if len(running) >= RUNNING_MOST:
            raise refused("OPERATION_IN_PROGRESS", "A bulk mutation operation is already in progress.")
        content = self.state.uploads.get(stagedUploadPath)
        if content is None:
            raise refused("NO_SUCH_FILE", "The JSONL file could not be found.", "stagedUploadPath")
        lines = []
        for number, line in enumerate(content.decode().splitlines()):
            answer = self.execute(mutation, json.loads(line))
            lines.append(json.dumps({**answer, "__lineNumber": number}))
        identity = self.state.number()
        self.state.bulk[identity] = {
            "id": identity, "result": "\n".join(lines), "query": mutation, "count": len(lines),
            "done_at": self.state.clock() + self.state.features.bulk_seconds, "at": self.state.stamp(),
        }  # fmt: skip
        return {"bulkOperation": self._view(self.state.bulk[identity])}

    def _status(self, one: Json) -> str:
        return "COMPLETED" if self.state.clock() >= one["done_at"] else "RUNNING"

    def _view(self, one: Json) -> Json:
        status = self._status(one)
        return {
            "__typename": "BulkOperation", "id": gid("BulkOperation", one["id"]), "status": status, "errorCode": None,
            "objectCount": str(one["count"]), "partialDataUrl": None,
            "url": f"{self.base()}/storage/{one['id']}" if status == "COMPLETED" else None,
        }  # fmt: skip

    def status(self, _info: Any, id: str) -> Json | None:
        found = self.state.bulk.get(number_of(id, "BulkOperation"))
        return self._view(found) if found else None
