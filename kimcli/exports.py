"""What an account holds at another instance: read from its export (docs/account.md), or asked for
with a token that may read. Nothing is changed there.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kimcli.errors import FilesWrong
from kimcli.wire import Api
from unlock.container import CoreHeader, decode_b64url
from unlock.errors import ContainerError

_FORMAT = "kim-account-1"
_ON_SALE = "published"
_TEXTS = ("title", "description", "price", "confirmations", "is_instant", "stream_only")
_SHOWN = ("is_adult", "shows_contents", "has_card")
_TERMS = (
    "kind", "suggested", "free_first", "stock", "shows_stock", "is_strict",
    "sells_from", "sells_until", "takes_tips",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Held:
    """One file on sale there. ``fields`` are those of ``POST files/``; ``link`` may be empty.

    S and L follow from ``link_file_id`` and their generations, M from the container's own file id.
    ``cover``: media type and picture, as base64url or, asked of the instance, empty. ``left_behind``:
    what is not taken over, a line each.
    """

    file_id: str
    core: CoreHeader
    content_id: bytes
    link_file_id: bytes
    link_generation: int
    generation: int
    h_s: str
    wrapped_key: bytes
    meta_link: bytes
    fields: dict[str, Any]
    urls: tuple[str, ...]
    cover: tuple[str, str] | None
    left_behind: tuple[str, ...]
    link: str

    @property
    def title(self) -> str:
        return str(self.fields["title"])


@dataclass(frozen=True, kw_only=True)
class Past:
    """``api`` answers for the old instance, where a token was given; ``others`` are not on sale."""

    instance: str
    files: tuple[Held, ...]
    others: int
    api: Api | None

    def addresses(self, held: Held) -> list[str]:
        """Where the sealed bytes can be fetched now. Raises Unreachable, Refused."""
        found = list(held.urls)
        if self.api is not None:
            copies = self.api.get(f"files/{held.file_id}/copies/?with=address", session=True)
            found += [copy["address"] for copy in copies["copies"] if copy.get("address")]
        return list(dict.fromkeys(found))

    def picture(self, held: Held) -> tuple[str, bytes] | None:
        """The cover's media type and bytes. Raises Unreachable, Refused."""
        if held.cover is None:
            return None
        media_type, picture = held.cover
        if picture or self.api is None:
            return media_type, decode_b64url(picture)
        return media_type, self.api.picture(f"/f/{held.file_id}/cover")


def read(path: Path, api: Api | None) -> Past:
    """An export as it was saved. Raises FilesWrong, OSError."""
    try:
        whole = _whole(path.read_bytes())
        instance = str(whole.get("instance") or (api.server if api else ""))
        return _past(whole["files"], instance, api, _exported)
    except (ValueError, KeyError, TypeError, AttributeError, ContainerError) as error:
        hint = "Save it again in the old instance's settings: Save everything."
        raise FilesWrong("export_malformed", f"{path} is no whole export.", hint) from error


def ask(api: Api) -> Past:
    """The same by a token of the old instance that has ``files:read``. Raises Refused, Unreachable."""

    def asked(row: Any) -> Held:
        path = f"files/{row['id']}/codes/"
        return _asked(row, codes=api.get_all(path, "codes"))

    instance = str(api.facts()["instance"])
    return _past(api.get_all("files/", "files"), instance, api, asked)


def _whole(raw: bytes) -> Any:
    whole = json.loads(raw)
    if whole["format"] != _FORMAT:
        raise ValueError("another format")
    return whole


def _past(rows: Iterable[Any], instance: str, api: Api | None, parse: Any) -> Past:
    known = list(rows)
    files = tuple(parse(row) for row in known if row["state"] == _ON_SALE)
    return Past(instance=instance, files=files, others=len(known) - len(files), api=api)


def _exported(row: Any) -> Held:
    pricing, content, cover = row["pricing"], row["container"], row["cover"]
    return _held(
        row,
        core=content["core_header"],
        content_id=content["content_id"],
        left=(pricing.get("free_left"), pricing.get("left")),
        urls=tuple(copy["url"] for copy in content["copies"] if copy.get("url")),
        cover=cover and (cover["media_type"], cover["picture"]),
        codes=row["codes"],
    )


def _asked(row: Any, codes: Any) -> Held:
    selling, cover = row["selling"], row["cover"]
    return _held(
        row,
        core=row["core_header"],
        content_id=row["content_id"],
        left=(selling["free_left"], selling["left"]),
        urls=(),
        cover=cover and (cover["media_type"], ""),
        codes=codes,
    )


def _held(
    row: Any, *, core: str, content_id: str, left: tuple[int | None, int | None],
    urls: tuple[str, ...], cover: tuple[str, str] | None, codes: Any,
) -> Held:  # fmt: skip
    fields, lines = _fields(row, *left)
    alive = sum(1 for code in codes if not code["ended_at"])
    if alive:
        lines.append(f"{alive} discount or gift codes stay behind: make new ones here.")
    if row.get("sample"):
        lines.append("The sample is not shown here: choose it again on the file's page.")
    return Held(
        file_id=str(row["id"]),
        core=CoreHeader.parse(decode_b64url(core)),
        content_id=bytes.fromhex(content_id),
        link_file_id=bytes.fromhex(row["link_file_id"]),
        link_generation=int(row["link_generation"]),
        generation=int(row["generation"]),
        h_s=str(row["h_s"]),
        wrapped_key=decode_b64url(row["wrapped_key"]),
        meta_link=decode_b64url(row.get("meta_link", "")),
        fields=fields,
        urls=urls,
        cover=cover,
        left_behind=tuple(lines),
        link=str(row.get("link") or ""),
    )


def _fields(row: Any, free_left: int | None, left: int | None) -> tuple[dict[str, Any], list[str]]:
    """What is said of the file, and what cannot be said as it was.

    What was sold and given stays sold and given: the count goes on with what is left.
    """
    pricing = {name: row["pricing"][name] for name in _TERMS if name in row["pricing"]}
    lines = []
    if pricing.get("free_first") and free_left is not None:
        pricing["free_first"] = free_left
    if pricing.get("stock") is not None:
        if left is None:
            lines.append(
                f"How many of {pricing['stock']} were sold is not told: look at the stock."
            )
        else:
            pricing["stock"] = left
    fields: dict[str, Any] = {name: row[name] for name in _TEXTS}
    fields["pricing"] = pricing
    if "showcase" in row:
        fields["showcase"] = {name: row["showcase"][name] for name in _SHOWN}
    else:
        lines.append("Whether it is for adults is not in this export: look at its page.")
    return fields, lines
