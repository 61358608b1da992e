"""The composition root as an app: registers the checks that run before anything serves."""

from __future__ import annotations

from django.apps import AppConfig


class KimConfig(AppConfig):
    name = "kim"
    verbose_name = "kim"

    def ready(self) -> None:
        # Both register themselves: checks with Django, the app as the one that tasks are sent by.
        from kim import celery, checks  # noqa: F401
