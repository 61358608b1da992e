"""The composition root as an app: registers the checks that run before anything serves."""

from __future__ import annotations

from django.apps import AppConfig


class KimConfig(AppConfig):
    name = "kim"
    verbose_name = "kim"

    def ready(self) -> None:
        from kim import checks  # noqa: F401  (registers itself)
