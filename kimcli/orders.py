"""What a buyer ordered, kept beside the key file: enough to go on after anything was cut.

Mode 0600: a return link opens what it paid for. A file that was ordered once is never ordered, and
never paid, a second time without being told to.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kimcli import keyfiles
from kimcli.errors import FilesWrong
from unlock.container import decode_b64url, derive_claim, encode_b64url

_VERSION = 1


@dataclass(frozen=True, repr=False)
class Order:
    """One purchase. ``is_paying``: a command was told to pay it, so that it is not told twice."""

    purchase: str
    link: str  # L, base64url
    seed: str  # seed_n, base64url
    h_s: str = ""  # as promised before payment, with what follows; empty for a bare return link
    content_id: str = ""
    wrapped_key: str = ""
    ticket: dict[str, str] | None = None  # the server's signature under its promise
    is_paying: bool = False

    @property
    def raw_seed(self) -> bytes:
        return decode_b64url(self.seed, 32)

    @property
    def claim(self) -> bytes:
        return derive_claim(self.raw_seed)

    def return_link(self, server: str) -> str:
        return f"{server}/p/{self.purchase}#1.{self.link}.{self.seed}"


class Orders:
    """All orders of one key file. ``next_number`` counts the buyer's purchases."""

    def __init__(self, key_path: Path) -> None:
        self._path = key_path.with_name(f"{key_path.stem}.orders.json")
        self._members: dict[str, Any] = {"kim": "orders", "v": _VERSION, "next": 0, "orders": {}}
        if self._path.exists():
            self._members = _read(self._path)

    @property
    def next_number(self) -> int:
        return int(self._members["next"])

    def find(self, name: str) -> Order | None:
        """By the server and the paid file, as ``name_of`` says it."""
        kept = self._members["orders"].get(name)
        return Order(**kept) if kept else None

    def keep(self, name: str, order: Order, *, number: int | None = None) -> None:
        """As the order of this name; one that stood there stays under its purchase's."""
        known = self.find(name)
        if known is not None and known.purchase != order.purchase:
            self._members["orders"][f"{name} {known.purchase}"] = asdict(known)
        self._members["orders"][name] = asdict(order)
        if number is not None:
            self._members["next"] = max(self.next_number, number + 1)
        keyfiles.replace(self._path, (json.dumps(self._members, indent=1) + "\n").encode())

    def mark_paying(self, name: str, order: Order) -> Order:
        marked = replace(order, is_paying=True)
        self.keep(name, marked)
        return marked


def name_of(server: str, paid_file: str) -> str:
    return f"{server} {paid_file}"


def of_return_link(purchase: str, link_secret: bytes, seed: bytes) -> Order:
    return Order(purchase, encode_b64url(link_secret), encode_b64url(seed))


def _read(path: Path) -> dict[str, Any]:
    try:
        return _parse(path.read_bytes())
    except (ValueError, KeyError, TypeError):
        # Not chained: the frames hold seeds.
        hint = "Move it away; your return links go on working."
        raise FilesWrong("orders_malformed", f"{path} cannot be read.", hint) from None


def _parse(raw: bytes) -> dict[str, Any]:
    members: Any = json.loads(raw)
    if members["kim"] != "orders" or members["v"] != _VERSION:
        raise ValueError("another kind or version")
    for kept in members["orders"].values():
        Order(**kept)
    return dict(members)
