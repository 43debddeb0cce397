"""Channel credentials at rest: a Fernet token over JSON, under keys that can be changed.

The keys are those of INTEGRATOR_SECRET_KEY, newest first; without it those of `secret.key` in the data folder,
made on first use and readable by its owner only. The newest key encrypts, all of them decrypt, so a rotation
is: add a new key in front, encrypt everything again (`re_encrypt`), drop the old one.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection

from integrator.accounts.errors import Refused
from integrator.settings import settings, split_keys
from integrator.store.tables import channels

KEY_FILE = "secret.key"


class WrongKey(Refused):
    """Credentials were encrypted with a key that is not here."""


KEPT_ELSEWHERE = "Set INTEGRATOR_SECRET_KEY, or INTEGRATOR_DATA_DIR to a folder that this user can read and write."


def key_file() -> Path:
    return settings().data_dir / KEY_FILE


def _read(path: Path) -> list[str]:
    try:
        return split_keys(path.read_text("ascii"))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"The key file {path} cannot be read: {error}.", hint=KEPT_ELSEWHERE) from None


def _write(path: Path, keys: Sequence[str], *, first: bool) -> None:
    """Whole or not at all, mode 0600. With `first` an existing file stays as it is."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # made with mode 0600
    except OSError as error:
        raise Refused(
            f"The key file {path} cannot be written: {error.strerror}.",
            hint=KEPT_ELSEWHERE,
        ) from error
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write("\n".join(keys) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if first:
            try:
                os.link(name, path)
            except FileExistsError:
                return  # another process made it in the same moment; its key counts
        else:
            os.replace(name, path)
            return
    finally:
        if os.path.exists(name):
            os.unlink(name)


def keys(*, make: bool = False) -> list[str]:
    """The keys, newest first. `make`: write the key file if there are none. Read anew on each call, so that a
    rotation reaches running processes."""
    given = settings().secret_key
    if given is not None and (found := split_keys(given.get_secret_value())):
        return found
    found = _read(key_file())
    if not found and make:
        _write(key_file(), [Fernet.generate_key().decode()], first=True)
        found = _read(key_file())
    if not found:
        raise WrongKey(
            "There is no key to read the credentials with: INTEGRATOR_SECRET_KEY is not set "
            f"and {key_file()} is not there.",
            hint="Set INTEGRATOR_SECRET_KEY, or put the key file back from the backup.",
        )
    return found


def _fernet(found: Sequence[str]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in found])
    except ValueError:
        raise Refused(
            f"A key in {key_file()} is not a Fernet key.", hint="Put the file back from the backup."
        ) from None


def encrypt(values: Mapping[str, Any]) -> bytes:
    """`values` is JSON; an empty key file is filled."""
    return _fernet(keys(make=True)).encrypt(json.dumps(values, sort_keys=True).encode())


def decrypt(token: bytes) -> dict[str, Any]:
    """Raises WrongKey if no key opens it."""
    try:
        return dict(json.loads(_fernet(keys()).decrypt(bytes(token))))
    except InvalidToken:
        raise WrongKey(
            "The credentials cannot be read: they were encrypted with another key.",
            hint="Add the earlier key to INTEGRATOR_SECRET_KEY (or to secret.key), or enter the credentials again "
            "with: integrator channel edit.",
        ) from None


def add_key() -> Path:
    """Put a new key in front in the key file. Refused when the keys come from INTEGRATOR_SECRET_KEY."""
    if settings().secret_key is not None:
        raise Refused(
            "The keys come from INTEGRATOR_SECRET_KEY, which only you can change.",
            hint="Put a new key in front (integrator secret generate), restart, then run: integrator secret rotate.",
        )
    _write(key_file(), [Fernet.generate_key().decode(), *keys(make=True)], first=False)
    return key_file()


def drop_old_keys() -> int:
    """Leave only the newest key in the key file; how many went. Only after `re_encrypt` was committed."""
    found = keys()
    if settings().secret_key is None and len(found) > 1:
        _write(key_file(), found[:1], first=False)
        return len(found) - 1
    return 0


def re_encrypt(connection: Connection) -> int:
    """Encrypt every channel's credentials with the newest key; how many. Raises WrongKey and changes nothing."""
    fernet = _fernet(keys(make=True))
    rows = connection.execute(
        sa.select(channels.c.account_id, channels.c.id, channels.c.name, channels.c.credentials)
        .order_by(channels.c.account_id, channels.c.id)
        .with_for_update()
    ).all()
    for row in rows:
        try:
            token = fernet.rotate(bytes(row.credentials))
        except InvalidToken:
            raise WrongKey(
                f"The credentials of channel {row.id} ({row.name}) were encrypted with a key that is not here; "
                "nothing was changed.",
                hint="Add that key at the end of the keys, or enter the credentials again: integrator channel edit.",
            ) from None
        connection.execute(
            channels.update()
            .where(channels.c.account_id == row.account_id, channels.c.id == row.id)
            .values(credentials=token)
        )
    return len(rows)
