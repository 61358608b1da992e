"""The two steps into the admin: what a session keeps between them, and once both are done.

Nobody is logged in by a password alone: the session only remembers for ten minutes whose it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from django.conf import settings
from django.contrib.auth import get_user_model, login, logout
from django.utils.crypto import constant_time_compare

from unlock import staff_factors

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpRequest

FIRST_STEP_LASTS: Final = timedelta(minutes=10)
_FIRST: Final = "staff-first-step"
_SECOND: Final = "staff-second-step"
_SEEN: Final = "staff-seen"  # Unix time of the last page, to the minute
_SEEN_EVERY_SECONDS: Final = 60
_KEPT: Final = "_kim_staff_is_through"  # on the request: one query, however often it is asked


@dataclass(frozen=True, slots=True)
class FirstStep:
    """Somebody gave the right password at ``at``, and wanted to go to ``onward``."""

    user: User
    onward: str

    @classmethod
    def of(cls, request: HttpRequest, *, now: datetime) -> Self | None:
        """None where it was never done, is too long ago, or the password was changed since."""
        kept = request.session.get(_FIRST)
        if not kept or now - datetime.fromisoformat(kept["at"]) > FIRST_STEP_LASTS:
            return None
        users = get_user_model().objects.filter(is_active=True, is_staff=True)
        user = users.filter(pk=kept["user"]).first()
        if user is None or not constant_time_compare(kept["hash"], user.get_session_auth_hash()):
            return None
        return cls(user, kept["onward"])


def begin(request: HttpRequest, user: User, *, onward: str, now: datetime) -> None:
    """Remember that the password was right, in a session whose key nobody knew before."""
    request.session.cycle_key()
    request.session[_FIRST] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "at": now.isoformat(),
        "onward": onward,
    }


def finish(request: HttpRequest, user: User) -> None:
    """Both steps are done: log in."""
    request.session.pop(_FIRST, None)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    request.session[_SECOND] = staff_factors.mark_of(user)


def is_through(request: HttpRequest) -> bool:
    """Whether this session passed the second step that its user has now."""
    known: bool | None = getattr(request, _KEPT, None)
    if known is None:
        kept, user = request.session.get(_SECOND, ""), request.user
        known = (
            user.is_authenticated
            and bool(kept)
            and constant_time_compare(kept, staff_factors.mark_of(user))
        )
        setattr(request, _KEPT, known)
    return known


def is_awake(request: HttpRequest, *, now: datetime) -> bool:
    """False, and logged out, where this session asked for nothing in ``KIM_STAFF_IDLE_MINUTES``."""
    seen, at = request.session.get(_SEEN), int(now.timestamp())
    if seen is not None and at - seen > settings.KIM_STAFF_IDLE_MINUTES * 60:
        logout(request)
        return False
    if seen is None or at - seen >= _SEEN_EVERY_SECONDS:
        request.session[_SEEN] = at
    return True
