"""What became of a report, by e-mail to whoever left an address for it."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db.models import F
from django.utils import translation

from unlock import instances, mail
from unlock.creator_errors import MailFailed
from unlock.models import Report
from unlock.speech import say
from unlock.states import ReportKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

log = logging.getLogger(__name__)

LEASE: Final = timedelta(minutes=2)
TRIES: Final = 8
_LATER: Final = timedelta(hours=1)


def send_due(*, clock: Callable[[], datetime], limit: int = 50) -> int:
    """Send what is due; how many went out. Of two workers one gets each."""
    if not settings.HAS_MAIL:
        return 0
    now = clock()
    due = Report.objects.filter(mail_due_at__lte=now).order_by("mail_due_at")
    return sum(_send(row, now=clock()) for row in due[:limit])


def _send(row: Report, *, now: datetime) -> bool:
    mine = Report.objects.filter(pk=row.pk, mail_due_at=row.mail_due_at)
    if not mine.update(mail_due_at=now + LEASE, mail_attempts=F("mail_attempts") + 1):
        return False
    try:
        with translation.override(row.language):
            subject, text = say("{site}: your report", site=instances.said().name), _text(row)
        mail.send(row.email, subject=subject, text=text)
    except MailFailed as error:
        log.warning("the outcome of report %s waits: %s", row.pk, error.message)
        later = now + _LATER if row.mail_attempts + 1 < TRIES else None
        Report.objects.filter(pk=row.pk).update(mail_due_at=later)
        return False
    # A rights holder's notice names who gave it; any other address has done its work.
    kept = row.email if row.kind == ReportKind.RIGHTS else ""
    Report.objects.filter(pk=row.pk).update(mail_due_at=None, email=kept)
    return True


def _text(row: Report) -> str:
    return "\n".join(
        [
            say("What you reported was looked at by a person, and decided."),
            "",
            row.statement,
            "",
            say("Your report: {url}", url=f"{settings.KIM_PUBLIC_URL}/reports/{row.reference}"),
            "",
        ]
    )
