"""The Celery app: ``celery -A kim.celery worker``. Settings in ``kim.settings``, names ``CELERY_*``."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kim.settings")

app = Celery("kim")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
