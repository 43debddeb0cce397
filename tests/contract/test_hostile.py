"""Messages that nobody sends by accident, and many that somebody does, each to the real server.

Of every one: an answer comes after a bounded amount of work, it is one SOAP envelope with content, never HTML, the
memory of the process stays bounded, no secret is in the log, and the next good call works.
"""

from __future__ import annotations

import contextlib
import gzip
import re
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest
from lxml import etree

from tests.contract.soap import NS, S11, S12, Soap, credentials, envelope
from tests.support.service import Service, StoreLogin
from tests.support.waiting import PATIENCE

SECRET = "hunter2-secret-in-a-message"
CPU_SECONDS = 20.0  # of the server, for one message
MEGABYTES = 700  # what one process may hold while and after it reads the worst of these
LIMIT = 8 * 1024 * 1024  # INTEGRATOR_MAX_BODY_BYTES of this server

GOOD = f'<UpdateInventory xmlns="{NS}"><Items/></UpdateInventory>'


def e11(body: str, header: str = "") -> bytes:
    return envelope(body, header, S11)


def items(text: str) -> str:
    return f'<UpdateInventory xmlns="{NS}"><Items>{text}</Items></UpdateInventory>'


def item(text: str) -> str:
    return items(f"<InventoryItem>{text}</InventoryItem>")


def doctype(internal: str, value: str) -> bytes:
    start = f'<?xml version="1.0"?><!DOCTYPE x [{internal}]>'.encode()
    return start + e11(item(f"<ItemIntegrationId>{value}</ItemIntegrationId>")).partition(b"?>")[2]


def nested(depth: int) -> str:
    return "<a>" * depth + "</a>" * depth


LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))


@dataclass(frozen=True)
class Row:
    body: bytes | Callable[[], bytes]
    type: str = "text/xml; charset=utf-8"
    method: str = "POST"
    path: str = "/ProductTasks"
    headers: dict[str, str] = field(default_factory=dict)
    status: int | tuple[int, ...] = 500
    code: str = "REQUEST_INVALID"  # "" where the call is answered, not refused
    fault: str = ""  # the SOAP fault code, where it is not Client or Sender


T12 = "application/soap+xml; charset=utf-8"
UTF16 = e11(GOOD).decode().replace("utf-8", "utf-16").encode("utf-16")

ROWS: dict[str, Row] = {
    # DTDs and entities
    "doctype": Row(doctype("", "A")),
    "doctype, external": Row(b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + e11(GOOD).partition(b"?>")[2]),
    "doctype, by http": Row(b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">' + e11(GOOD).partition(b"?>")[2]),
    "doctype in UTF-16": Row(("<!DOCTYPE x []>" + e11(GOOD).decode().partition("?>")[2]).encode("utf-16")),
    "doctype in SOAP 1.2": Row(b"<!DOCTYPE x>" + envelope(GOOD, ns=S12).partition(b"?>")[2], T12),
    "internal entity": Row(doctype('<!ENTITY e "B">', "&e;")),
    "external entity": Row(doctype('<!ENTITY e SYSTEM "file:///etc/passwd">', "&e;")),
    "external entity by http": Row(doctype('<!ENTITY e SYSTEM "http://127.0.0.1:1/">', "&e;")),
    "parameter entity": Row(doctype('<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;', "A")),
    "billion laughs": Row(doctype('<!ENTITY l0 "lol">' + LAUGHS, "&l9;")),
    "quadratic blow-up": Row(doctype(f'<!ENTITY e "{"x" * 50_000}">', "&e;" * 5_000)),
    "entity that contains itself": Row(doctype('<!ENTITY a "&b;"><!ENTITY b "&a;">', "&a;")),
    "attribute defaults": Row(doctype('<!ATTLIST InventoryItem nil CDATA "true">', "A")),
    "undefined entity": Row(e11(item("<ItemIntegrationId>&nothing;</ItemIntegrationId>"))),
    "character reference to nothing": Row(e11(item("<ItemIntegrationId>&#0;</ItemIntegrationId>"))),
    "XInclude": Row(
        e11(item('<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>')),
        status=200,
        code="",
    ),
    # SOAP encoding graphs
    "href to itself": Row(
        e11(f'<UpdateInventory xmlns="{NS}"><Items href="#a" id="a"/></UpdateInventory>'), status=200, code=""
    ),
    "href cycle": Row(
        e11(item('<LocationQuantities href="#b" id="a"/><Quantity href="#a" id="b">1</Quantity>')), status=200, code=""
    ),
    "xsi:type of our own": Row(
        e11(items(f'<InventoryItem xsi:type="t:POSProduct" xmlns:t="{NS}"/>')), status=200, code=""
    ),
    "xsi:type of nothing": Row(e11(items('<InventoryItem xsi:type="nope:Nope"/>')), status=200, code=""),
    "xsi:nil body": Row(e11(f'<UpdateInventory xmlns="{NS}" xsi:nil="true"/>'), status=200, code=""),
    "xsi:schemaLocation": Row(
        e11(f'<UpdateInventory xmlns="{NS}" xsi:schemaLocation="{NS} http://127.0.0.1:1/x.xsd"/>'), status=200, code=""
    ),
    # shape
    "nesting of 250": Row(e11(item(nested(240))), status=200, code=""),
    "nesting of 300": Row(e11(item(nested(300)))),
    "nesting of 100,000": Row(lambda: e11(item(nested(100_000)))),
    "attribute of 1 MB": Row(
        lambda: e11(item(f'<ItemIntegrationId a="{"x" * 1_000_000}">A</ItemIntegrationId>')), status=200, code=""
    ),
    "attribute of 7 MB": Row(
        lambda: e11(item(f'<ItemIntegrationId a="{"x" * 7_000_000}">A</ItemIntegrationId>')),
        status=(200, 500),
        code="*",
    ),
    "50,000 attributes": Row(
        lambda: e11(item("<Quantity " + " ".join(f'a{i}="1"' for i in range(50_000)) + ">1</Quantity>")),
        status=200,
        code="",
    ),
    "the same attribute twice": Row(e11(item('<Quantity a="1" a="2">1</Quantity>'))),
    "text of 7 MB": Row(
        lambda: e11(item(f"<ItemIntegrationId>{'x' * 7_000_000}</ItemIntegrationId>")), status=200, code=""
    ),
    "id of 100,000 characters": Row(
        lambda: e11(item(f"<ItemIntegrationId>{'x' * 100_000}</ItemIntegrationId>")), status=200, code=""
    ),
    "number of 100,000 digits": Row(
        lambda: e11(item(f"<ItemIntegrationId>A</ItemIntegrationId><Quantity>{'9' * 100_000}</Quantity>")),
        status=200,
        code="",
    ),
    "name of 100,000 characters": Row(lambda: e11(item(f"<{'n' * 100_000}/>"))),
    "20,000 namespaces in one element": Row(
        lambda: e11(item("<Quantity " + " ".join(f'xmlns:p{i}="urn:{i}"' for i in range(20_000)) + ">1</Quantity>")),
        status=(200, 500),
        code="*",
    ),
    "20,000 elements with a namespace each": Row(
        lambda: e11(item("".join(f'<p:x xmlns:p="urn:{i}"/>' for i in range(20_000)))), status=200, code=""
    ),
    "200,000 names": Row(lambda: e11(item("".join(f"<n{i}/>" for i in range(200_000)))), status=200, code=""),
    "1,000,000 empty elements": Row(lambda: e11(item("<a/>" * 1_000_000)), status=200, code=""),
    "300,000 comments and instructions": Row(lambda: e11(item("<!--x--><?p x?>" * 300_000)), status=200, code=""),
    "10,001 items": Row(lambda: e11(items("<InventoryItem/>" * 10_001)), code="LIMIT_EXCEEDED"),
    "200,000 items": Row(lambda: e11(items("<InventoryItem/>" * 200_000)), code="LIMIT_EXCEEDED"),
    "over the limit of bytes": Row(lambda: e11(item(f"<Quantity>{' ' * LIMIT}</Quantity>")), code="LIMIT_EXCEEDED"),
    "far over the limit of bytes": Row(lambda: b" " * (3 * LIMIT), code="LIMIT_EXCEEDED"),
    "over the limit in SOAP 1.2": Row(lambda: b" " * (LIMIT + 1), T12, code="LIMIT_EXCEEDED"),
    # XML that is none
    "empty": Row(b""),
    "blanks": Row(b" \r\n\t "),
    "text": Row(b"hello"),
    "JSON": Row(b'{"a": 1}'),
    "NUL bytes": Row(b"\x00" * 1000),
    "random bytes": Row(bytes(range(256)) * 20),
    "not closed": Row(e11(GOOD)[:-20]),
    "cut in a tag": Row(e11(GOOD)[:150]),
    "two roots": Row(e11(GOOD) + b"<x/>"),
    "text after the envelope": Row(e11(GOOD) + b"x"),
    "declaration not first": Row(b" " + e11(GOOD)),
    "XML 1.1": Row(e11(GOOD).replace(b'version="1.0"', b'version="1.1"'), status=(200, 500), code="*"),
    "XML 9.9": Row(e11(GOOD).replace(b'version="1.0"', b'version="9.9"'), status=(200, 500), code="*"),
    "unbound prefix": Row(e11("<nope:UpdateInventory/>")),
    "control character": Row(e11(item("<ItemIntegrationId>a\x01b</ItemIntegrationId>"))),
    # encodings
    "UTF-16 with mark": Row(UTF16, "text/xml; charset=utf-16", status=200, code=""),
    "UTF-16 without charset": Row(UTF16, "text/xml", status=200, code=""),
    "UTF-16LE without mark": Row(UTF16[2:], "text/xml; charset=utf-16le", status=200, code=""),
    "UTF-16 that says UTF-8": Row(e11(GOOD).decode().encode("utf-16-le"), "text/xml; charset=utf-8"),
    "UTF-8 that says UTF-16": Row(e11(GOOD), "text/xml; charset=utf-16"),
    "UTF-8 with mark": Row(b"\xef\xbb\xbf" + e11(GOOD), status=200, code=""),
    "Latin-1": Row(
        e11(item("<ItemIntegrationId>é</ItemIntegrationId>")).decode().replace("utf-8", "iso-8859-1").encode("latin-1"),
        "text/xml; charset=iso-8859-1",
        status=200,
        code="",
    ),
    "invalid UTF-8": Row(e11(item("<ItemIntegrationId>X</ItemIntegrationId>")).replace(b">X<", b">\xff\xfe\xc0<")),
    "overlong UTF-8": Row(e11(item("<ItemIntegrationId>X</ItemIntegrationId>")).replace(b">X<", b">\xc0\xaf<")),
    "lone surrogate": Row(e11(item("<ItemIntegrationId>X</ItemIntegrationId>")).replace(b">X<", b">\xed\xa0\x80<")),
    "unknown charset": Row(e11(GOOD), "text/xml; charset=klingon"),
    "UTF-7": Row(e11(GOOD), "text/xml; charset=utf-7"),
    "EBCDIC declared": Row(e11(GOOD).replace(b"utf-8", b"ebcdic-cp-us"), "text/xml"),
    "unknown encoding declared": Row(e11(GOOD).replace(b"utf-8", b"klingon"), "text/xml"),
    "UTF-32": Row(e11(GOOD).decode().encode("utf-32"), "text/xml"),
    # gzip
    "gzip": Row(gzip.compress(e11(GOOD)), headers={"Content-Encoding": "gzip"}, status=200, code=""),
    "gzip, cut": Row(gzip.compress(e11(GOOD))[:-12], headers={"Content-Encoding": "gzip"}),
    "gzip, cut in the header": Row(gzip.compress(e11(GOOD))[:5], headers={"Content-Encoding": "gzip"}),
    "gzip, damaged": Row(gzip.compress(e11(GOOD))[:30] + b"\xff" * 40, headers={"Content-Encoding": "gzip"}),
    "gzip, wrong checksum": Row(gzip.compress(e11(GOOD))[:-8] + b"\0" * 8, headers={"Content-Encoding": "gzip"}),
    "gzip, something after it": Row(gzip.compress(e11(GOOD)) + b"rest", headers={"Content-Encoding": "gzip"}),
    "gzip that is none": Row(e11(GOOD), headers={"Content-Encoding": "gzip"}),
    "gzip that is not said": Row(gzip.compress(e11(GOOD))),
    "gzip, empty": Row(b"", headers={"Content-Encoding": "gzip"}),
    "gzip bomb of 1 GB": Row(lambda: bomb(1 << 30), headers={"Content-Encoding": "gzip"}, code="LIMIT_EXCEEDED"),
    "gzip in gzip": Row(
        gzip.compress(gzip.compress(e11(GOOD))), headers={"Content-Encoding": "gzip, gzip"}, status=415
    ),
    "deflate": Row(zlib.compress(e11(GOOD)), headers={"Content-Encoding": "deflate"}, status=415),
    "br": Row(b"x", headers={"Content-Encoding": "br"}, status=415),
    # SOAP
    "no Body": Row(f'<s:Envelope xmlns:s="{S11}"/>'.encode()),
    "empty Body": Row(e11("")),
    "text in the Body": Row(e11("hello")),
    "two operations": Row(e11(GOOD + GOOD)),
    "two Bodies": Row(e11(GOOD).replace(b"</s:Body>", b"</s:Body><s:Body/>")),
    "two Headers": Row(e11(GOOD).replace(b"<s:Header>", b"<s:Header/><s:Header>")),
    "Header after the Body": Row(
        f'<s:Envelope xmlns:s="{S11}"><s:Body>{GOOD}</s:Body><s:Header/></s:Envelope>'.encode()
    ),
    "something beside the Body": Row(e11(GOOD).replace(b"</s:Body>", b"</s:Body><x/>")),
    "a Fault": Row(e11("<s:Fault><faultcode>x</faultcode></s:Fault>"), code="OPERATION_UNKNOWN"),
    "unknown operation": Row(e11(f'<Drop xmlns="{NS}"/>'), code="OPERATION_UNKNOWN"),
    "operation of the other service": Row(e11(f'<GetNewOrders xmlns="{NS}"/>'), code="OPERATION_UNKNOWN"),
    "operation without namespace": Row(e11("<UpdateInventory/>"), code="OPERATION_UNKNOWN"),
    "operation of another namespace": Row(e11('<UpdateInventory xmlns="urn:other"/>'), code="OPERATION_UNKNOWN"),
    "not an envelope": Row(GOOD.encode()),
    "HTML": Row(b"<html><body>hello</body></html>"),
    "envelope of an unknown version": Row(
        e11(GOOD).replace(S11.encode(), b"urn:soap:9"), code="*", fault="VersionMismatch"
    ),
    "1.2 envelope as text/xml": Row(envelope(GOOD, ns=S12), code="*", fault="VersionMismatch"),
    "1.1 envelope as soap+xml": Row(e11(GOOD), T12, code="*", fault="VersionMismatch"),
    "mustUnderstand": Row(e11(GOOD, '<x:T xmlns:x="urn:x" s:mustUnderstand="1"/>'), code="*", fault="MustUnderstand"),
    "mustUnderstand in SOAP 1.2": Row(
        envelope(GOOD, '<x:T xmlns:x="urn:x" s:mustUnderstand="true"/>', S12), T12, code="*", fault="MustUnderstand"
    ),
    "mustUnderstand for another": Row(
        e11(GOOD, '<x:T xmlns:x="urn:x" s:mustUnderstand="1" s:actor="urn:somebody"/>'), status=200, code=""
    ),
    "10,000 header entries": Row(lambda: e11(GOOD, "<x/>" * 10_000), status=200, code=""),
    "no credentials": Row(e11(GOOD), headers={"Authorization": ""}, code="NOT_AUTHORISED"),
    "wrong credentials": Row(e11(GOOD), headers={"Authorization": "Basic eDp5"}, code="NOT_AUTHORISED"),
    "credentials that are no Base64": Row(e11(GOOD), headers={"Authorization": "Basic !!!"}, code="NOT_AUTHORISED"),
    "credentials of another kind": Row(e11(GOOD), headers={"Authorization": "Bearer abcdefgh"}, code="NOT_AUTHORISED"),
    "empty Credentials": Row(e11(GOOD, f'<Credentials xmlns="{NS}"><StoreId/></Credentials>'), code="NOT_AUTHORISED"),
    "a secret in a wrong place": Row(
        e11(f"<Login><Password>{SECRET}</Password></Login>", f"<Password>{SECRET}</Password>"), code="OPERATION_UNKNOWN"
    ),
    "a secret in broken XML": Row(f"<Password>{SECRET}</Password><Password".encode()),
    "RequestId of 10,000 characters": Row(e11(GOOD, f'<RequestId xmlns="{NS}">{"r" * 10_000}</RequestId>')),
    # HTTP
    "no Content-Type": Row(e11(GOOD), "", status=415),
    "application/json": Row(e11(GOOD), "application/json", status=415),
    "a form": Row(b"a=1", "application/x-www-form-urlencoded", status=415),
    "multipart": Row(e11(GOOD), "multipart/related; boundary=x", status=415),
    "text/plain": Row(e11(GOOD), "text/plain", status=415),
    "a Content-Type that is nonsense": Row(e11(GOOD), ';;;==="', status=415),
    "application/xml": Row(e11(GOOD), "application/xml", status=200, code=""),
    "PUT": Row(e11(GOOD), method="PUT", status=405),
    "DELETE": Row(b"", method="DELETE", status=405),
    "PATCH": Row(e11(GOOD), method="PATCH", status=405),
    "OPTIONS": Row(b"", method="OPTIONS", status=405),
    "a method of their own": Row(e11(GOOD), method="BREW", status=405),
    "below the service": Row(e11(GOOD), path="/ProductTasks/nothing", status=404),
    "SOAPAction of something else": Row(e11(GOOD), headers={"SOAPAction": '"urn:x/Nope"'}, status=200, code=""),
    "SOAPAction empty": Row(e11(GOOD), headers={"SOAPAction": '""'}, status=200, code=""),
    "another Host": Row(e11(GOOD), headers={"Host": "evil.example.net"}, status=200, code=""),
}


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = b" " * (1 << 20)
    return b"".join([packer.compress(piece) for _ in range(size >> 20)]) + packer.flush()


@pytest.fixture(scope="module")
def hostile(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One process with two threads, so that what a message breaks is seen by the next."""
    folder = tmp_path_factory.mktemp("hostile")
    running = Service(module_database, folder, max_body_bytes=LIMIT, web_threads=2).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def login(hostile: Service) -> StoreLogin:
    from integrator.store import engine

    engine.configure(hostile.database)
    try:
        return hostile.store()
    finally:
        engine.forget()


def cpu_seconds(service: Service) -> float:
    """What it has worked so far: the same on a machine that others use, or that stands still for a while."""
    assert service.process is not None
    processes = [psutil.Process(service.process.pid), *psutil.Process(service.process.pid).children(recursive=True)]
    return sum(sum(p.cpu_times()[:2]) for p in processes)


def megabytes(service: Service) -> float:
    assert service.process is not None
    processes = [psutil.Process(service.process.pid), *psutil.Process(service.process.pid).children(recursive=True)]
    return max(p.memory_info().rss for p in processes) / 1e6


@dataclass
class Reply:
    status: int
    type: str
    body: bytes


def exchange(service: Service, request: bytes, *, half_close: bool = False, timeout: float = PATIENCE) -> list[Reply]:
    """Sends raw bytes; every HTTP answer that comes on the connection until it is closed or complete."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=timeout) as connection:
        connection.sendall(request)
        if half_close:
            with contextlib.suppress(OSError):  # answered and closed already
                connection.shutdown(socket.SHUT_WR)
        data = b""
        while not complete(data):
            piece = connection.recv(65536)
            if not piece:
                break
            data += piece
    replies = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        length = int((re.search(rb"(?i)content-length: (\d+)", head) or [b"", b"0"])[1])
        kind = (re.search(rb"(?i)content-type: ([^\r\n]*)", head) or [b"", b""])[1].decode()
        replies.append(Reply(int(head.split()[1]), kind, rest[:length]))
        data = rest[length:]
    return [r for r in replies if r.status != 100]


def complete(data: bytes) -> bool:
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        return False
    if head.split()[1] == b"100":
        return complete(rest)
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return length is not None and len(rest) >= int(length[1])


def wire(row: Row, login: StoreLogin) -> bytes:
    import base64

    body = row.body if isinstance(row.body, bytes) else row.body()
    token = base64.b64encode(":".join(login.basic).encode()).decode()
    headers = {
        "Host": "pos.example.com",
        "Content-Type": row.type,
        "Content-Length": str(len(body)),
        "Authorization": f"Basic {token}",
        "Connection": "close",
        **row.headers,
    }
    lines = [f"{row.method} {row.path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items() if v)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def content_of(reply: Reply) -> Any:
    """What stands in the Body of the one envelope that the reply must be."""
    assert reply.type.startswith(("text/xml", "application/soap+xml")), (reply.type, reply.body[:300])
    assert b"<html" not in reply.body.lower()
    root = etree.fromstring(reply.body)
    namespace = S11 if reply.type.startswith("text/xml") else S12
    assert root.tag == f"{{{namespace}}}Envelope"
    (child,) = root.find(f"{{{namespace}}}Body")
    return child


def works(service: Service, login: StoreLogin) -> None:
    assert Soap(service.url, login).call("UpdateInventory").result["Success"] == "true"


@pytest.mark.parametrize("name", ROWS)
def test_hostile(name: str, hostile: Service, login: StoreLogin) -> None:
    row = ROWS[name]
    before = cpu_seconds(hostile)
    (reply,) = exchange(hostile, wire(row, login))
    assert cpu_seconds(hostile) - before < CPU_SECONDS
    child = content_of(reply)
    wanted = row.status if isinstance(row.status, tuple) else (row.status,)
    assert reply.status in wanted, reply.body[:600]
    if row.code == "":
        assert child.tag.startswith(f"{{{NS}}}Update"), reply.body[:600]
    elif child.tag.endswith("}Fault"):
        said = child.findtext(f".//{{{NS}}}ErrorCode")
        assert row.code in ("*", said), reply.body[:600]
        code = (child.findtext("faultcode") or child.findtext(f"{{{S12}}}Code/{{{S12}}}Value") or "").rpartition(":")[2]
        assert code == (row.fault or ("Client" if reply.type.startswith("text/xml") else "Sender"))
        assert b"root:" not in reply.body, "a file was read"
        assert len(reply.body) < 4000, "the message is handed back"
    assert megabytes(hostile) < MEGABYTES
    works(hostile, login)
    log = hostile.text()
    assert SECRET not in log
    assert login.password not in log
    assert len(log) < 5_000_000


CHUNKED = (
    "POST /ProductTasks HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n"
    "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
)


def chunked(body: bytes, size: int = 1000) -> bytes:
    out = CHUNKED.encode()
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        out += f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    return out + b"0\r\n\r\n"


def plain(length: str, body: bytes, extra: str = "") -> bytes:
    return (
        f"POST /ProductTasks HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n{extra}\r\n"
    ).encode() + body


WIRES: dict[str, Callable[[bytes], bytes]] = {
    "chunked": chunked,
    "chunked, 50,000 pieces": lambda good: chunked(good + b" " * 50_000, 1),
    "chunked, over the limit": lambda good: chunked(good + b" " * (LIMIT + 1), 65536),
    "chunked, a bad size": lambda good: CHUNKED.encode() + b"zz\r\nhello\r\n0\r\n\r\n",
    "chunked, not ended": lambda good: chunked(good)[:-5],
    "chunked, cut": lambda good: chunked(good)[:-200],
    "length too large": lambda good: plain(str(len(good) + 100), good),
    "length too small": lambda good: plain(str(len(good) - 50), good),
    "length that is no number": lambda good: plain("abc", good),
    "length below 0": lambda good: plain("-1", good),
    "length of 40 digits": lambda good: plain("9" * 40, good),
    "length twice": lambda good: plain(str(len(good)), good, "Content-Length: 3\r\n"),
    "length and chunks": lambda good: plain(str(len(good)), good, "Transfer-Encoding: chunked\r\n"),
    "no length": lambda good: b"POST /ProductTasks HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n\r\n",
    "unknown transfer coding": lambda good: plain(str(len(good)), good, "Transfer-Encoding: rot13\r\n"),
    "Expect: 100-continue": lambda good: plain(str(len(good)), good, "Expect: 100-continue\r\nConnection: close\r\n"),
    "a header without a colon": lambda good: plain(str(len(good)), good, "nonsense\r\n"),
    "a header with a NUL": lambda good: plain(str(len(good)), good, "X-A: a\x00b\r\n"),
    "a header of 100 KB": lambda good: plain(str(len(good)), good, f"X-A: {'a' * 100_000}\r\n"),
    "500 headers": lambda good: plain(str(len(good)), good, "".join(f"X-{i}: a\r\n" for i in range(500))),
    "HTTP/9.9": lambda good: plain(str(len(good)), good).replace(b"HTTP/1.1", b"HTTP/9.9"),
    "a path of 100 KB": lambda good: plain(str(len(good)), good).replace(b"/ProductTasks", b"/" + b"a" * 100_000),
    "a request line that is none": lambda good: b"hello\r\n\r\n",
}


@pytest.mark.parametrize("name", WIRES)
def test_broken_http(name: str, hostile: Service, login: StoreLogin) -> None:
    good = e11(GOOD, credentials(login))
    replies = exchange(hostile, WIRES[name](good), half_close=True)
    assert replies, "the connection was closed without an answer"
    for reply in replies:
        content_of(reply)
    assert megabytes(hostile) < MEGABYTES
    works(hostile, login)
    assert login.password not in hostile.text()


@pytest.mark.slow
def test_a_client_that_stops_sending_is_answered_and_frees_its_thread(hostile: Service, login: StoreLogin) -> None:
    """The body never comes, and the connection stays open: after 30 seconds there is a Fault."""
    good = e11(GOOD, credentials(login))
    began = time.monotonic()
    (reply,) = exchange(hostile, plain(str(len(good)), good[:100], "Connection: close\r\n"))
    assert "nothing came for 30 seconds" in content_of(reply).findtext("faultstring")
    assert time.monotonic() - began > 29  # a client may pause
    works(hostile, login)


@pytest.mark.slow
def test_a_client_that_trickles_is_answered_and_frees_its_thread(hostile: Service, login: StoreLogin) -> None:
    good = e11(GOOD, credentials(login)) + b" " * 1000
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", hostile.port), timeout=PATIENCE) as connection:
        connection.settimeout(2)  # the trickle
        connection.sendall(plain(str(len(good)), good[:100], "Connection: close\r\n"))
        data = b""
        while not complete(data) and time.monotonic() - started < 2 * PATIENCE:
            with contextlib.suppress(TimeoutError):
                data += connection.recv(65536)
            if not data:
                connection.sendall(b" ")
    assert b"came slower than" in data
    assert time.monotonic() - started > 55
    works(hostile, login)


@pytest.mark.slow
def test_messages_full_of_invented_names_do_not_fill_the_memory(hostile: Service, login: StoreLogin) -> None:
    """libxml2 keeps every name that a thread has ever read; so the names must go with the thread that parsed them."""
    soap = Soap(hostile.url, login)
    sizes = []
    for turn in range(30):
        names = "".join(f"<n{turn}x{i}/>" for i in range(100_000))
        assert soap.post("ProductTasks", e11(item(names), credentials(login))).status == 200
        sizes.append(megabytes(hostile))
    assert sizes[-1] - sizes[4] < 60, sizes


@pytest.mark.slow
def test_many_hostile_messages_at_once(hostile: Service, login: StoreLogin) -> None:
    """The worst of them from eight clients: bounded memory, every client answered, and a good call right after."""
    from concurrent.futures import ThreadPoolExecutor

    worst = ["1,000,000 empty elements", "200,000 names", "gzip bomb of 1 GB", "text of 7 MB", "nesting of 100,000"]
    with ThreadPoolExecutor(8) as pool:
        requests = [wire(ROWS[name], login) for name in worst]
        for replies in pool.map(lambda r: exchange(hostile, r, timeout=2 * PATIENCE), requests * 4):
            (reply,) = replies
            content_of(reply)
    assert megabytes(hostile) < 2 * MEGABYTES
    works(hostile, login)
