"""The shop's word on single items as PushResult. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from integrator.connectors.pushes import ListingPush, Outcome, PushResult, RemoteListing

OK, CREATED, NOT_FOUND, CONFLICT, TOO_MANY, SERVER = 200, 201, 404, 409, 429, 500

HINTS = {
    "SKU_TAKEN": "Remove the other product from the shop or give it another SKU, then resend this one.",
    "SKU_AMBIGUOUS": "Leave the SKU on one of them, then resend the item.",
    "OPTIONS_TAKEN": "Give each variant of a style its own values.",
    "LOCATION_UNKNOWN": "Correct the channel's location_map; integrator channel check lists the shop's locations.",
}


def accepted(one: ListingPush, remote: Mapping[str, str] | None = None, *, created: bool = False) -> PushResult:
    return PushResult(one.product_id, Outcome.ACCEPTED, remote=remote or {}, created=created)


def result(one: ListingPush, answer: Mapping[str, Any]) -> PushResult:
    """What became of one item. A shop that answers for another item is not believed."""
    key = answer.get("key")
    if key != one.item_id:
        message = f"The shop's result is about {key!r}, not {one.item_id!r}: results must be in the request's order."
        return PushResult(one.product_id, Outcome.RETRY, code="ANSWER_BROKEN", message=message)
    status = int(answer.get("status") or SERVER)
    if status < 300:
        ids = {"product": answer.get("product_id"), "variant": answer.get("variant_id")}
        remote = {name: str(value) for name, value in ids.items() if value not in (None, "")}
        return accepted(one, remote, created=status == CREATED)
    return PushResult(one.product_id, outcome(status), **said(answer))


def outcome(status: int) -> Outcome:
    if status in (408, 423, TOO_MANY) or status >= SERVER:
        return Outcome.RETRY
    return Outcome.CONFLICT if status == CONFLICT else Outcome.REJECTED


def said(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Code, message and hint of a refusal."""
    status = int(answer.get("status") or SERVER)
    code = "LISTING_MISSING" if status == NOT_FOUND else str(answer.get("code") or "refused").upper()
    message = str(answer.get("message") or "") or f"The shop refused it with status {status} and no reason."
    return {"code": code, "message": message, "hint": HINTS.get(code, "")}


def worst(found: Sequence[PushResult]) -> PushResult:
    """Of one item that took several rows: what went wrong, if anything did."""
    return next((one for one in found if one.outcome is not Outcome.ACCEPTED), found[0])


def not_listed(one: ListingPush) -> PushResult:
    return PushResult(one.product_id, Outcome.RETRY, code="NOT_LISTED", message="The shop does not have it yet.")


def several(one: ListingPush, matches: Sequence[RemoteListing]) -> PushResult:
    where = ", ".join(f"{match.remote.get('variant', '?')} ({match.name})" for match in matches)
    return PushResult(
        one.product_id,
        Outcome.CONFLICT,
        code="SKU_AMBIGUOUS",
        message=f"The shop has {len(matches)} products with the SKU {one.item_id!r}: {where}.",
        hint=HINTS["SKU_AMBIGUOUS"],
    )
