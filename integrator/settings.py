"""Settings of the service, from the environment (INTEGRATOR_..., DATABASE_URL) and `.env`.

    settings().port

A wrong setting raises `SettingsError`, which names the variable, its value (secrets masked) and the remedy.
`integrator settings` shows them all.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "INTEGRATOR_"
# variables with our prefix that are not settings of the service: of the tests, of scripts/, of docker-compose.yml
OTHER_NAMES = frozenset(
    {
        "INTEGRATOR_SPECS", "INTEGRATOR_VENV",
        "INTEGRATOR_BIND", "INTEGRATOR_DOMAIN", "INTEGRATOR_VERSION",
    }
)  # fmt: skip
OTHER_PREFIXES = ("INTEGRATOR_CHANNEL_",)  # secrets of `integrator channel add`
MASK = "********"


class SettingsError(Exception):
    """A setting that the service cannot start with."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("DATABASE_URL", "INTEGRATOR_DATABASE_URL"),
        description="postgresql://user:password@host/database; unset: the embedded PostgreSQL",
    )
    data_dir: Path = Field(default=Path(".integrator"), description="Folder of the embedded database and its key")
    secret_key: SecretStr | None = Field(
        default=None,
        description="Fernet keys for channel credentials, newest first, comma separated; unset: made in data_dir",
    )
    host: str = Field(default="127.0.0.1", description="Address that the web role listens on")
    port: int = Field(default=8000, ge=1, le=65535, description="Port that the web role listens on")
    public_url: str = Field(default="", description="Base URL by which POS and shops reach the service")
    sandbox_url: str = Field(
        default="", description="Where workers reach sandbox shops; unset: public_url, else host and port"
    )
    trust_proxy: bool = Field(default=False, description="Believe X-Forwarded-Proto, -Host and -Prefix")
    web_processes: int = Field(
        default=2, ge=1, le=64, description="gunicorn processes; each has a companion for large calls"
    )
    web_threads: int = Field(
        default=4, ge=1, le=64, description="Threads of each process for small calls; 8 more wait for large ones"
    )
    worker_threads: int = Field(default=8, ge=1, le=64, description="Jobs that one worker does at a time")
    worker_dead_after: float = Field(
        default=20, ge=2, le=60, description="Seconds without a sign of life after which a worker's jobs are taken back"
    )
    keep_attempts_days: int = Field(default=14, ge=1, description="Days that requests to the shops stay in the journal")
    keep_calls_days: int = Field(default=30, ge=1, description="Days that calls of the POS stay in the journal")
    keep_issues_days: int = Field(default=90, ge=1, description="Days that closed issues stay in the journal")
    max_body_bytes: int = Field(default=64 * 1024 * 1024, ge=1024, description="Largest SOAP body, unpacked")
    max_items: int = Field(default=10_000, ge=1, description="Most items of one call")
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="json, console, or auto: console on a terminal, else json"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR"
    )
    metrics_token: SecretStr | None = Field(
        default=None, description="Bearer token for /metrics; unset: not through a proxy, else open"
    )
    sentry_dsn: SecretStr | None = Field(
        default=None, description="Report unexpected errors to Sentry (needs integrator[telemetry])"
    )
    otlp_endpoint: str = Field(
        default="", description="Send traces to this OpenTelemetry collector (needs integrator[telemetry])"
    )

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def any_case(cls, value: Any, info: Any) -> Any:
        if not isinstance(value, str):
            return value
        return value.upper() if info.field_name == "log_level" else value.lower()

    @field_validator("database_url")
    @classmethod
    def postgresql(cls, value: str | None) -> str | None:
        if value is None:
            return value
        form = "write it as postgresql://user:password@host:5432/database"
        parts = urlsplit(value)
        if parts.scheme.partition("+")[0] not in ("postgresql", "postgres"):
            raise ValueError(form)
        try:
            readable = parts.port is None or parts.port > 0
        except ValueError:
            readable = False
        if not readable or value.partition("?")[0].count("@") > 1:
            raise ValueError(f"{form}, with @ : / ? # % in a password as %40 %3A %2F %3F %23 %25")
        return value

    @field_validator("public_url", "sandbox_url", "otlp_endpoint")
    @classmethod
    def web_address(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("write it with its scheme, as https://integrator.example.com")
        if parts.query or parts.fragment:
            raise ValueError("leave out everything from ? or # on; it is the base that paths are added to")
        if parts.username or parts.password:
            raise ValueError("leave out the user name and password")
        return value.rstrip("/")

    @field_validator("secret_key")
    @classmethod
    def fernet_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        for number, key in enumerate(split_keys(value.get_secret_value()), 1):
            if not re.fullmatch(r"[A-Za-z0-9_-]{43}=", key):
                raise ValueError(
                    f"key {number} is not a Fernet key (44 characters of base64); "
                    "make one with: integrator secret generate"
                )
        return value


def split_keys(value: str) -> list[str]:
    return [key for key in re.split(r"[\s,]+", value) if key]


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return "DATABASE_URL" if name == "database_url" else PREFIX + name.upper()


def masked(name: str, value: Any) -> str:
    """A setting's value as it may be shown: no secret, no password of a URL."""
    if value is None or value == "":
        return ""
    if isinstance(value, SecretStr) or name in ("secret_key", "sentry_dsn", "metrics_token"):
        return MASK
    if name == "database_url":
        hidden = re.sub(r"(://[^:/?#@]*):.*@", rf"\1:{MASK}@", str(value))
        return re.sub(r"(?i)(password=)[^&\s]*", rf"\1{MASK}", hidden)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _remedy(error: Mapping[str, Any], field: FieldInfo | None) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "value_error":
            return str(context.get("error", error["msg"]))
        case "int_parsing" | "int_type" | "int_from_float":
            return "write a whole number"
        case "bool_parsing" | "bool_type":
            return "write true or false"
        case "greater_than_equal":
            return f"use at least {context['ge']}"
        case "less_than_equal":
            return f"use at most {context['le']}"
        case "literal_error":
            return f"use one of {context['expected'].replace(chr(39), '')}"
    return f"{error['msg']}" + (f" ({field.description})" if field and field.description else "")


def _explained(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        name = str(problem["loc"][0]).lower() if problem["loc"] else ""
        name = "database_url" if name.endswith("database_url") else name.removeprefix(PREFIX.lower())
        value = masked(name, problem.get("input"))
        lines.append(f"{variable(name)}={value!r}: {_remedy(problem, Settings.model_fields.get(name))}.")
    what = "A setting is wrong" if len(lines) == 1 else f"{len(lines)} settings are wrong"
    return (
        f"{what}. " + " ".join(lines) if len(lines) == 1 else "\n".join([f"{what}:", *(f"  {line}" for line in lines)])
    )


def load() -> Settings:
    """Read anew. Raises SettingsError."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_explained(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The file .env cannot be read: {error}.") from None


@cache
def settings() -> Settings:
    return load()


def unknown_names(environment: Iterable[str] | None = None) -> list[str]:
    """A sentence for every INTEGRATOR_ variable that is not a setting, with the one that was probably meant."""
    known = {variable(name) for name in Settings.model_fields} | {"INTEGRATOR_DATABASE_URL"} | OTHER_NAMES
    names = [variable(name).removeprefix(PREFIX) for name in Settings.model_fields if name != "database_url"]
    if environment is None:
        environment = [*os.environ, *_names_in_env_file()]
    sentences = []
    for name in sorted(set(environment)):
        upper = name.upper()
        if upper.startswith(PREFIX) and upper not in known and not upper.startswith(OTHER_PREFIXES):
            near = get_close_matches(upper.removeprefix(PREFIX), names, n=1, cutoff=0.7)
            meant = f" Did you mean {PREFIX}{near[0]}?" if near else " See: integrator settings."
            sentences.append(f"{name} is not a setting of Integrator and is ignored.{meant}")
    return sentences


def _names_in_env_file() -> list[str]:
    from dotenv import dotenv_values

    return list(dotenv_values(".env")) if Path(".env").is_file() else []
