"""Dockerfile and docker-compose.yml without Docker: they are read, and what they run is run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import yaml

from integrator.settings import Settings, variable
from tests.support.command import Command
from tests.support.service import Service

ROOT = Path(__file__).parents[2]


def instructions() -> list[tuple[str, str]]:
    """(instruction, argument), lines joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def last(name: str) -> str:
    return [argument for instruction, argument in instructions() if instruction == name][-1]


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


def test_the_image_is_small_and_not_root() -> None:
    stages = [argument for instruction, argument in instructions() if instruction == "FROM"]
    assert len(stages) == 2
    assert all("slim" in stage for stage in stages)
    assert last("USER") == "integrator"
    order = [instruction for instruction, _ in instructions()]
    assert order.index("USER") < order.index("ENTRYPOINT")


def test_everything_that_is_copied_is_there_and_let_through() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for instruction, argument in instructions():
        if instruction == "COPY" and "--from" not in argument:
            for source in argument.split()[:-1]:
                assert (ROOT / source).exists()
                assert source in allowed


def test_its_environment_is_settings_that_exist() -> None:
    known = {variable(name) for name in Settings.model_fields}
    given = re.findall(r"(INTEGRATOR_\w+)=", last("ENV"))
    for service in compose()["services"].values():
        given += [name for name in service.get("environment", {}) if name.startswith("INTEGRATOR_")]
    assert len(given) >= 4
    assert set(given) <= known


def test_its_health_check_is_a_command_that_tells(service: Service, tmp_path: Path) -> None:
    words = json.loads(last("HEALTHCHECK").split("CMD", 1)[1])
    assert words[0] == "integrator"
    command = Command(tmp_path, None)
    command(*words[1:], env={"INTEGRATOR_HOST": "0.0.0.0", "INTEGRATOR_PORT": str(service.port)})
    command(*words[1:], env={"INTEGRATOR_PORT": "9"}, code=4)


def test_compose_runs_commands_that_exist_in_the_right_order() -> None:
    services = compose()["services"]
    assert json.loads(last("ENTRYPOINT")) == ["integrator"]
    assert services["migrate"]["command"] == ["db", "upgrade"]
    for name in ("web", "worker"):
        assert services[name]["command"] == [name]
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert services["migrate"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert services["tls"]["profiles"] == ["tls"]
    assert "profiles" not in services["web"]
    assert services["web"]["ports"][0].startswith("${INTEGRATOR_BIND:-127.0.0.1}")


def test_what_compose_runs_works_from_an_empty_database(server: Callable[[str], str], tmp_path: Path) -> None:
    """migrate, then web and the health check, then worker, with compose's own environment."""
    services, name = compose()["services"], f"compose_{os.getpid()}"
    connection = psycopg2.connect(server("postgres"))
    connection.autocommit = True
    connection.cursor().execute(f"CREATE DATABASE {name}")
    given = services["web"]["environment"]
    environment = {
        key: re.sub(r"\$\{\w+:?-?([^}]*)\}", r"\1", str(value)) for key, value in given.items() if key != "DATABASE_URL"
    }
    try:
        command = Command(tmp_path, server(name))
        command.environment.update(environment)
        command(*services["web"]["command"], code=1)  # not before the migration
        command(*services["migrate"]["command"])
        running = Service(server(name), tmp_path, sandbox_url=environment["INTEGRATOR_SANDBOX_URL"]).start()
        assert running.stop() == 0
        worker = command.start(*services["worker"]["command"])
        assert worker.stdout is not None
        assert "works" in worker.stdout.readline()
        worker.terminate()
        worker.communicate(timeout=60)
        assert worker.returncode == 0
    finally:
        connection.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")
        connection.close()


@pytest.mark.parametrize("script", ["scripts/test", "scripts/environment.sh", ".ci/run"])
def test_scripts_are_proper_shell(script: str) -> None:
    subprocess.run(["bash", "-n", str(ROOT / script)], check=True)


def test_the_lock_files_pin_everything_without_naming_an_index() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
        assert len(lines) > 40
        for line in lines:
            assert re.match(r"[a-z0-9-]+(\[[a-z,]+\])?==\S+( ;.*)?$", line), line
            assert "://" not in line
    assert shlex.split((ROOT / "scripts" / "test").read_text().splitlines()[-1])[:2] == ["exec", "$python"]


def test_the_lock_files_satisfy_the_project() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(one for group in ("test", "lint") for one in project["optional-dependencies"][group]),
    ]
    pinned = {line.split("==")[0].split("[")[0] for line in (ROOT / "requirements-dev.lock").read_text().splitlines()}
    for requirement in wanted:
        name = re.split(r"[\[<>=~! ]", requirement)[0].lower().replace("_", "-").replace(".", "-")
        assert name == "integrator" or name in pinned, name
