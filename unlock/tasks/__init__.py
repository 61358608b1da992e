"""What the worker runs. ``kim.celery`` finds the tasks here; names are stable, arguments are ids."""

from unlock.tasks import keys, marks, outbox, removals, uploads

__all__ = ["keys", "marks", "outbox", "removals", "uploads"]
