"""Credentials and settings of a HipCommerce channel; their fields are the options of `integrator channel add`."""

from __future__ import annotations

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from integrator.connectors.base import ChannelSettings, Credentials

BASE_PATH = "/integrator/v1"
NEEDED = {
    "api": ("url", "key_id", "secret"), "folder": ("folder",), "sftp": ("host", "user", "folder", "host_key"),
}  # fmt: skip
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def base_url(text: str) -> str:
    """The address of the shop's API, with BASE_PATH where no path is given. Raises ValueError with what to write."""
    text = text.strip()
    if not text:
        return ""
    if "://" not in text:
        text = "https://" + text
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is not the address of a shop; write it like https://shop.example")
    if parts.scheme == "http" and parts.hostname not in LOCAL:
        raise ValueError("over plain http orders and addresses can be read on the way; write https://")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/') or BASE_PATH}"


class HipCommerceCredentials(Credentials):
    """Which fields are needed depends on the mode; what is missing is named."""

    mode: Literal["api", "folder", "sftp"] = Field(
        default="api", description="api: the shop's HTTPS API; folder or sftp: files are exchanged"
    )
    url: str = Field(default="", description="api: address of the shop, for example https://shop.example")
    key_id: str = Field(default="", description="api: id of the key that the shop gave out")
    secret: SecretStr = Field(default=SecretStr(""), description="api: the key's secret")
    folder: str = Field(
        default="", description="folder, sftp: the folder that holds in/, out/, archive/ and failed/, absolute"
    )
    host: str = Field(default="", description="sftp: the server's name")
    port: int = Field(default=22, ge=1, le=65535, description="sftp: the server's port")
    user: str = Field(default="", description="sftp: the user's name")
    password: SecretStr = Field(default=SecretStr(""), description="sftp: the user's password, unless a key is given")
    private_key: SecretStr = Field(default=SecretStr(""), description="sftp: private key in OpenSSH's form")
    host_key: str = Field(
        default="", description="sftp: the server's public key, as `ssh-keyscan HOST` prints it without the name"
    )

    @field_validator("url")
    @classmethod
    def normalised(cls, value: str) -> str:
        return base_url(value)

    @model_validator(mode="after")
    def complete(self) -> Self:
        missing = [name for name in NEEDED[self.mode] if not _given(getattr(self, name))]
        if missing:
            raise ValueError(f"mode {self.mode} needs {', '.join(missing)}")
        if self.mode == "sftp" and not (_given(self.password) or _given(self.private_key)):
            raise ValueError("mode sftp needs password or private_key")
        if self.mode != "api" and not self.folder.startswith("/"):
            raise ValueError(f"folder must be absolute, as /srv/shop, not {self.folder!r}")
        return self


def _given(value: str | SecretStr) -> bool:
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)


class HipCommerceSettings(ChannelSettings):
    timeout_seconds: int = Field(default=60, ge=5, le=600, description="api: how long one call may take")
    file_format: Literal["csv", "xml"] = Field(default="csv", description="folder, sftp: form of the files we write")
    acknowledge_hours: int = Field(
        default=24, ge=1, le=720, description="folder, sftp: a file of ours that the shop leaves longer is an issue"
    )
