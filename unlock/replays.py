"""Idempotency-Key: a POST that is sent twice is done once, and both get the same answer.

The key is taken first, in a row of its own; then the call is made; then its answer is kept, for a
day. Only what was done is kept: a refusal changed nothing, and frees the key. An answer lies sealed,
and without what is told once (``scopes.TOLD_ONCE``).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction

from unlock import at_rest
from unlock.models import KeptAnswer
from unlock.token_errors import KeyBusy, KeyInvalid, KeyLost, KeyReused

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

KEEP: Final = timedelta(hours=24)
# No call takes that long: whoever has not answered by then has died.
LEASE: Final = timedelta(minutes=5)
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any


def begin(
    creator_id: UUID, key: str, *, request: tuple[bytes, ...], now: datetime
) -> Answer | None:
    """None: nobody used this key yet, so do it, then ``keep`` or ``free``. Else the kept answer.

    Raises KeyInvalid, KeyReused (another request), KeyBusy (being done), KeyLost (outcome unknown).
    """
    if not _KEY.fullmatch(key):
        raise KeyInvalid("That is no Idempotency-Key.")
    mine = KeptAnswer.objects.filter(creator=creator_id, key_hash=_hash(key))
    mine.filter(created_at__lte=now - KEEP).delete()
    asked = _digest(request)
    try:
        with transaction.atomic():
            KeptAnswer.objects.create(
                creator_id=creator_id, key_hash=_hash(key), request_hash=asked, created_at=now
            )
    except IntegrityError:
        return _earlier(mine.first(), asked=asked, now=now)
    return None


def keep(creator_id: UUID, key: str, answer: Answer, *, told_once: Collection[str] = ()) -> None:
    """What the call answered. Members that are told once become null."""
    body = answer.body
    if told_once and isinstance(body, dict):
        body = {name: None if name in told_once else value for name, value in body.items()}
    plain = json.dumps(body, default=str).encode()
    sealed = at_rest.seal(plain, bound=bound_to(creator_id, _hash(key)))
    row = KeptAnswer.objects.filter(creator=creator_id, key_hash=_hash(key))
    row.update(status=answer.status, sealed_body=sealed)


def free(creator_id: UUID, key: str) -> None:
    """Nothing was done: the next request with this key is made anew."""
    KeptAnswer.objects.filter(creator=creator_id, key_hash=_hash(key), status=None).delete()


def prune(*, now: datetime) -> int:
    return KeptAnswer.objects.filter(created_at__lte=now - KEEP).delete()[0]


def _earlier(row: KeptAnswer | None, *, asked: str, now: datetime) -> Answer:
    if row is None:  # freed this very moment
        raise KeyBusy("The same request is being worked on.")
    if not hmac.compare_digest(row.request_hash, asked):
        raise KeyReused("This key came with another request before.")
    if row.status is None or row.sealed_body is None:
        if now - row.created_at > LEASE:
            raise KeyLost("A request with this key began, and its end is not known.")
        raise KeyBusy("The same request is being worked on.")
    bound = bound_to(row.creator_id, row.key_hash)
    return Answer(row.status, json.loads(at_rest.unseal(bytes(row.sealed_body), bound=bound)))


def _hash(key: str) -> str:
    return hashlib.sha256(b"kim idempotency" + key.encode()).hexdigest()


def _digest(parts: tuple[bytes, ...]) -> str:
    """Keyed: a body may hold what follows from a password, and must not be guessed from its hash."""
    digest = hmac.new(b"kim idempotency" + settings.SECRET_KEY.encode(), digestmod=hashlib.sha256)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def bound_to(creator_id: UUID, key_hash: str) -> bytes:
    return b"kim kept answer" + creator_id.bytes + bytes.fromhex(key_hash)
