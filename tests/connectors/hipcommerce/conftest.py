"""The connector on a shop without the core around, and the exchange of files over each way."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrator.connectors.base import Channel
from integrator.connectors.hipcommerce import CONNECTOR
from integrator.connectors.hipcommerce.connector import HipCommerceConnector
from integrator.connectors.hipcommerce.files.transport import FOLDERS, Folder
from integrator.connectors.hipcommerce.reference.exchange import FileShop
from integrator.connectors.hipcommerce.reference.server import Quota, Reference
from integrator.connectors.hipcommerce.settings import HipCommerceCredentials, HipCommerceSettings
from integrator.connectors.http import Attempt
from integrator.connectors.pushes import CONTENT_FIELDS, Content, ListingPush, Price, Stock
from tests.connectors.hipcommerce.simulator import HipShop

D = Decimal
_ids = itertools.count(1)


class Keeping:
    """What the connector leaves for its next job."""

    def __init__(self) -> None:
        self.memory: dict[str, Any] = {}

    def credentials(self) -> Any:
        raise NotImplementedError

    def save_credentials(self, changed: Any) -> None:
        raise NotImplementedError

    def remember(self, memory: Any) -> None:
        self.memory = dict(memory)


class Bench:
    """Connectors to one shop; `attempts` is what they asked."""

    def __init__(self, credentials: dict[str, Any]) -> None:
        self.credentials = credentials
        self.attempts: list[Attempt] = []
        self.keeper = Keeping()
        self.open: list[HipCommerceConnector] = []

    def channel(self, **settings: Any) -> Channel:
        return Channel(
            id=7,
            name="Test",
            credentials=HipCommerceCredentials(**self.credentials),
            settings=HipCommerceSettings(**settings),
            public_url="https://integrator.invalid",
            account_id=3,
            memory=self.keeper.memory,
            keeper=self.keeper,
        )

    def connector(self, **settings: Any) -> HipCommerceConnector:
        """A new one, as each job has: nothing of an earlier one is known to it but what was kept."""
        made = CONNECTOR(self.channel(**settings), self.attempts.append)
        self.open.append(made)
        return made

    def close(self) -> None:
        for one in self.open:
            one.close()


class ApiBench(Bench):
    def __init__(self, shop: HipShop) -> None:
        super().__init__(shop.credentials())
        self.shop = shop

    def calls(self) -> list[str]:
        """The requests since the last time, as "PUT /products:batch"."""
        found, self.shop.requests[:] = list(self.shop.requests), []
        return found


Build = Callable[..., ApiBench]


@pytest.fixture
def build() -> Iterator[Build]:
    made: list[ApiBench] = []

    def start(**options: Any) -> ApiBench:
        made.append(ApiBench(HipShop(**options)))
        return made[-1]

    yield start
    for one in made:
        one.close()
        one.shop.close()


@pytest.fixture
def bench(build: Build) -> ApiBench:
    return build()


class FileBench(Bench):
    """`shop` reads and writes the same folder that the channel reaches by its own way."""

    def __init__(self, root: Path, credentials: dict[str, Any], form: str) -> None:
        super().__init__(credentials)
        self.root, self.form = root, form
        self.reference = Reference(quota=Quota(requests=0))
        self.shop = FileShop(self.reference, Folder(root), form)

    def connector(self, **settings: Any) -> HipCommerceConnector:
        return super().connector(**{"file_format": self.form, **settings})

    def names(self, folder: str) -> list[str]:
        return sorted(one.name for one in (self.root / folder).iterdir() if not one.name.startswith("."))


def _server(root: Path) -> tuple[dict[str, Any], Callable[[], None]]:
    """An SFTP server in this process, below `root`; its credentials and how it ends."""
    pytest.importorskip("paramiko", reason="paramiko is not installed")
    from tests.connectors.hipcommerce.sftp import Server

    server = Server(root)
    threading.Thread(target=server.serve, daemon=True).start()
    return server.credentials(), server.stop


@pytest.fixture(params=[("folder", "csv"), ("folder", "xml"), ("sftp", "csv")], ids="-".join)
def exchange(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileBench]:
    mode, form = request.param
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
    credentials: dict[str, Any] = {"mode": "folder", "folder": str(tmp_path)}
    stop: Callable[[], None] | None = None
    if mode == "sftp":
        credentials, stop = _server(tmp_path)
    bench = FileBench(tmp_path, credentials, form)
    yield bench
    bench.close()
    if stop is not None:
        stop()


def push(item_id: str, *, price: str = "10", quantity: int = 1, new: bool = True, **given: Any) -> ListingPush:
    """A listing on its way. `remote`, `sent`, `fields`, `by_location`, `sale_…` and what Content has."""
    sale = {name: given.pop(name) for name in ("sale_price", "sale_start", "sale_end", "tiers") if name in given}
    own = {name: given.pop(name) for name in ("remote", "sent", "fields") if name in given}
    return ListingPush(
        product_id=given.pop("product_id", None) or next(_ids),
        item_id=item_id,
        wanted=given.pop("wanted", 1),
        remote=own.get("remote", {}),
        stock=Stock(D(quantity), given.pop("by_location", {})),
        content=Content(name=given.pop("name", f"Item {item_id}"), **given),
        price=Price(D(price), **sale),
        fields=own.get("fields", CONTENT_FIELDS if new else frozenset()),
        sent=own.get("sent"),
    )
