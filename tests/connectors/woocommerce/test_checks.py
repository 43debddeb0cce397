"""`integrator channel check`: what it says of shops that lack something, and that it writes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from integrator.connectors.base import CheckReport
from integrator.connectors.woocommerce.facts import version_of
from tests.connectors.woocommerce.conftest import Bench, Build


def said(report: CheckReport) -> dict[str, tuple[bool, str]]:
    return {one.name: (one.ok, one.message) for one in report.items}


def test_a_good_shop_passes_and_is_not_written_to(each: Bench) -> None:
    report = each.connector().check()
    assert report.ok, report
    found = said(report)
    assert list(found) == [
        "https",
        "REST API",
        "credentials",
        "write permission",
        "version",
        "clock",
        "stock management",
        "shipments",
        "webhooks",
    ]
    assert ".".join(map(str, each.state.version)) in found["version"][1]
    assert each.state.products == each.state.orders == each.state.webhooks == {}


@pytest.mark.parametrize(
    ("version", "features", "way"),
    [
        ("8.3.1", {}, "notes"),
        ("9.4.3", {"tracking": True}, "tracking extension"),
        ("11.0.1", {"fulfilments": True}, "fulfilments feature"),
    ],
)
def test_it_tells_how_shipments_will_be_told(build: Build, version: str, features: dict[str, bool], way: str) -> None:
    assert way in said(build(version, **features).connector().check())["shipments"][1]


def test_each_thing_that_is_missing_is_named_with_what_to_do(build: Build) -> None:
    bench = build(permissions="read", stock_management=False)
    bench.state.ahead = timedelta(minutes=5)
    report = bench.connector().check()
    bad = {one.name: one.hint for one in report.items if not one.ok}
    assert list(bad) == ["write permission", "clock", "stock management"]
    assert all(bad.values())


def test_a_shop_that_is_not_there_or_no_shop_is_said(bench: Bench) -> None:
    bench.shop.misbehave(revoke_credentials=True)
    report = bench.connector().check()
    assert said(report)["credentials"][0] is False
    bench.shop.misbehave()
    bench.state.misbehaviour.html_next, bench.state.misbehaviour.html_status = 1, 404
    report = bench.connector().check()
    assert said(report)["REST API"][0] is False
    assert "Permalinks" in report.items[-1].hint


@pytest.mark.parametrize(("version", "ok"), [((7, 9, 1), False), ((8, 0, 0), True), ((12, 1, 0), True)])
def test_versions(bench: Bench, version: tuple[int, ...], ok: bool) -> None:
    bench.state.version = version
    assert said(bench.connector().check())["version"][0] is ok


def test_the_version_is_read_of_anything_that_has_one() -> None:
    assert [version_of(one) for one in ("11.0.1", "9.4", "8.3.1-rc.2", "", None, "x")] == [
        (11, 0),
        (9, 4),
        (8, 3),
        None,
        None,
        None,
    ]
