"""The Celery app: ``celery -A kim.celery worker``. Settings in ``kim.settings``, names ``CELERY_*``."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, signals
from kombu.transport import TRANSPORT_ALIASES

# By the scheme, so that rediss:// keeps its TLS; kim/broker.py says what is mended.
TRANSPORT_ALIASES.update(redis="kim.broker:Transport", rediss="kim.broker:Transport")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kim.settings")

app = Celery("kim")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.celeryd_after_setup.connect
def refuse_a_wrong_key(instance: Any = None, **rest: Any) -> None:
    """A worker that could not open what was deposited must not start: later is too late.

    The queue of the releases is ``keys``; a worker of other queues holds no private key.
    """
    del rest
    from django.conf import settings

    from payments.errors import ServiceError
    from unlock import keys

    if "keys" not in instance.app.amqp.queues.consume_from:
        return
    try:
        keys.check_instance_keys(settings.KIM_INSTANCE_PUBLIC_KEY, settings.KIM_INSTANCE_KEYS)
    except ServiceError as error:
        raise SystemExit(f"this worker could release nothing: {error.message}") from error


@signals.celeryd_after_setup.connect
def refuse_a_lost_field_key(**rest: Any) -> None:
    """Of any queue. A database that does not answer yet is no reason: the tasks will wait for it."""
    del rest
    from django.db import DatabaseError

    from kim import keyring

    try:
        lost = keyring.lost_field_key()
        if not lost:
            keyring.note_field_key()
    except DatabaseError:
        return
    if lost:
        raise SystemExit(f"this worker could read nothing: {lost}")


@signals.celeryd_after_setup.connect
def heed_marks(instance: Any = None, **rest: Any) -> None:
    """Before the first task: a database that was restored from a backup must not hand out again
    what it handed out before.
    """
    del rest
    from unlock.tasks import marks

    if "quick" in instance.app.amqp.queues.consume_from:
        marks.keep_if_reachable()
