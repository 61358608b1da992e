"""Messages to creators: webhooks, e-mails, and what the instance's health means to them.

In a process of their own, and twice at once without harm.
"""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from unlock import account_sessions, deliveries, episodes, mail, outcomes, prunings, replays


@shared_task(
    name="unlock.deliver", acks_late=True, ignore_result=True, soft_time_limit=90, time_limit=120
)
def deliver() -> None:
    """Send what is due, for up to a minute."""
    deliveries.send_due(clock=timezone.now)


@shared_task(
    name="unlock.mail_notices",
    acks_late=True,
    ignore_result=True,
    soft_time_limit=90,
    time_limit=120,
)
def mail_notices() -> None:
    """One e-mail per creator with what is new, and what became of reports."""
    mail.send_due(clock=timezone.now)
    outcomes.send_due(clock=timezone.now)


@shared_task(
    name="unlock.tell_health", acks_late=True, ignore_result=True, soft_time_limit=50, time_limit=60
)
def tell_health() -> None:
    """Quotes that ran out half paid, and the troubles of the instance."""
    now = timezone.now()
    episodes.tell_lapsed(now=now)
    episodes.tell_health(now=now)


@shared_task(
    name="unlock.prune_messages",
    acks_late=True,
    ignore_result=True,
    soft_time_limit=1500,
    time_limit=1600,
)
def prune_messages() -> None:
    """Forget what creators were told long ago, and sessions long over."""
    prunings.prune(now=timezone.now())
    account_sessions.prune(now=timezone.now())
    replays.prune(now=timezone.now())
