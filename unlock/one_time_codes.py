"""One-time codes of an app (RFC 6238) and spare codes on paper: what a typed one counts for.

Shared by the second steps of creators and of staff, which keep the rows and the locks. No code counts
twice, spare codes neither, and after ten wrong ones in an hour none counts at all.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyotp
from django.core.cache import cache
from redis.exceptions import RedisError

from unlock import instances
from unlock.account_errors import SecondStepBusy, SecondStepWrong

if TYPE_CHECKING:
    from datetime import datetime

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


@dataclass(frozen=True, slots=True)
class Standing:
    """What was taken so far: the newest step of the app's codes, and the spare codes that are left."""

    last_step: int
    spare_hashes: tuple[str, ...]


def new_secret() -> str:
    return pyotp.random_base32()


def offer_of(secret: str, name: str) -> Offered:
    """``name`` is the account's, as the app lists it beside the instance's."""
    uri = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=instances.said().name)
    return Offered(secret, uri)


def new_spares() -> tuple[str, ...]:
    return tuple(
        "".join(secrets.choice(_LETTERS) for _ in range(SPARE_LETTERS)) for _ in range(SPARE_CODES)
    )


def hashes_of(spares: tuple[str, ...]) -> list[str]:
    return [_hash(each) for each in spares]


def take(secret: str, code: str, had: Standing, *, now: datetime) -> Standing:
    """A spare code or one of the app; what stands after it. Raises SecondStepWrong."""
    hashed = _hash(_plain(code))
    spent = [each for each in had.spare_hashes if hmac.compare_digest(each, hashed)]
    if not spent:
        return Standing(take_code(secret, code, had.last_step, now=now), had.spare_hashes)
    left = tuple(each for each in had.spare_hashes if each != hashed)
    return Standing(had.last_step, left)


def take_code(secret: str, code: str, last_step: int, *, now: datetime) -> int:
    """The step of the app's code. Raises SecondStepWrong, also for a code that was taken before, or
    one older than it.
    """
    totp = pyotp.TOTP(secret, interval=STEP_SECONDS)
    typed = _plain(code)
    step = int(now.timestamp()) // STEP_SECONDS
    fitting = [
        step + offset
        for offset in _AROUND
        if hmac.compare_digest(totp.generate_otp(step + offset).encode(), typed.encode())
    ]
    newest = max(fitting, default=0)
    if newest <= last_step:
        raise SecondStepWrong("That code does not count.")
    return newest


def count_guess(key: str) -> None:
    """Raises SecondStepBusy. Without Redis it does not count, which must not close the door."""
    try:
        cache.add(key, 0, _HOUR_SECONDS)
        count = cache.incr(key)
    except (RedisError, ValueError):
        return
    if count > WRONG_AN_HOUR:
        raise SecondStepBusy("Too many wrong codes.")


def forgive(key: str) -> None:
    try:
        cache.delete(key)
    except RedisError:
        return


def _plain(code: str) -> str:
    return "".join(each for each in code.lower() if each.isascii() and each.isalnum())


def _hash(spare: str) -> str:
    """Spare codes are random: a plain hash will do."""
    return hashlib.sha256(b"kim spare code" + spare.encode()).hexdigest()
