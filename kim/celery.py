"""The Celery app: ``celery -A kim.celery worker``. Settings in ``kim.settings``, names ``CELERY_*``."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kim.settings")

app = Celery("kim")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.celeryd_after_setup.connect  # type: ignore[untyped-decorator]
def refuse_a_wrong_key(instance: Any = None, **rest: Any) -> None:
    """A worker that could not open what was deposited must not start: later is too late.

    The queue of the releases is ``quick``; a worker of other queues holds no private key.
    """
    del rest
    from django.conf import settings

    from kim import checks

    if "quick" not in instance.app.amqp.queues.consume_from:
        return
    wrong = [str(message.msg) for message in checks.instance_keys(None)]
    if not settings.KIM_INSTANCE_KEYS:
        wrong.append("KIM_INSTANCE_KEYS is not set: this worker could release nothing.")
    if wrong:
        raise SystemExit("; ".join(wrong))
