"""Static files from memory: read once by a process, stripped and compressed when first asked for.

Nothing is written anywhere, so there is no build to forget and no directory to keep; a file changed
under a running instance cannot mix two versions under one address.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable, Mapping
from functools import cache, cached_property, partial
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers

from unlock import published

SUMS = "SHA256SUMS"
SOURCE = "source/"  # before the path of a file of ours: as it was written, comments and all
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
_TEXT = "text/plain; charset=utf-8"  # licences, types, sums
_TAKES_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")


class File:
    """One file: as it is served, and the same in gzip where that is smaller."""

    def __init__(self, suffix: str, make: Callable[[], bytes]) -> None:
        self.suffix, self._make = suffix, make

    @cached_property
    def body(self) -> bytes:
        return self._make()

    @cached_property
    def squeezed(self) -> bytes | None:
        small = gzip.compress(self.body, 9, mtime=0)
        return small if len(small) < len(self.body) else None

    @cached_property
    def etag(self) -> str:
        return f'W/"{hashlib.sha256(self.body).hexdigest()[:32]}"'  # weak: for both encodings


@cache
def files() -> Mapping[str, File]:
    """By their path below the static address, those of Django's admin included."""
    ours: dict[str, File] = {}
    found: dict[str, File] = {}
    for finder in finders.get_finders():
        is_ours = isinstance(finder, finders.FileSystemFinder)
        for path, storage in finder.list([]):
            prefix = getattr(storage, "prefix", None)
            name = f"{prefix}/{path}" if prefix else path
            suffix = Path(path).suffix
            with storage.open(path) as file:
                source: bytes = file.read()
            if is_ours:
                ours[name] = File(suffix, partial(published.content, source, suffix))
                found[SOURCE + name] = File(suffix, partial(bytes, source))
            else:
                found.setdefault(name, File(suffix, partial(bytes, source)))
    found[SUMS] = File("", lambda: _sums(ours))
    return found | ours


@cache
def hashes() -> Mapping[str, str]:
    """Hex SHA-256 of each file of ours as it is served, by its path below the static address."""
    lines = files()[SUMS].body.decode().splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def answer(request: HttpRequest, file: File) -> HttpResponseBase:
    """The file in an encoding that the browser takes, or the word that it has it already."""
    squeezed = file.squeezed
    if not _TAKES_GZIP.search(request.headers.get("Accept-Encoding", "")):
        squeezed = None
    body = file.body if squeezed is None else squeezed
    response = HttpResponse(body, content_type=_TYPES.get(file.suffix, _TEXT))
    response["ETag"] = file.etag
    response["Content-Length"] = str(len(body))
    if squeezed is not None:
        response["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ["Accept-Encoding"])
    return get_conditional_response(request, etag=file.etag, response=response) or response


def _sums(ours: Mapping[str, File]) -> bytes:
    return published.sums((name, ours[name].body) for name in sorted(ours)).encode()
