"""What the operator says of the instance, and the set-up of an empty one.

An instance with neither staff nor creators makes a code when it starts and tells it where it runs,
never on a page. Whoever has the code is its operator: their set-up makes the first login of staff.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.views.decorators.debug import sensitive_variables

from unlock import disks
from unlock.account_errors import SetupCodeWrong, SetupOver
from unlock.errors import InstanceClosing
from unlock.models import Creator, Instance

if TYPE_CHECKING:
    from datetime import datetime


HELD_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What pages tell of the instance; empty where its operator said nothing."""

    name: str
    contact: str = ""
    imprint: str = ""
    terms: str = ""
    banner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """The first login of staff. The password never shows in a repr."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Admin(username={self.username!r})"


def said() -> Said:
    """What was said, at most ``HELD_SECONDS`` ago: every page asks, and hardly ever does it change.

    A change shows at once in the process that makes it, and that soon in the others.
    """
    kept = _MEMORY.read() or _MEMORY.keep(_read())
    return replace(kept, name=kept.name or settings.KIM_INSTANCE_NAME)


def check_open() -> None:
    """Raises InstanceClosing, DiskFull where nothing new begins; what was begun and bought goes on."""
    disks.check_room()
    if settings.KIM_WINDING_DOWN:
        raise InstanceClosing("This site is closing: nothing new begins here.")


def forget() -> None:
    """It was changed here."""
    _MEMORY.forget()


def _read() -> Said:
    row = Instance.objects.filter(pk=1).first()
    if row is None:
        return Said(name="")
    return Said(
        name=row.name,
        contact=row.contact,
        imprint=row.imprint,
        terms=row.terms,
        banner=row.banner,
    )


class _Memory:
    """One value for a while; threads that meet here read the row twice and no worse."""

    def __init__(self) -> None:
        self._held: tuple[float, Said] | None = None

    def read(self) -> Said | None:
        held = self._held
        return None if held is None or time.monotonic() >= held[0] else held[1]

    def keep(self, said: Said) -> Said:
        self._held = (time.monotonic() + HELD_SECONDS, said)
        return said

    def forget(self) -> None:
        self._held = None


_MEMORY: Final = _Memory()


def is_waiting() -> bool:
    """Whether the set-up is to be done: it was begun, and there is nobody yet."""
    return Instance.objects.filter(pk=1, done_at=None).exists() and _is_empty()


def begin(*, now: datetime) -> str:
    """The code of an empty instance's set-up, told once; "" where there is none to tell."""
    if not _is_empty():
        return ""
    code = _new_code()
    try:
        with transaction.atomic():
            Instance.objects.create(code_hash=_hash(code), created_at=now)
    except IntegrityError:
        return ""  # begun before, or by another process just now
    return code


def renew_code(*, now: datetime) -> str:
    """A new code for a set-up that waits; the one before is worth nothing. Raises SetupOver."""
    code = begin(now=now)
    if code:
        return code
    if not is_waiting():
        raise SetupOver("This instance was set up.")
    code = _new_code()
    Instance.objects.filter(pk=1, done_at=None).update(code_hash=_hash(code))
    return code


@sensitive_variables()
def check_code(code: str) -> None:
    """Raises SetupOver, SetupCodeWrong."""
    row = Instance.objects.filter(pk=1, done_at=None).first()
    if row is None or not _is_empty():
        raise SetupOver("This instance was set up.")
    if not hmac.compare_digest(_hash(code), row.code_hash):
        raise SetupCodeWrong("That is not the code of this set-up.")


@sensitive_variables()
def set_up(code: str, about: Said, admin: Admin, *, now: datetime) -> None:
    """Keep what the operator says, and make their login. Once: two at a time make one.

    Raises SetupOver, SetupCodeWrong; nothing was kept then.
    """
    with transaction.atomic():
        Instance.objects.select_for_update().filter(pk=1).first()
        check_code(code)
        users = get_user_model().objects
        users.create_superuser(admin.username, password=admin.password)
        Instance.objects.filter(pk=1).update(
            name=about.name,
            contact=about.contact,
            imprint=about.imprint,
            terms=about.terms,
            code_hash="",
            done_at=now,
        )
    forget()


def _is_empty() -> bool:
    staff = get_user_model().objects.filter(is_staff=True)
    return not staff.exists() and not Creator.objects.exists()


def _new_code() -> str:
    """Sixteen letters and digits in fours: 80 random bits, easy to type."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    code = "".join(secrets.choice(letters) for _ in range(16))
    return "-".join(code[at : at + 4] for at in range(0, 16, 4))


def _hash(code: str) -> str:
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(b"kim set-up" + plain.encode()).hexdigest()
