"""The wheel, installed where no checkout is: what `pip install integrator` gives."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Command
from tests.support.service import free_port

ROOT = Path(__file__).parents[2]
PARTS = ("integrator", "migrations", "wsdl", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what belongs to it, so that nothing else can slip in."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, source / part)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; its dependencies are those of the environment that runs the tests."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False, symlinks=True)
    packages = next((folder / "lib").glob("python*")) / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    # after the environment's own packages, and without reading .pth files there: the checkout stays out of sight
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def test_it_carries_migrations_contract_pages_and_guides(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for name in (
        "integrator/_data/migrations/env.py",
        "integrator/_data/migrations/versions/0001_the_first_schema.py",
        "integrator/_data/wsdl/ProductTasks.wsdl",
        "integrator/_data/wsdl/OrderTasks.wsdl",
        "integrator/web/templates/landing.html",
        "integrator/cli/templates/connector/connector.py.tmpl",
        "integrator/cli/templates/connector/tests/simulator/shop.py.tmpl",
        "integrator/py.typed",
    ):
        assert name in names
    assert {name.split("/")[0].removesuffix(".dist-info") for name in names} <= {"integrator"} | {
        name.split("/")[0].removesuffix(".dist-info") for name in names if ".dist-info/" in name
    }


@pytest.fixture
def serving(python: Path, tmp_path: Path) -> Iterator[tuple[Command, str]]:
    command = Command(tmp_path, None, str(python))
    port = free_port()
    process = command.start("serve", "--port", str(port))
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise AssertionError(process.communicate()[1])
    yield command, f"http://127.0.0.1:{port}"
    process.terminate()
    process.communicate(timeout=120)


def test_it_serves_outside_of_any_checkout(serving: tuple[Command, str]) -> None:
    import httpx

    command, url = serving
    where = subprocess.run(
        [command.python, "-c", "import integrator; print(integrator.__file__)"],
        cwd=command.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert str(ROOT) not in where.stdout
    assert httpx.get(f"{url}/health/ready").json()["status"] == "ready"
    for service in ("ProductTasks", "OrderTasks"):
        assert f'location="{url}/{service}"' in httpx.get(f"{url}/{service}?wsdl").text
        assert httpx.get(f"{url}/{service}").status_code == 200
    assert "Integrator" in httpx.get(f"{url}/").text
    command("account", "add", "Bergmann Shoes")
    command("store", "add", "Bergmann Shoes", "Main street", "--code", "BERG-1")
    assert command("channel", "add", "BERG-1", "sandbox", "--json").data["platform"] == "sandbox"
