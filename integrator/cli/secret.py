"""`integrator secret`: the keys that encrypt the shops' credentials."""

from __future__ import annotations

from typing import Annotated

import typer

from integrator.accounts import secrets
from integrator.cli.database import connected
from integrator.cli.output import output
from integrator.settings import settings
from integrator.store.engine import begin

app = typer.Typer(help="The keys that encrypt the shops' credentials.")


@app.command()
def generate() -> None:
    """Print a new key, for INTEGRATOR_SECRET_KEY. Changes nothing."""
    from cryptography.fernet import Fernet

    out = output()
    key = Fernet.generate_key().decode()
    if out.json:
        out.data({"key": key})
    else:
        out.console.print(key, markup=False)


@app.command()
def rotate(
    keep_old: Annotated[
        bool, typer.Option("--keep-old", help="Leave the old keys in the key file, for backups made with them.")
    ] = False,
) -> None:
    """Encrypt every channel's credentials with the newest key, while the service runs.

    With a key file (the default) a new key is made and the old ones are dropped. With INTEGRATOR_SECRET_KEY put
    the new key in front first ("new,old"), restart, run this, and take the old one out afterwards.
    """
    from_file = settings().secret_key is None
    with connected():
        if from_file:
            secrets.add_key()
        with begin() as connection:
            many = secrets.re_encrypt(connection)
        dropped = 0 if keep_old or not from_file else secrets.drop_old_keys()
    sentence = f"The credentials of {many} channels are encrypted with the newest key."
    if not from_file:
        sentence += " The older keys can be taken out of INTEGRATOR_SECRET_KEY once no backup needs them."
    output().done(sentence, channels=many, keys_dropped=dropped)
