"""Pictures: Magento takes their content, not their address, so they are fetched here, and each only once.

What was sent is remembered by address and content: neither a picture that is there already nor one that only moved
to another address is sent again.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from integrator.connectors.http import USER_AGENT
from integrator.connectors.magento.mapping import slug
from integrator.connectors.pushes import Image

Json = dict[str, Any]

MOST_BYTES = 20_000_000
MOST_REDIRECTS = 3
KINDS = {
    b"\xff\xd8\xff": ("image/jpeg", "jpg"),
    b"\x89PNG\r\n\x1a\n": ("image/png", "png"),
    b"GIF8": ("image/gif", "gif"),
}
ROLES = ["image", "small_image", "thumbnail"]


class Unfetchable(Exception):
    """The message says which picture and why."""


@dataclass(frozen=True, slots=True)
class Known:
    """A picture that the shop has from us."""

    url: str
    content: str  # a digest
    entry: int  # the shop's number

    @classmethod
    def read(cls, sent: Mapping[str, Any] | None) -> list[Known]:
        kept = (sent or {}).get("images") or []
        return [cls(str(one[0]), str(one[1]), int(one[2])) for one in kept if isinstance(one, list) and len(one) == 3]


@dataclass(frozen=True, slots=True)
class Picture:
    url: str
    content: str
    entry: Json


def kind_of(data: bytes) -> tuple[str, str]:
    """(media type, ending) of what Magento takes; by content, since servers often name another."""
    for start, kind in KINDS.items():
        if data.startswith(start):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        raise Unfetchable("it is WebP, and Magento takes JPEG, PNG and GIF")
    raise Unfetchable("it is no JPEG, PNG or GIF")


def check_host(url: str, private: bool) -> None:
    """A POS may not make this machine ask its own network for it, unless the channel allows that."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unfetchable("it is no web address")
    if private:
        return
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unfetchable(f"its host is not known ({error})") from error
    for address in {one[4][0] for one in found}:
        if not ipaddress.ip_address(str(address).split("%", 1)[0]).is_global:
            raise Unfetchable(f"{parts.hostname} is inside this machine's network (private_image_hosts allows that)")


class Images:
    def __init__(self, private: bool) -> None:
        self.private = private
        self._fetched: dict[str, bytes] = {}

    def fetch(self, url: str) -> bytes:
        """Raises Unfetchable."""
        if url not in self._fetched:
            try:
                self._fetched = {url: self._download(url)}  # variants of a style often share one
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                raise Unfetchable(f"{type(error).__name__}: {error}") from error
        return self._fetched[url]

    def _download(self, url: str) -> bytes:
        with httpx.Client(timeout=30.0, headers={"User-Agent": USER_AGENT}, follow_redirects=False) as client:
            for _ in range(MOST_REDIRECTS + 1):
                check_host(url, self.private)
                with client.stream("GET", url) as response:
                    if response.is_redirect:
                        url = urljoin(url, response.headers.get("location", ""))
                        continue
                    if response.status_code != 200:
                        raise Unfetchable(f"HTTP {response.status_code}")
                    data = bytearray()
                    for chunk in response.iter_bytes():
                        data += chunk
                        if len(data) > MOST_BYTES:
                            raise Unfetchable(f"it has more than {MOST_BYTES // 1_000_000} MB")
                    return bytes(data)
        raise Unfetchable("it is redirected too often")

    def pictures(self, images: Sequence[Image], known: Sequence[Known], sku: str) -> tuple[list[Picture], list[str]]:
        """Gallery entries in their order, and what could not be fetched. Those that the shop has come by number."""
        by_content = {one.content: one for one in known}
        by_url = {one.url: one for one in known}
        found: list[Picture] = []
        notes: list[str] = []
        for place, image in enumerate(sorted(images, key=lambda one: one.position), 1):
            entry: Json = {
                "media_type": "image",
                "label": image.alt_text,
                "position": place,
                "disabled": False,
                "types": ROLES if not found else [],
            }
            there = by_url.get(image.url)
            if there is None:
                try:
                    data = self.fetch(image.url)
                    kind, ending = kind_of(data)
                except Unfetchable as error:
                    notes.append(f"The picture {image.url} is left out: {error}.")
                    continue
                content = hashlib.sha256(data).hexdigest()[:16]
                there = by_content.get(content)
                if there is None:
                    name = f"{slug(sku) or 'picture'}-{content}.{ending}"
                    encoded = base64.b64encode(data).decode()
                    entry["content"] = {"base64_encoded_data": encoded, "type": kind, "name": name}
            if there is not None:
                content = there.content
                entry["id"] = there.entry
            found.append(Picture(image.url, content, entry))
        return found, notes


def kept_entries(product: Json, known: Sequence[Known]) -> list[Json]:
    """The gallery entries of the merchant, which stay; the shop removes what is not named."""
    ours = {one.entry for one in known}
    keys = ("id", "media_type", "label", "position", "disabled", "types", "file")
    return [
        {key: one.get(key) if one.get(key) is not None else "" for key in keys if key in one}
        for one in product.get("media_gallery_entries") or []
        if int(one.get("id") or 0) not in ours
    ]


def remembered(pictures: Sequence[Picture], before: Sequence[int], product: Json) -> list[list[Any]]:
    """[address, content, number] of each picture, from the product as it was written; [] when they cannot be told."""
    known = set(before)
    fresh = sorted(int(one["id"]) for one in product.get("media_gallery_entries") or [] if int(one["id"]) not in known)
    new = [one for one in pictures if "id" not in one.entry]
    if len(fresh) != len(new):
        return []
    numbers = iter(fresh)
    return [[one.url, one.content, int(one.entry["id"]) if "id" in one.entry else next(numbers)] for one in pictures]
