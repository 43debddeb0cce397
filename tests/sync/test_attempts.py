"""Secrets never reach the journal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from integrator.connectors.http import Attempt
from integrator.journal import attempts
from integrator.journal.attempts import Recorder, redact
from integrator.store.engine import begin
from tests.sync.conftest import Stage


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('{"consumer_secret": "cs_1234567890"}', "cs_1234567890"),
        ('{"accessToken":"shpat_abc123456","ok":true}', "shpat_abc123456"),
        ('{"x_api_key" : "abc\\"def"}', 'abc\\"def'),
        ("Authorization: Bearer eyJhbGciOi.abc.def", "eyJhbGciOi.abc.def"),
        ("authorization: basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA=="),
        ('{"card": "4111 1111 1111 1111"}', "4111 1111 1111 1111"),
        ('{"password": "cut off in the mid', "cut off in the mid"),
        ("the key is s3cr3t-of-the-shop!", "s3cr3t-of-the-shop"),
    ],
)
def test_secrets_are_taken_out(text: str, secret: str) -> None:
    assert secret not in (redact(text, ["s3cr3t-of-the-shop"]) or "")


def test_the_rest_stays_as_it_is() -> None:
    text = '{"sku": "4006381333931", "order": 1234567890123456, "name": "Token ring"}'
    assert redact(text, ["x"]) == text
    assert redact(None) is None


def test_an_attempt_is_a_row_at_once(stage: Stage) -> None:
    recorder = Recorder(*stage.ids, "stock", ["topsecret"])
    now = datetime.now(UTC)
    recorder(
        Attempt("PUT", "https://shop/x?k=topsecret", now, 12, 500, "transient", "a\x00b", 3, '{"a":1}', "topsecret")
    )
    with begin() as connection:
        shown = attempts.shown(connection, stage.store.account_id, recorder.last_id or 0)
        assert shown is not None
        assert (shown["url"], shown["answer"], shown["message"]) == ("https://shop/x?k=***", "***", "a\\0b")
        assert (shown["purpose"], shown["status"], shown["items"]) == ("stock", 500, 3)
        assert (
            len(attempts.listed(connection, stage.store.account_id, channel_id=stage.channel_id, failed_only=True)) == 1
        )
        assert attempts.listed(connection, stage.store.account_id, purpose="pull") == []
