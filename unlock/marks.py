"""High-water marks of payouts, kept in the bucket: what was handed out survives a lost database.

``marks/payouts.json`` says how far each payout has counted: ids and numbers, no secrets, under a MAC
whose key comes from KIM_FIELD_KEY. It only ever grows. A database that lies behind it is a restored
backup; its counters are moved on before anything is written (``payments.watermarks``).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from payments import field_keys, payouts
from unlock import storage
from unlock.errors import MarksDamaged, ObjectMissing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

log = logging.getLogger(__name__)

KEY: Final = "marks/payouts.json"
VERSION: Final = 1
MOST_BYTES: Final = 64 * 1024 * 1024  # a million payouts


def keep(*, now: datetime) -> int:
    """Heed what is kept, then keep what is new; how many payouts had to be moved on.

    Repeatable, and the same at a worker's start, every minute and after a restore. Raises
    ``StoreError`` when the store cannot be asked, ``MarksDamaged`` when what it holds is not ours;
    nothing is written then.
    """
    known, is_current = _read()
    moved = payouts.heed_marks(known, now=now) if payouts.is_behind(known) else 0
    if moved:
        log.warning(
            "this database was restored from a backup: %d payouts go on beyond what was handed out"
            " before; creators with an xpub are asked to confirm their gap",
            moved,
        )
    ours = payouts.marks()
    whole = {name: max(known.get(name, 0), ours.get(name, 0)) for name in known | ours}
    if whole != known or not is_current:
        storage.primary().put(KEY, _write(whole, now))
    return moved


def read() -> dict[str, int]:
    """The marks as they are kept; empty before the first. Raises ``StoreError``, ``MarksDamaged``."""
    return _read()[0]


def _read() -> tuple[dict[str, int], bool]:
    """And whether their MAC is under the newest key; there is nothing to renew before the first."""
    store = storage.primary()
    try:
        seen = store.head(KEY)
    except ObjectMissing:
        return {}, True
    if seen.size_bytes > MOST_BYTES:
        raise MarksDamaged("The marks are larger than any we would write.")
    raw = store.read_range(KEY, offset=0, size_bytes=seen.size_bytes, etag=seen.etag)
    return _parse(raw)


def _write(marks: Mapping[str, int], now: datetime) -> bytes:
    body = {"kim": "marks", "v": VERSION, "at": now.isoformat(), "marks": dict(marks)}
    return _canonical({**body, "mac": _mac(body, settings.KIM_FIELD_KEY)})


def _parse(raw: bytes) -> tuple[dict[str, int], bool]:
    try:
        body: dict[str, Any] = json.loads(raw)
        mac = body.pop("mac")
        by = [hmac.compare_digest(str(mac), _mac(body, key)) for key in field_keys.ring()]
        if not any(by) or body["v"] != VERSION:
            raise MarksDamaged("The marks were not written with this instance's field key.")
        return {str(name): int(mark) for name, mark in body["marks"].items()}, by[0]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MarksDamaged("The marks cannot be read.") from error


def _mac(body: Mapping[str, Any], field_key: bytes) -> str:
    key = hmac.digest(field_key, b"kim payout marks v1", hashlib.sha256)
    return hmac.digest(key, _canonical(body), hashlib.sha256).hex()


def _canonical(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
