"""`integrator hipcommerce`: for the developers of a shop that wants to be reached: an example, and a test."""

from __future__ import annotations

import random
import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from integrator.cli.output import Exit, Failed, output
from integrator.connectors.hipcommerce.files.transport import FOLDERS, Folder
from integrator.connectors.hipcommerce.reference.conformance import Conformance
from integrator.connectors.hipcommerce.reference.document import Missing
from integrator.connectors.hipcommerce.reference.exchange import FileShop
from integrator.connectors.hipcommerce.reference.server import Quota, Reference, Server
from integrator.connectors.hipcommerce.settings import BASE_PATH, base_url

app = typer.Typer(help="HipCommerce: a reference shop for developers, and a test of their own.")

PAUSE = 1.0  # seconds between two looks at the folders


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0: any free one.", min=0, max=65535)] = 8099,
    key_id: Annotated[str, typer.Option(help="Id of the key; empty: a new one.")] = "",
    secret: Annotated[str, typer.Option(help="The key's secret; empty: a new one.")] = "",
    quota: Annotated[str, typer.Option(help="REQUESTS/SECONDS, as 600/60; 0: no limit.")] = "600/60",
    folder: Annotated[Path | None, typer.Option(help="Exchange files in this folder as well.")] = None,
    file_format: Annotated[str, typer.Option("--format", help="Form of the files that it writes: csv or xml.")] = "csv",
    order_every: Annotated[int, typer.Option(help="Seconds between two made-up orders; 0: none.", min=0)] = 0,
) -> None:
    """Run the reference shop until it is interrupted. It keeps everything in memory.

    Example: integrator hipcommerce serve --folder /tmp/shop --order-every 30
    """
    if file_format not in ("csv", "xml"):
        raise Failed(f"--format cannot be {file_format!r}.", hint="Use csv or xml.", code=Exit.USAGE)
    try:
        reference = Reference(key_id=key_id, secret=secret, quota=_quota(quota))
    except Missing as error:
        raise Failed(str(error)) from None
    try:
        server = Server(reference.handle, host, port).start()
    except OSError as error:
        raise Failed(f"Port {port} of {host} cannot be used: {error}.", hint="Choose another --port.") from None
    files = None
    if folder is not None:
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
        files = FileShop(reference, Folder(folder.resolve()), file_format)
    output().record(
        {
            "url": f"{server.url}{BASE_PATH}", "key_id": reference.key_id, "secret": reference.secret,
            **({"folder": str(folder.resolve())} if folder else {}),
            "add": f"integrator channel add STORE hipcommerce --url {server.url} --key-id {reference.key_id} "
                   f"--secret {reference.secret}",
        },
        labels={"url": "URL", "key_id": "Key id", "secret": "Secret", "folder": "Folder", "add": "Connect it with"},
    )  # fmt: skip
    try:
        _live(reference, files, order_every)
    finally:
        server.stop()


def _quota(text: str) -> Quota:
    requests, _, seconds = text.partition("/")
    if not requests.isdigit() or not (seconds or "60").isdigit() or seconds == "0":
        raise Failed(f"--quota cannot be {text!r}.", hint="Write REQUESTS/SECONDS, as 600/60.", code=Exit.USAGE)
    return Quota(int(requests), float(seconds or 60))


def _live(reference: Reference, files: FileShop | None, order_every: int) -> None:
    """Until Ctrl-C: files are exchanged, and shoppers order what is published and in stock."""
    last = time.monotonic()
    while True:
        time.sleep(PAUSE)
        if files is not None:
            files.run()
        if order_every and time.monotonic() - last >= order_every:
            last = time.monotonic()
            _order(reference)


def _order(reference: Reference) -> None:
    stock = [one for one in reference.catalogue.listings() if one["published"] and Decimal(one["quantity"]) >= 1]
    if not stock:
        return
    chosen = random.choice(stock)  # noqa: S311 - a made-up shopper
    customer = {"web_customer_id": "", "is_guest": True, "email": "ada@example.com", "first_name": "Ada"}
    order = reference.orders.place(
        [{"sku": chosen["sku"], "quantity": 1}], customer=customer, shipping=Decimal(5), tax_rate=Decimal("0.2")
    )
    reference.orders.take(order)
    output().note(f"Order {order}: {chosen['sku']}")


@app.command()
def check(
    url: Annotated[str, typer.Argument(help="Address of the shop, for example https://shop.example.")],
    key_id: Annotated[str, typer.Option(help="Id of the key.")],
    secret: Annotated[str, typer.Option(help="The key's secret.", envvar="INTEGRATOR_CHANNEL_SECRET")],
) -> None:
    """Try whether a shop keeps the contract. It makes hidden test products there; it places no orders.

    Example: integrator hipcommerce check https://shop.example --key-id key_1 --secret …
    """
    try:
        trial = Conformance(base_url(url), key_id, secret)
    except Missing as error:
        raise Failed(str(error)) from None
    except ValueError as error:
        raise Failed(str(error), code=Exit.USAGE) from None
    try:
        found = trial.run()
    finally:
        trial.close()
    output().table(
        [{"ok": "yes" if one.ok else "NO", "rule": one.rule, "message": one.message} for one in found],
        columns={"ok": "Kept", "rule": "The contract says", "message": "The shop"},
    )
    wrong = sum(not one.ok for one in found)
    if wrong:
        raise Failed(f"{wrong} of {len(found)} rules are not kept.", hint="Correct them and run the check again.")


@app.command()
def contract() -> None:
    """Print the contract, an OpenAPI 3.1 document.

    Example: integrator hipcommerce contract > openapi.yaml
    """
    from importlib import resources

    text = resources.files("integrator.connectors.hipcommerce").joinpath("openapi.yaml").read_text("utf-8")
    typer.echo(text, nl=False)
