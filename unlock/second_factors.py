"""The second step of a login: one-time codes of an app (RFC 6238), and spare codes on paper.

The seed is sealed at rest. No code counts twice, spare codes neither, and after ten wrong ones in an
hour none counts at all. It asks after the password, so who cannot give that cannot use it up.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyotp
from django.core.cache import cache
from django.db import transaction
from redis.exceptions import RedisError

from unlock import at_rest, instances, notices
from unlock.account_errors import (
    SecondStepBusy,
    SecondStepOn,
    SecondStepRequired,
    SecondStepUnknown,
    SecondStepWrong,
)
from unlock.models import Creator, SecondFactor
from unlock.states import NoticeKind

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

SPARE_CODES: Final = 10
SPARE_LETTERS: Final = 10  # of 31 each: 49 bits
WRONG_AN_HOUR: Final = 10
STEP_SECONDS: Final = 30
_AROUND: Final = (-1, 0, 1)  # clocks differ by half a minute
_HOUR_SECONDS: Final = 3600
_LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"  # none that reads as another


@dataclass(frozen=True, slots=True)
class Offered:
    """What the app is to be told; shown once. Never in a repr."""

    secret: str
    uri: str

    def __repr__(self) -> str:
        return "Offered()"


def is_on(creator: Creator) -> bool:
    return _on(creator) is not None


def spare_left(creator: Creator) -> int:
    row = _on(creator)
    return 0 if row is None else len(row.spare_hashes)


def offer(creator: Creator, *, now: datetime) -> Offered:
    """A new seed, which counts once a code of it is given back. Raises SecondStepOn."""
    secret = pyotp.random_base32()
    sealed = _seal(creator.id, secret)
    with transaction.atomic():
        _lock(creator)
        if is_on(creator):
            raise SecondStepOn("The second step is on already.")
        facts = {"sealed_seed": sealed, "last_step": 0, "spare_hashes": [], "created_at": now}
        SecondFactor.objects.update_or_create(creator=creator, defaults=facts)
    uri = pyotp.TOTP(secret).provisioning_uri(
        name=creator.user.get_username(), issuer_name=instances.said().name
    )
    return Offered(secret, uri)


def confirm(creator: Creator, code: str, *, now: datetime) -> tuple[str, ...]:
    """Switch it on; the spare codes, told once. Raises SecondStepUnknown, -On, -Wrong, -Busy."""
    _count_guess(creator)
    with transaction.atomic():
        _lock(creator)
        row = SecondFactor.objects.filter(creator=creator).first()
        if row is None:
            raise SecondStepUnknown("There is nothing to confirm.")
        if row.confirmed_at is not None:
            raise SecondStepOn("The second step is on already.")
        _take_code(row, code, now=now)
        spare = tuple(_new_spare() for _ in range(SPARE_CODES))
        row.confirmed_at, row.spare_hashes = now, [_hash(each) for each in spare]
        row.save(update_fields=["confirmed_at", "spare_hashes"])
        _tell(creator, "The second step of your login is on now.", now=now)
    _forgive(creator)
    return spare


def check(creator: Creator, code: str, *, now: datetime) -> None:
    """Nothing where it is off. Raises SecondStepRequired, SecondStepWrong, SecondStepBusy."""
    if not is_on(creator):
        return
    if not code:
        raise SecondStepRequired("A code of your app is needed.")
    _count_guess(creator)
    with transaction.atomic():
        _lock(creator)
        row = _on(creator)
        if row is not None:
            _take(row, code, now=now)
    _forgive(creator)


def stop(creator: Creator, code: str, *, now: datetime) -> None:
    """Switch it off. Raises as ``check``; being off already is no error."""
    check(creator, code, now=now)
    with transaction.atomic():
        if drop(creator):
            _tell(creator, "The second step of your login is off now.", now=now)


def drop(creator: Creator) -> bool:
    """Forget it, for whoever brought the words; whether there was one."""
    return SecondFactor.objects.filter(creator=creator).delete()[0] > 0


def _on(creator: Creator) -> SecondFactor | None:
    return SecondFactor.objects.filter(creator=creator, confirmed_at__isnull=False).first()


def _lock(creator: Creator) -> None:
    Creator.objects.select_for_update().get(pk=creator.pk)


def _take(row: SecondFactor, code: str, *, now: datetime) -> None:
    """A spare code or one of the app. The caller holds the lock. Raises SecondStepWrong."""
    hashed = _hash(_plain(code))
    spent = [each for each in row.spare_hashes if hmac.compare_digest(each, hashed)]
    if not spent:
        _take_code(row, code, now=now)
        return
    row.spare_hashes = [each for each in row.spare_hashes if each != hashed]
    row.save(update_fields=["spare_hashes"])


def _take_code(row: SecondFactor, code: str, *, now: datetime) -> None:
    """Raises SecondStepWrong, also for a code that was taken before, or one older than it."""
    totp = pyotp.TOTP(_open(row), interval=STEP_SECONDS)
    typed = _plain(code)
    step = int(now.timestamp()) // STEP_SECONDS
    fitting = [
        step + offset
        for offset in _AROUND
        if hmac.compare_digest(totp.generate_otp(step + offset).encode(), typed.encode())
    ]
    newest = max(fitting, default=0)
    if newest <= row.last_step:
        raise SecondStepWrong("That code does not count.")
    row.last_step = newest
    row.save(update_fields=["last_step"])


def _count_guess(creator: Creator) -> None:
    """Raises SecondStepBusy. Without Redis it does not count, which must not close the door."""
    key = _guesses(creator)
    try:
        cache.add(key, 0, _HOUR_SECONDS)
        count = cache.incr(key)
    except (RedisError, ValueError):
        return
    if count > WRONG_AN_HOUR:
        raise SecondStepBusy("Too many wrong codes.")


def _forgive(creator: Creator) -> None:
    try:
        cache.delete(_guesses(creator))
    except RedisError:
        return


def _guesses(creator: Creator) -> str:
    return f"second-step:{creator.pk}"


def _tell(creator: Creator, text: str, *, now: datetime) -> None:
    rest = " If that was not you, change your password at once."
    kind = NoticeKind.ACCOUNT_CHANGED
    notices.tell(creator.id, kind, topic=now.isoformat(), text=text + rest, now=now)


def _new_spare() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(SPARE_LETTERS))


def _plain(code: str) -> str:
    return "".join(each for each in code.lower() if each.isascii() and each.isalnum())


def _hash(spare: str) -> str:
    """Spare codes are random: a plain hash will do."""
    return hashlib.sha256(b"kim spare code" + spare.encode()).hexdigest()


def _seal(creator_id: UUID, secret: str) -> bytes:
    return at_rest.seal(secret.encode(), bound=bound_to(creator_id))


def _open(row: SecondFactor) -> str:
    return at_rest.unseal(bytes(row.sealed_seed), bound=bound_to(row.creator_id)).decode()


def bound_to(creator_id: UUID) -> bytes:
    return b"kim second factor" + creator_id.bytes
