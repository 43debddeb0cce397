from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator import logs

SECRET = "Sesame-0pen"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://user:{SECRET}@host/db refused",
        f"<Password>{SECRET}</Password>",
        f'<int:Password xmlns:int="urn:integrator:v1">{SECRET}</int:Password>',
        f"Authorization: Basic {SECRET}{SECRET}",
        f"bearer {SECRET}",
        f"password={SECRET}&x=1",
        f'{{"consumer_secret": "{SECRET}"}}',
        f"GET /orders?consumer_key={SECRET}&page=2",
        f"oauth_signature={SECRET}",
        f"api-key: {SECRET}".replace("api-key", "api_key"),
        "int_" + "A1b2-" * 8 + "xyz",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    masked = logs.redacted(text)
    assert SECRET not in masked
    assert logs.MASK in masked
    assert "A1b2-A1b2" not in masked


@pytest.mark.parametrize("text", ["42 items of 43 applied", "GET /orders?page=2", "https://shop.example/a:b@c", ""])
def test_other_text_stays(text: str) -> None:
    assert logs.redacted(text) == text


@given(st.sampled_from(["password", "Password", "consumer_secret", "access_token", "api_key", "credentials", "cookie"]))
def test_values_under_a_secret_name_are_masked_however_deep(name: str) -> None:
    event = {"event": "x", "outer": [{"inner": {name: SECRET}}], name: SECRET}
    assert SECRET not in str(logs.redact(None, "info", event))


@given(
    st.dictionaries(
        st.sampled_from(["operation", "count", "store"]), st.one_of(st.integers(), st.booleans(), st.none())
    )
)
def test_plain_values_are_not_touched(values: dict[str, object]) -> None:
    assert logs.redact(None, "info", dict(values)) == values
