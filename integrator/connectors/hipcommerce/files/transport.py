"""Where the files are: a folder of this machine, or one behind SFTP. Four folders below a root, plain file names.

Every error is a ConnectorError: NeedsCredentials for what a person must set right (a login that is refused, a server
that is not the known one, folders that are not there), so that the channel stops; Transient for what may pass.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import io
import os
import posixpath
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from integrator.connectors.base import NeedsCredentials, Transient
from integrator.connectors.hipcommerce.settings import HipCommerceCredentials

FOLDERS = IN, OUT, ARCHIVE, FAILED = "in", "out", "archive", "failed"
TIMEOUT = 30.0  # seconds
TEMPORARY = ".tmp"


class Transport(Protocol):
    def names(self, folder: str) -> list[str]:
        """What is in a folder, in no order."""

    def read(self, folder: str, name: str) -> bytes: ...

    def write(self, folder: str, name: str, content: bytes) -> None:
        """Whole or not at all: written as NAME.tmp, then renamed."""

    def move(self, folder: str, name: str, to: str) -> None:
        """Replaces what is there under the name. Nothing happens where the file is gone already."""

    def remove(self, folder: str, name: str) -> None:
        """Nothing happens where it is gone already."""

    def age(self, folder: str, name: str) -> float:
        """Seconds since it was written; 0 where it is gone."""

    def close(self) -> None: ...


@contextlib.contextmanager
def _said(folder: str) -> Iterator[None]:
    """What the system's errors mean."""
    try:
        yield
    except FileNotFoundError as error:
        raise NeedsCredentials(
            f"The folder {folder} is not there: {error}.", code="FOLDER_MISSING",
            hint="Make in, out, archive and failed in the channel's folder, or correct it: integrator channel edit.",
        ) from error  # fmt: skip
    except PermissionError as error:
        raise NeedsCredentials(
            f"The folder {folder} may not be used: {error}.", code="FOLDER_FORBIDDEN",
            hint="Give the service's user the right to read, write and rename in it.",
        ) from error  # fmt: skip
    except (OSError, EOFError) as error:
        raise Transient(f"The folder {folder}: {error or type(error).__name__}.", code="UNREACHABLE") from error


class Folder:
    """A folder of this machine."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def close(self) -> None:
        """Nothing is open."""

    def names(self, folder: str) -> list[str]:
        with _said(str(self.root / folder)):
            return [one.name for one in os.scandir(self.root / folder) if one.is_file(follow_symlinks=False)]

    def read(self, folder: str, name: str) -> bytes:
        with _said(str(self.root / folder)):
            return (self.root / folder / name).read_bytes()

    def write(self, folder: str, name: str, content: bytes) -> None:
        place = self.root / folder / name
        with _said(str(self.root / folder)):
            temporary = place.with_name(name + TEMPORARY)
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(place)

    def move(self, folder: str, name: str, to: str) -> None:
        with _said(str(self.root / to)):
            try:
                (self.root / folder / name).replace(self.root / to / name)
            except FileNotFoundError:
                if not (self.root / to).is_dir():
                    raise

    def remove(self, folder: str, name: str) -> None:
        with _said(str(self.root / folder)):
            (self.root / folder / name).unlink(missing_ok=True)

    def age(self, folder: str, name: str) -> float:
        with _said(str(self.root / folder)):
            try:
                return max(0.0, time.time() - (self.root / folder / name).stat().st_mtime)
            except FileNotFoundError:
                return 0.0


class Sftp:
    """A folder behind SFTP. The server's key must be the known one: nothing is trusted at first sight."""

    def __init__(self, credentials: HipCommerceCredentials) -> None:
        try:
            paramiko = import_module("paramiko")
        except ImportError as error:
            raise NeedsCredentials(
                "SFTP needs paramiko, which is not installed.", code="PARAMIKO_MISSING",
                hint="Install it beside the service: pip install 'integrator[sftp]'.",
            ) from error  # fmt: skip
        self.paramiko: Any = paramiko
        self.credentials = credentials
        self.root = credentials.folder
        self._transport: Any = None
        self._client: Any = None

    def _open(self) -> Any:
        if self._client is not None:
            return self._client
        given, paramiko = self.credentials, self.paramiko
        hint = "Correct the login: integrator channel edit."
        known, login = self._host_key(), self._login_key()
        try:
            import socket

            link = socket.create_connection((given.host, given.port), TIMEOUT)
            self._transport = paramiko.Transport(link)
            self._transport.banner_timeout = self._transport.auth_timeout = TIMEOUT
            self._transport.start_client(timeout=TIMEOUT)
            offered = self._transport.get_remote_server_key()
            if (offered.get_name(), offered.asbytes()) != known:
                raise NeedsCredentials(
                    f"The server {given.host} has another key than the known one: {offered.get_name()} "
                    f"{offered.get_base64()}.", code="HOST_KEY",
                    hint="If its operators say that this is right, write it into host_key: integrator channel edit.",
                )  # fmt: skip
            if login is not None:
                self._transport.auth_publickey(given.user, login)
            else:
                self._transport.auth_password(given.user, given.password.get_secret_value())
            self._client = paramiko.SFTPClient.from_transport(self._transport)
            self._client.get_channel().settimeout(TIMEOUT)
        except paramiko.AuthenticationException as error:
            self.close()
            raise NeedsCredentials(f"{given.host} refuses {given.user!r}: {error}.", code="LOGIN", hint=hint) from error
        except NeedsCredentials:
            self.close()
            raise
        except (paramiko.SSHException, OSError, EOFError) as error:
            self.close()
            reason = str(error) or type(error).__name__
            raise Transient(f"{given.host} cannot be reached: {reason}.", code="UNREACHABLE") from error
        return self._client

    def _host_key(self) -> tuple[str, bytes]:
        """As `ssh-keyscan` prints it, with or without the name before it."""
        parts = self.credentials.host_key.split()
        for kind, value in pairwise(parts):
            if kind.startswith(("ssh-", "ecdsa-")):
                with contextlib.suppress(ValueError):
                    return kind, base64.b64decode(value)
        raise NeedsCredentials(
            "host_key is no public key.", code="HOST_KEY",
            hint="Write it as `ssh-keyscan HOST` prints it: ssh-ed25519 AAAA…",
        )  # fmt: skip

    def _login_key(self) -> Any:
        text = self.credentials.private_key.get_secret_value()
        if not text:
            return None
        password = self.credentials.password.get_secret_value() or None
        for name in ("Ed25519Key", "ECDSAKey", "RSAKey"):
            with contextlib.suppress(self.paramiko.SSHException, ValueError):
                return getattr(self.paramiko, name).from_private_key(io.StringIO(text), password)
        raise NeedsCredentials("private_key cannot be read.", code="LOGIN", hint="Give it in OpenSSH's form.")

    def close(self) -> None:
        for one in (self._client, self._transport):
            if one is not None:
                with contextlib.suppress(Exception):
                    one.close()
        self._client = self._transport = None

    def _do(self, folder: str, work: Callable[[Any], Any]) -> Any:
        client = self._open()
        try:
            with _said(posixpath.join(self.root, folder)):
                return work(client)
        except self.paramiko.SSHException as error:
            self.close()
            raise Transient(f"{self.credentials.host}: {error}.", code="UNREACHABLE") from error
        except Transient:
            self.close()  # the next job begins with a new connection
            raise

    def _place(self, folder: str, name: str) -> str:
        return posixpath.join(self.root, folder, name)

    def names(self, folder: str) -> list[str]:
        import stat

        found = self._do(folder, lambda client: client.listdir_attr(posixpath.join(self.root, folder)))
        return [one.filename for one in found if stat.S_ISREG(one.st_mode or stat.S_IFREG)]

    def read(self, folder: str, name: str) -> bytes:
        def work(client: Any) -> bytes:
            with client.open(self._place(folder, name), "rb") as file:
                file.prefetch()
                content: bytes = file.read()
                return content

        found: bytes = self._do(folder, work)
        return found

    def write(self, folder: str, name: str, content: bytes) -> None:
        def work(client: Any) -> None:
            place = self._place(folder, name)
            with client.open(place + TEMPORARY, "wb") as file:
                file.set_pipelined(True)
                file.write(content)
            self._rename(client, place + TEMPORARY, place)

        self._do(folder, work)

    @staticmethod
    def _rename(client: Any, old: str, new: str) -> None:
        """Over what is there; servers without OpenSSH's extension need it removed first."""
        try:
            client.posix_rename(old, new)
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                raise
            with contextlib.suppress(FileNotFoundError):
                client.remove(new)
            client.rename(old, new)

    def move(self, folder: str, name: str, to: str) -> None:
        def work(client: Any) -> None:
            try:
                self._rename(client, self._place(folder, name), self._place(to, name))
            except FileNotFoundError:
                client.stat(posixpath.join(self.root, to))  # the folder must be there; the file may be gone

        self._do(to, work)

    def remove(self, folder: str, name: str) -> None:
        def work(client: Any) -> None:
            with contextlib.suppress(FileNotFoundError):
                client.remove(self._place(folder, name))

        self._do(folder, work)

    def age(self, folder: str, name: str) -> float:
        def work(client: Any) -> float:
            try:
                return max(0.0, time.time() - float(client.stat(self._place(folder, name)).st_mtime or 0))
            except FileNotFoundError:
                return 0.0

        found: float = self._do(folder, work)
        return found


def transport(credentials: HipCommerceCredentials) -> Transport:
    return Sftp(credentials) if credentials.mode == "sftp" else Folder(credentials.folder)
