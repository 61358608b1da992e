"""What the worker runs. ``kim.celery`` finds the tasks here; names are stable, arguments are ids."""

from unlock.tasks import copies, keys, marks, outbox, payouts, removals, uploads

__all__ = ["copies", "keys", "marks", "outbox", "payouts", "removals", "uploads"]
