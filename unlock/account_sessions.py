"""The browsers a creator is signed in with: listed, and signed out from any other.

A session is named by the hash of its key, so the list opens none. What is kept of a browser is its
name and system, never an address. Whoever is signed in without a note (since before there were any)
gets one; a note that has ended shuts its session out, whatever Django's own table says.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db.models import Subquery

from payments.words import Words
from unlock import speech
from unlock.models import Creator, SessionNote

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

SEEN_EVERY: Final = timedelta(hours=1)
LONGEST: Final = timedelta(days=90)  # from the login, however often it is used
KEEP: Final = timedelta(days=60)  # longer than any session lives that nobody uses

_UNKNOWN: Final = speech.mark("A browser")
# The first that fits: most browsers also name those they descend from.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_of(user_agent: str) -> str:
    """Such as "Firefox on Windows"; enough to know one's own browsers apart, and no more."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), _UNKNOWN)
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return f"{browser} on {system}" if system else browser


def said(browser: str) -> str:
    """The same in the reader's language."""
    name, is_both, system = browser.partition(" on ")
    if not is_both:
        return speech.say(browser)
    return speech.say("{browser} on {system}", browser=Words(name), system=system)


def begin(creator: Creator, key: str, *, browser: str, now: datetime) -> None:
    """A login, in a session of this key. Twice is once."""
    facts = {"creator": creator, "browser": browser, "created_at": now, "seen_at": now}
    SessionNote.objects.get_or_create(key_hash=_hash(key), defaults=facts)


def creator_of(user_id: int, key: str | None, *, browser: str, now: datetime) -> Creator | None:
    """Whose session this is; staff, suspended people and ended sessions are nobody's. ``seen``: when
    it was used before, as far as it is noted.
    """
    note = SessionNote.objects.filter(key_hash=_hash(key or ""))
    creator = (
        Creator.objects.select_related("user")
        .filter(user=user_id, user__is_staff=False, suspended_at__isnull=True)
        .annotate(
            ended=Subquery(note.values("ended_at")),
            seen=Subquery(note.values("seen_at")),
            began=Subquery(note.values("created_at")),
        )
        .first()
    )
    if creator is None or creator.ended is not None or is_over(creator.began, now=now):
        return None
    if key is None:
        return creator
    if creator.seen is None:
        begin(creator, key, browser=browser, now=now)
    elif is_noted_anew(creator.seen, now=now):
        note.update(seen_at=now)
    return creator


def is_noted_anew(seen: datetime | None, *, now: datetime) -> bool:
    """Whether a use is written down, after one that was noted at ``seen``."""
    return seen is not None and now - seen > SEEN_EVERY


def is_over(began_at: datetime | None, *, now: datetime) -> bool:
    """Whether a login is so long ago that it ends, used or not."""
    return began_at is not None and now - began_at >= LONGEST


def open_of(creator: Creator, *, now: datetime) -> QuerySet[SessionNote]:
    """Those that may still be signed in, the one used last first."""
    over = now - timedelta(seconds=settings.SESSION_COOKIE_AGE) - SEEN_EVERY
    rows = SessionNote.objects.filter(creator=creator, ended_at=None, seen_at__gt=over)
    rows = rows.filter(created_at__gt=now - LONGEST)
    return rows.order_by("-seen_at", "pk")


def is_named(note: SessionNote, key: str | None) -> bool:
    return key is not None and note.key_hash == _hash(key)


def move(old_key: str, new_key: str) -> None:
    """The same browser goes on under another key."""
    SessionNote.objects.filter(key_hash=_hash(old_key)).update(key_hash=_hash(new_key))


def end(creator: Creator, note_id: UUID, *, now: datetime) -> None:
    """Sign one out. One that has ended, or is not there, is no error."""
    SessionNote.objects.filter(creator=creator, pk=note_id, ended_at=None).update(ended_at=now)


def end_this(key: str | None, *, now: datetime) -> None:
    SessionNote.objects.filter(key_hash=_hash(key or ""), ended_at=None).update(ended_at=now)


def end_others(creator: Creator, key: str | None, *, now: datetime) -> int:
    """Sign out all but the session of this key; how many."""
    mine = SessionNote.objects.filter(creator=creator, ended_at=None)
    return mine.exclude(key_hash=_hash(key or "")).update(ended_at=now)


def prune(*, now: datetime) -> int:
    """Forget sessions that nobody has used for so long that they are over."""
    return SessionNote.objects.filter(seen_at__lt=now - KEEP).delete()[0]


def _hash(key: str) -> str:
    return hashlib.sha256(b"kim session" + key.encode()).hexdigest()
