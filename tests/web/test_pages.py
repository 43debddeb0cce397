from __future__ import annotations

import httpx

from tests.support.service import Service


def test_the_service_says_that_it_is_ready(service: Service) -> None:
    answer = httpx.get(service.url + "/health/ready")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "migrations": "ok"}
