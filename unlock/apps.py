"""unlock: files, keys and people."""

from __future__ import annotations

from django.apps import AppConfig


class UnlockConfig(AppConfig):
    name = "unlock"
    default_auto_field = "django.db.models.BigAutoField"
