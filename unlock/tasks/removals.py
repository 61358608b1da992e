"""Orders of removed files, called off: every half minute, and twice at once without harm."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from unlock import withdrawals


@shared_task(
    name="unlock.withdraw_removed", acks_late=True, ignore_result=True, soft_time_limit=100,
    time_limit=120,
)  # fmt: skip
def withdraw_removed() -> None:
    """What the request that removed a file left over."""
    withdrawals.finish(now=timezone.now())
