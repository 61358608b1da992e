"""The rows that name the keys which something here is sealed to. The keys themselves are settings."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone


class SealingKey(models.Model):
    """A key that rows may need. Retired once nothing needs it, or once it was given up as lost."""

    kind = models.CharField(max_length=10)  # instance: opens deposits; field: what lies at rest
    fingerprint = models.CharField(max_length=16)  # hex; of the public half, or keyed by the secret
    first_used_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True, blank=True)
    is_lost = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "fingerprint"], name="sealing_key_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} key {self.fingerprint}"
