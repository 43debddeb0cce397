"""A small SFTP server on paramiko, for one user and one folder, in this process."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

import paramiko


class Login(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        right = (username, password) == ("shop", "secret")
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class Handle(paramiko.SFTPHandle):
    def stat(self) -> Any:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class Disk(paramiko.SFTPServerInterface):
    def _do(self, work: Any) -> Any:
        try:
            return work()
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    def list_folder(self, path: str) -> Any:
        def work() -> list[Any]:
            return [paramiko.SFTPAttributes.from_stat(one.stat(), one.name) for one in os.scandir(path)]

        return self._do(work)

    def stat(self, path: str) -> Any:
        return self._do(lambda: paramiko.SFTPAttributes.from_stat(os.stat(path)))

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        def work() -> Handle:
            mode = "wb" if flags & os.O_WRONLY else "rb"
            handle = Handle(flags)
            handle.filename = path
            handle.readfile = handle.writefile = Path(path).open(mode)  # noqa: SIM115 - the handle closes it
            return handle

        return self._do(work)

    def _changed(self, work: Any) -> int:
        found = self._do(work)
        return found if isinstance(found, int) else paramiko.SFTP_OK

    def remove(self, path: str) -> int:
        return self._changed(lambda: Path(path).unlink())

    def rename(self, oldpath: str, newpath: str) -> int:
        if Path(newpath).exists():
            return paramiko.SFTP_FAILURE
        return self._changed(lambda: Path(oldpath).rename(newpath))

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        return self._changed(lambda: Path(oldpath).replace(newpath))


class Server:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.key = paramiko.ECDSAKey.generate()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.open: list[paramiko.Transport] = []
        self.logins = 0

    def credentials(self) -> dict[str, Any]:
        return {
            "mode": "sftp", "host": "127.0.0.1", "port": self.socket.getsockname()[1], "user": "shop",
            "password": "secret", "folder": str(self.root),
            "host_key": f"{self.key.get_name()} {self.key.get_base64()}",
        }  # fmt: skip

    def serve(self) -> None:
        while True:
            try:
                link, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(link,), daemon=True).start()

    def _one(self, link: socket.socket) -> None:
        transport = paramiko.Transport(link)
        self.open.append(transport)
        transport.add_server_key(self.key)
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Disk)
        try:
            transport.start_server(server=Login())
        except (paramiko.SSHException, EOFError):
            return  # the client left
        self.logins += 1

    def stop(self) -> None:
        self.socket.close()
        for one in self.open:
            one.close()
