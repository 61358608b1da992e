"""The row of a staff login's second step."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class StaffFactor(models.Model):
    """A staff member's one-time codes (RFC 6238). It counts from ``confirmed_at`` on."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="staff_factor"
    )
    sealed_seed = models.BinaryField(max_length=100)  # AES-GCM under KIM_FIELD_KEY
    last_step = models.BigIntegerField(default=0)  # of the last code taken: none counts twice
    spare_hashes = models.JSONField(default=list, blank=True)  # hex SHA-256 of unused spare codes
    confirmed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"second step of {self.user}"
