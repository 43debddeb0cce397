"""Bulk operations: one mutation for each line of a file, run by the shop without touching the bucket.

The file is uploaded, the operation started, and its result fetched when the shop says that it is done. Lines are
answered by their number; a line without an answer was not reached.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import httpx

from integrator.connectors.base import Transient, UnknownOutcome
from integrator.connectors.shopify.client import Client, plain
from integrator.connectors.shopify.errors import must_work, user_errors

Json = dict[str, Any]

FILE_BYTES = 95_000_000  # the platform takes 100 MB
FIRST_LOOK, LONGEST_LOOK = 0.5, 10.0  # seconds between two looks at a running operation
BUSY = frozenset({"OPERATION_IN_PROGRESS", "LIMIT_REACHED"})
OVER = frozenset({"COMPLETED", "FAILED", "CANCELED", "EXPIRED"})


class Busy(Transient):
    """Other bulk operations are running; what was to be done can be done one by one."""


class Bulk:
    def __init__(self, client: Client, minutes: int) -> None:
        self.client = client
        self.minutes = minutes

    def run(self, mutation: str, lines: Sequence[Mapping[str, Any]]) -> list[Json | None]:
        """The payload of the mutation for each line, None where the operation ended before it.

        Raises Busy when nothing was started, and UnknownOutcome when it is not known how it ended.
        """
        answers: list[Json | None] = []
        for part in self._files(lines):
            answers += self._one(mutation, part)
        return answers

    @staticmethod
    def _files(lines: Sequence[Mapping[str, Any]]) -> Iterator[list[bytes]]:
        part: list[bytes] = []
        size = 0
        for line in lines:
            text = json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=plain).encode() + b"\n"
            if part and size + len(text) > FILE_BYTES:
                yield part
                part, size = [], 0
            part.append(text)
            size += len(text)
        if part:
            yield part

    def _one(self, mutation: str, lines: Sequence[bytes]) -> list[Json | None]:
        path = self._upload(b"".join(lines), len(lines))
        payload = self.client.run("bulk_run", {"mutation": mutation, "path": path}, items=len(lines))
        payload = payload["bulkOperationRunMutation"]
        if any(one.code in BUSY for one in user_errors(payload)):
            raise Busy("The shop is running other bulk operations.", code="BULK_BUSY")
        must_work(payload, "The bulk operation")
        status = self._finished(str(payload["bulkOperation"]["id"]))
        url = status.get("url") or status.get("partialDataUrl")
        if status["status"] != "COMPLETED" and not url:
            raise UnknownOutcome(
                f"The shop ended the bulk operation {status['id']} ({status['status']}, {status.get('errorCode')}).",
                code="BULK_FAILED",
            )
        answers: list[Json | None] = [None] * len(lines)
        if url:
            for number, found in self._result(str(url)):
                if 0 <= number < len(answers):
                    answers[number] = found
        return answers

    def _upload(self, content: bytes, count: int) -> str:
        wanted = {
            "resource": "BULK_MUTATION_VARIABLES", "filename": "integrator.jsonl", "mimeType": "text/jsonl",
            "httpMethod": "POST",
        }  # fmt: skip
        payload = self.client.run("staged_upload", {"input": [wanted]}, items=count)["stagedUploadsCreate"]
        must_work(payload, "The upload for a bulk operation")
        target = payload["stagedTargets"][0]
        form = {one["name"]: one["value"] for one in target["parameters"]}
        files = {"file": ("integrator.jsonl", content, "text/jsonl")}
        # the file's place is at a storage service, which must never see the token
        response = self.client.http.request("POST", target["url"], writes=False, items=count, data=form, files=files)
        if not response.is_success:
            raise Transient(f"The file for a bulk operation was refused (HTTP {response.status_code}).", code="UPLOAD")
        return form.get("key") or urlsplit(str(target["resourceUrl"])).path.lstrip("/")

    def _finished(self, identity: str) -> Json:
        wait = FIRST_LOOK
        end = self.client.now() + timedelta(minutes=self.minutes)
        while True:
            status: Json | None = self.client.run("bulk_status", {"id": identity})["bulkOperation"]
            if status is None:
                raise UnknownOutcome(
                    f"The shop does not know the bulk operation {identity} any more.", code="BULK_LOST"
                )
            if status["status"] in OVER:
                return status
            if self.client.now() >= end:
                raise UnknownOutcome(
                    f"The bulk operation {identity} still runs after {self.minutes} minutes.", code="BULK_SLOW"
                )
            self.client.sleep(wait)
            wait = min(LONGEST_LOOK, wait * 1.5)

    def _result(self, url: str) -> Iterator[tuple[int, Json]]:
        response = self.client.http.request("GET", url)
        if not response.is_success:
            raise UnknownOutcome(f"The bulk result was refused (HTTP {response.status_code}).", code="BULK_RESULT")
        yield from results(response)


def results(response: httpx.Response) -> Iterator[tuple[int, Json]]:
    """(line number, payload of the mutation) of a result file; errors of a line itself stand as userErrors."""
    for text in response.text.splitlines():
        if not text.strip():
            continue
        try:
            line = json.loads(text, parse_float=Decimal)
        except ValueError:
            continue  # cut off
        number = line.get("__lineNumber")
        if not isinstance(number, int) or isinstance(number, bool) or math.isnan(number):
            continue
        data = line.get("data")
        payload = next(iter(data.values()), None) if isinstance(data, dict) and data else None
        if isinstance(payload, dict):
            yield number, payload
        else:
            errors = [one for one in line.get("errors") or [] if isinstance(one, dict)]
            said = "; ".join(str(one.get("message")) for one in errors) or "no reason given"
            code = str(((errors or [{}])[0].get("extensions") or {}).get("code") or "")
            yield number, {"userErrors": [{"code": code, "message": said, "field": []}]}
