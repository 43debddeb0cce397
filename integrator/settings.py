"""Settings of the service, from the environment (INTEGRATOR_..., DATABASE_URL) and `.env`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="INTEGRATOR_", env_file=".env", extra="ignore")

    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("DATABASE_URL", "INTEGRATOR_DATABASE_URL"),
        description="postgresql://user:password@host/database; unset: the embedded PostgreSQL",
    )
    data_dir: Path = Field(default=Path(".integrator"), description="Folder of the embedded database and its key")
    secret_key: SecretStr | None = Field(
        default=None,
        description="Fernet keys that encrypt channel credentials, newest first, comma separated; unset: made in data_dir",
    )
    host: str = Field(default="127.0.0.1", description="Address that the web role listens on")
    port: int = Field(default=8000, ge=1, le=65535, description="Port that the web role listens on")
    public_url: str = Field(default="", description="Base URL by which POS and shops reach the service")
    trust_proxy: bool = Field(default=False, description="Believe X-Forwarded-Proto, -Host and -Prefix")
    web_processes: int = Field(default=2, ge=1, description="gunicorn processes")
    web_threads: int = Field(default=4, ge=1, description="Threads of each process")
    worker_threads: int = Field(default=8, ge=1, description="Jobs that one worker does at a time")
    max_body_bytes: int = Field(default=64 * 1024 * 1024, ge=1024, description="Largest SOAP body, unpacked")
    max_items: int = Field(default=10_000, ge=1, description="Most items of one call")
    log_format: str = Field(default="json", pattern="^(json|console)$", description="json or console")
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")


@cache
def settings() -> Settings:
    return Settings()
