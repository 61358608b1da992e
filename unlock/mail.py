"""Notices by e-mail: a confirmed address, one message a minute at most, and patience with servers.

Everything is plain text. No message holds a key, a link with its secret or anybody else's address.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from datetime import timedelta
from smtplib import SMTPException
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, Q
from django.utils import translation
from redis.exceptions import RedisError

from payments.words import Words
from unlock import instances, notices
from unlock.creator_errors import CodeWrong, MailFailed, MailOff, MailTooSoon
from unlock.models import Creator, Notice
from unlock.speech import say, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from uuid import UUID

log = logging.getLogger(__name__)

CODE_DIGITS: Final = 8
CODE_HOLDS: Final = timedelta(hours=1)
ASK_AGAIN: Final = timedelta(minutes=1)
CODES_A_DAY: Final = 5  # to one address, whoever asks: nobody's mailbox is filled from here
GUESSES: Final = 10
ONE_A_MINUTE: Final = timedelta(minutes=1)
LEASE: Final = timedelta(minutes=2)  # longer than a mail server may take
IN_ONE: Final = 50
DELAYS: Final = tuple(timedelta(minutes=each) for each in (1, 5, 15, 60, 180, 360, 720, 1440))
RUN_FOR: Final = timedelta(seconds=50)
_DAY_SECONDS: Final = 86_400


def ask(creator: Creator, address: str, *, now: datetime) -> None:
    """Send a code to an address; notices go there once it came back.

    Raises MailOff, MailTooSoon, MailFailed. A new address replaces the old one at once.
    """
    if not settings.HAS_MAIL:
        raise MailOff("This site has no mail server.")
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    with transaction.atomic():
        row = Creator.objects.select_for_update().get(pk=creator.pk)
        if row.email_asked_at is not None and now - row.email_asked_at < ASK_AGAIN:
            raise MailTooSoon("A code was sent less than a minute ago.")
        if _count(f"mail-codes:{_hash(address.lower())}", seconds=_DAY_SECONDS) > CODES_A_DAY:
            raise MailTooSoon("Enough codes were sent to this address for one day.")
        row.email, row.email_confirmed_at = address, None
        row.email_code_hash, row.email_asked_at = _hash(f"{row.pk}:{address}:{code}"), now
        row.save(update_fields=["email", "email_confirmed_at", "email_code_hash", "email_asked_at"])
    _forget_guesses(creator.pk)
    subject = say("Your code for {site}", site=instances.said().name)
    send(address, subject=subject, text=_code_text(code))


def confirm(creator: Creator, code: str, *, now: datetime) -> None:
    """Raises CodeWrong; after ten wrong ones the code is worth nothing any more."""
    with transaction.atomic():
        row = Creator.objects.select_for_update().get(pk=creator.pk)
        asked_at = row.email_asked_at
        is_open = bool(row.email_code_hash) and asked_at is not None and now - asked_at < CODE_HOLDS
        guesses = _count(f"mail-guesses:{row.pk}", seconds=int(CODE_HOLDS.total_seconds()))
        typed = _hash(f"{row.pk}:{row.email}:{''.join(code.split())}")
        if not is_open or guesses > GUESSES:
            raise CodeWrong("There is no code to compare with any more.")
        if not hmac.compare_digest(typed, row.email_code_hash):
            raise CodeWrong("That is not the code.")
        row.email_confirmed_at, row.email_code_hash = now, ""
        row.save(update_fields=["email_confirmed_at", "email_code_hash"])


def stop(creator: Creator) -> None:
    """No e-mail any more; what waits is not sent."""
    with transaction.atomic():
        Creator.objects.filter(pk=creator.pk).update(
            email="", email_confirmed_at=None, email_code_hash=""
        )
        Notice.objects.filter(creator=creator, mailed_at=None).update(mail_due_at=None)


def send_again(notice: Notice, *, now: datetime) -> None:
    """Put a notice into the next e-mail to its creator. Raises MailOff where none goes there."""
    if not settings.HAS_MAIL or notice.creator.email_confirmed_at is None:
        raise MailOff("This creator gets no e-mail.")
    Notice.objects.filter(pk=notice.pk).update(mail_due_at=now, mailed_at=None, mail_attempts=0)


def send_due(*, clock: Callable[[], datetime]) -> int:
    """Send what is due, one e-mail per creator; how many e-mails went out."""
    if not settings.HAS_MAIL:
        return 0
    now, sent = clock(), 0
    due = Notice.objects.filter(mail_due_at__lte=now).order_by("mail_due_at")
    for creator_id in dict.fromkeys(due.values_list("creator_id", flat=True)[:1000]):
        if clock() - now > RUN_FOR:
            break
        sent += _send_digest(creator_id, now=clock())
    return sent


def _send_digest(creator_id: UUID, *, now: datetime) -> bool:
    creator, rows = _claim(creator_id, now=now)
    if not rows:
        return False
    mine = Notice.objects.filter(pk__in=[row.pk for row in rows])
    try:
        with translation.override(creator.language):
            subject, text = _subject(rows), _digest_text(rows)
        send(creator.email, subject=subject, text=text)
    except MailFailed as error:
        log.warning("notices of %s wait: %s", creator_id, error.message)
        for row in rows:
            tries = row.mail_attempts  # this one is counted in it
            later = now + DELAYS[tries - 1] if tries <= len(DELAYS) else None
            mine.filter(pk=row.pk).update(mail_due_at=later)
        return False
    mine.update(mailed_at=now, mail_due_at=None)
    return True


def _claim(creator_id: UUID, *, now: datetime) -> tuple[Creator, list[Notice]]:
    """Take what waits for one creator, if the last e-mail is a minute old; of two workers one gets it."""
    with transaction.atomic():
        creator = Creator.objects.select_for_update().get(pk=creator_id)
        waiting = Notice.objects.filter(creator=creator, mail_due_at__lte=now)
        recent = Q(mailed_at__gt=now - ONE_A_MINUTE)
        if creator.email_confirmed_at is None:
            waiting.update(mail_due_at=None)
            return creator, []
        if Notice.objects.filter(recent, creator=creator).exists():
            return creator, []
        rows = list(waiting.order_by("created_at", "pk")[:IN_ONE])
        Notice.objects.filter(pk__in=[row.pk for row in rows]).update(
            mail_due_at=now + LEASE, mail_attempts=F("mail_attempts") + 1
        )
    for row in rows:
        row.mail_attempts += 1
    return creator, rows


def send(address: str, *, subject: str, text: str) -> None:
    """Raises MailFailed, which repeats nothing of what the server said: it may hold the login."""
    message = EmailMessage(
        subject=subject,
        body=text,
        to=[address],
        headers={"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"},
    )
    try:
        message.send()
    except (SMTPException, OSError, ValueError) as error:
        raise MailFailed(
            "The mail server did not take it ({error}).", error=type(error).__name__
        ) from error


def _subject(rows: Sequence[Notice]) -> str:
    name = instances.said().name
    if len(rows) == 1:
        return say("{site}: one notice", site=name)
    return say("{site}: {count} notices", site=name, count=len(rows))


def _digest_text(rows: Sequence[Notice]) -> str:
    url = settings.KIM_PUBLIC_URL
    lines = [f"{tell(Words.of('{at}', at=row.created_at))}\n{notices.said(row)}\n" for row in rows]
    return "\n".join(
        [
            *lines,
            say("All notices: {url}", url=f"{url}/notices/"),
            "",
            say("To get fewer of these, or none: {url}", url=f"{url}/settings/#notices"),
            "",
        ]
    )


def _code_text(code: str) -> str:
    return "\n".join(
        [
            say("Your code is {code}", code=f"{code[:4]} {code[4:]}"),
            "",
            say(
                "Type it on {url} within an hour, and notices\nabout your sales come to this address.",
                url=f"{settings.KIM_PUBLIC_URL}/settings/#notices",
            ),
            "",
            say("You did not ask for this? Then do nothing: no other e-mail will come."),
            "",
        ]
    )


def _hash(text: str) -> str:
    """Keyed: a code is short, and a copy of the database must not give it away."""
    key = f"kim mail code:{settings.SECRET_KEY}".encode()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _count(key: str, *, seconds: int) -> int:
    """How often this was called for ``key`` lately; 1 without Redis, which must not close the door."""
    try:
        cache.add(key, 0, seconds)
        return cache.incr(key)
    except (RedisError, ValueError):
        return 1


def _forget_guesses(creator_id: UUID) -> None:
    try:
        cache.delete(f"mail-guesses:{creator_id}")
    except RedisError:
        return
