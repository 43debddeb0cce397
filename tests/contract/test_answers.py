"""contract.md, section 2: faults only for the whole call, a result for every item, the good ones applied."""

from __future__ import annotations

import gzip
import json
import re
import uuid
from dataclasses import replace

import pytest
import sqlalchemy as sa

from integrator.codes import Code
from integrator.store.tables import call_failures, calls, lanes, prices, products
from tests.contract.soap import NS, Soap
from tests.support.service import Service, StoreLogin


@pytest.fixture
def login(service: Service) -> StoreLogin:
    return service.store()


@pytest.fixture
def soap(service: Service, login: StoreLogin) -> Soap:
    return Soap(service.url, login)


def full(name: str, price: str = "10", more: str = "") -> str:
    return f"<ItemIntegrationId>{name}</ItemIntegrationId><Name>Name of {name}</Name><Price>{price}</Price>{more}"


def test_the_good_items_are_applied_whatever_the_bad_ones_do(soap: Soap) -> None:
    answer = soap.products(full("A"), full("B", "1,5"), "<Name>no id</Name>", full("C"))
    result = answer.result
    assert answer.status == 200
    assert {k: result[k] for k in ("Success", "Received", "Applied", "Unchanged", "Failed", "ErrorCode")} == {
        "Success": "false",
        "Received": "4",
        "Applied": "2",
        "Unchanged": "0",
        "Failed": "2",
        "ErrorCode": "VALUE_INVALID",
    }
    assert result["ErrorMessage"] == "2 of 4 failed. The first: Price: '1,5' is not a decimal number."
    assert uuid.UUID(result["CallId"])
    assert [(r["Index"], r["Id"], r["Success"]) for r in result["Results"]] == [
        ("0", "A", "true"), ("1", "B", "false"), ("2", "", "false"), ("3", "C", "true"),
    ]  # fmt: skip
    assert result["Results"][0] == {"Index": "0", "Id": "A", "Success": "true", "Action": "Created"}
    assert result["Results"][1] == {
        "Index": "1", "Id": "B", "Success": "false", "ErrorCode": "VALUE_INVALID", "ErrorField": "Price",
        "ErrorMessage": "Price: '1,5' is not a decimal number.", "ErrorHint": "Write it with a point, like 12.50.",
    }  # fmt: skip
    assert result["Results"][2]["ErrorCode"] == "ITEM_ID_MISSING"
    again = soap.products(full("A"), full("C")).result
    assert (again["Success"], again["Applied"], again["Unchanged"]) == ("true", "0", "2")
    assert "ErrorCode" not in again


def test_results_hold_failed_and_warned_items_only_unless_all_are_wanted(soap: Soap) -> None:
    inner = f"<Products><POSProduct>{full('A')}</POSProduct><POSProduct>{full('B', 'x')}</POSProduct></Products>"
    assert [r["Id"] for r in soap.call("UpdatePOSProducts", inner).items()] == ["B"]
    for no in ("0", "false"):
        few = soap.call("UpdatePOSProducts", f"{inner}<ReturnAllResults>{no}</ReturnAllResults>")
        assert [r["Id"] for r in few.items()] == ["B"]
    for yes in ("1", "true"):
        every = soap.call("UpdatePOSProducts", f"{inner}<ReturnAllResults>{yes}</ReturnAllResults>")
        assert [r["Id"] for r in every.items()] == ["A", "B"]
    good = soap.call("UpdatePOSProducts", f"<Products><POSProduct>{full('A')}</POSProduct></Products>").result
    assert good["Results"] == []


def test_a_warned_item_is_in_the_results(soap: Soap) -> None:
    soap.products(full("A"))
    item = "<InventoryItem><ItemIntegrationId>A</ItemIntegrationId><Quantity>{}</Quantity></InventoryItem>"
    result = soap.call("UpdateInventory", f"<Items>{item.format(1)}{item.format(2)}</Items>").result
    codes = {r.get("ErrorCode") for r in result["Results"]}
    assert result["Results"], result
    assert codes <= {None, "ITEM_ID_DUPLICATE_IN_REQUEST"}


def test_unknown_elements_and_parameters_are_counted_in_warnings(soap: Soap) -> None:
    result = soap.call(
        "UpdatePOSProducts",
        f"<Products><POSProduct>{full('A', more='<New>1</New>')}</POSProduct></Products><Newer>x</Newer>",
    ).result
    assert result["Success"] == "true"
    assert result["Warnings"] == [
        "1 element 'New' in POSProduct is not known to this service and was ignored.",
        "1 element 'Newer' in UpdatePOSProducts is not known to this service and was ignored.",
    ]


def test_superseded_changes_nothing(soap: Soap) -> None:
    soap.products(full("A", more="<Version>5</Version>"))
    older = soap.products(full("A", "99", "<Version>4</Version>")).result
    assert older["Results"][0]["Action"] == "Superseded"
    assert (older["Success"], older["Applied"], older["Unchanged"]) == ("true", "0", "1")


def test_nil_clears_absent_keeps_empty_is_empty(service: Service, soap: Soap, login: StoreLogin) -> None:
    def content() -> dict[str, object]:
        with service.begin() as connection:
            row = connection.execute(
                sa.select(products.c.content, prices.c.sale_price)
                .join(prices, (prices.c.account_id == products.c.account_id) & (prices.c.product_id == products.c.id))
                .where(products.c.account_id == login.account_id)
            ).one()
        return {**row.content, "SalePrice": row.sale_price}

    soap.products(full("A", more="<Brand>ACME</Brand><UPC>1</UPC><SalePrice>5</SalePrice><Tags><Tag>t</Tag></Tags>"))
    assert content()["Brand"] == "ACME"
    soap.products("<ItemIntegrationId>A</ItemIntegrationId>")
    assert (content()["Brand"], content()["SalePrice"], content()["Tags"]) == ("ACME", 5, ["t"])
    soap.products(
        '<ItemIntegrationId>A</ItemIntegrationId><Brand xsi:nil="true"/><UPC/><SalePrice xsi:nil="true"/><Tags/>'
    )
    after = content()
    assert after.get("Brand") is None
    assert after["UPC"] in ("", None)
    assert after["SalePrice"] is None
    assert not after.get("Tags")
    assert after["Name"] == "Name of A"


def test_accepted_means_stored_with_the_work_it_causes(service: Service, soap: Soap, login: StoreLogin) -> None:
    """The item, its journal and what the lanes have to do are one transaction."""
    from tests.support.seed import seed_channel

    with service.begin() as connection:
        channel = seed_channel(connection, login.context)
    soap.products(full("A"))
    with service.begin() as connection:
        wanted = connection.execute(
            sa.select(lanes.c.lane).where(lanes.c.account_id == login.account_id, lanes.c.channel_id == channel)
        ).scalars()
        assert set(wanted) == {"content", "price", "stock"}


def test_the_journal_has_the_call_and_what_failed_in_it(service: Service, soap: Soap, login: StoreLogin) -> None:
    answer = soap.products(full("A"), full("B", "x"), request_id="j-1")
    with service.begin() as connection:
        call = connection.execute(sa.select(calls).where(calls.c.id == answer.result["CallId"])).one()
        (failure,) = connection.execute(sa.select(call_failures).where(call_failures.c.call_id == call.id)).all()
    assert (call.account_id, call.store_id, call.user_name) == (login.account_id, login.store_id, "pos")
    assert (call.operation, call.received, call.applied, call.unchanged, call.failed) == (
        "UpdatePOSProducts",
        2,
        1,
        0,
        1,
    )
    assert call.error_code == "VALUE_INVALID"
    assert call.request_id == "j-1"
    assert gzip.decompress(call.answer).startswith(b"<UpdatePOSProductsResponse")
    assert (failure.index, failure.subject_id, failure.code, failure.field) == (1, "B", "VALUE_INVALID", "Price")
    read = soap.call("GetNewOrders").result
    with service.begin() as connection:
        assert connection.execute(sa.select(calls.c.answer).where(calls.c.id == read["CallId"])).scalar() is None


def test_ten_thousand_failures_are_journalled(service: Service, soap: Soap) -> None:
    result = soap.call("UpdateInventory", "<Items>" + "<InventoryItem/>" * 10_000 + "</Items>").result
    assert result["Failed"] == "10000"
    with service.begin() as connection:
        number = connection.execute(
            sa.select(sa.func.count()).select_from(call_failures).where(call_failures.c.call_id == result["CallId"])
        ).scalar()
    assert number == 10_000


def test_control_characters_never_break_an_answer(soap: Soap) -> None:
    """XML has no such characters, so they can only come back quoted in a message; the answer stays well-formed."""
    answer = soap.products(full("A&lt;b&gt;&amp;&#x85;c"), full("&#x9f;"))
    assert [r["Success"] for r in answer.items()] == ["false", "false"]
    assert "control character" in answer.items()[0]["ErrorMessage"]


def test_codes_of_answers_are_in_the_catalogue(soap: Soap) -> None:
    known = {code.value for code in Code}
    answer = soap.products(
        "", full("A", "-1"), full("B", more="<Options/>"), full("x" * 70), full("C", more="<StyleId>S</StyleId>")
    )
    for item in answer.items():
        if item["Success"] == "false":
            assert item["ErrorCode"] in known
            assert item["ErrorMessage"]
            assert item["ErrorHint"]


def test_fault_detail_is_the_declared_element(soap: Soap) -> None:
    fault = soap.call("UpdateInventory", header="")
    assert set(fault.fault) == {"code", "text", "ErrorCode", "ErrorMessage", "ErrorHint", "CallId"}
    assert fault.fault["ErrorMessage"] == fault.fault["text"]
    (detail,) = fault.body.iter("detail")
    assert [child.tag for child in detail] == [f"{{{NS}}}CallFault"]
    assert re.fullmatch(r"[0-9a-f-]{36}", fault.fault["CallId"])


def test_max_records(soap: Soap) -> None:
    for value in ("0", "1", "1000", "5000"):
        assert soap.call("GetNewOrders", f"<MaxRecords>{value}</MaxRecords>").result["Success"] == "true"
    assert "below 0" in soap.call("GetNewOrders", "<MaxRecords>-1</MaxRecords>").fault["text"]
    assert soap.call("GetNewOrders", "<MaxRecords>x</MaxRecords>").fault["ErrorCode"] == "REQUEST_INVALID"


def test_a_bug_is_a_server_fault_that_tells_nothing(service: Service, login: StoreLogin) -> None:
    """A store whose settings cannot be read any more: an error inside, said as such, with the trace in the log only."""
    broken = service.store()
    with service.begin() as connection:
        connection.execute(
            sa.text("UPDATE stores SET settings = '{\"nonsense\": 1}' WHERE account_id = :a"), {"a": broken.account_id}
        )
    answer = Soap(service.url, broken).call("UpdateInventory")
    assert answer.fault["code"] == "Server"
    assert answer.fault["ErrorCode"] == "SERVICE_UNAVAILABLE"
    assert "nonsense" not in answer.content.decode()
    lines = [json.loads(one) for one in service.text().splitlines() if one.startswith("{")]
    assert any(line.get("call_id") == answer.fault["CallId"] and "exception" in line for line in lines)


def test_the_log_lines_of_a_call_name_its_own_store_and_no_other(service: Service) -> None:
    """Threads serve one store after the other; a call that fails before it is known whose it is, is nobody's yet."""
    known, stranger = service.store(), service.store()
    wrong = replace(stranger, password="int_wrong")
    for _ in range(8):  # more than there are threads
        assert not Soap(service.url, known).call("UpdateInventory").is_fault
    answers = [Soap(service.url, wrong).call("UpdateInventory") for _ in range(8)]
    ids = {answer.fault["CallId"] for answer in answers}
    lines = [json.loads(one) for one in service.text().splitlines() if one.startswith("{")]
    found = [line for line in lines if line.get("call_id") in ids]
    assert len(found) >= len(ids) == 8
    assert {(line.get("store"), line.get("account_id")) for line in found} == {(stranger.code, None)}
