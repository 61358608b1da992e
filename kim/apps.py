"""The composition root as an app: registers the checks that run before anything serves."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class KimConfig(AppConfig):
    name = "kim"
    verbose_name = "kim"

    def ready(self) -> None:
        # They register themselves: checks with Django, the app as the one that tasks are sent by.
        from kim import celery, checks, deploy_checks  # noqa: F401


class StaffConfig(AdminConfig):
    """Django's admin, entered in two steps."""

    default_site = "kim.staff_site.StaffSite"
