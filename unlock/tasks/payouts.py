"""Changes of payout that waited long enough: every few seconds, and twice at once without harm."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from unlock import payout_changes
from unlock.tasks import marks


@shared_task(
    name="unlock.change_payouts", acks_late=True, ignore_result=True, soft_time_limit=60,
    time_limit=90,
)  # fmt: skip
def change_payouts() -> None:
    """Apply what is due, and have the new payouts' marks kept."""
    if payout_changes.apply_due(now=timezone.now()):
        marks.ask_marks()
