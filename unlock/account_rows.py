"""The rows of a creator's account beyond the password: the root that it keeps wrapped, the second
factor, the sessions that are open, and a change of payout that waits.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Vault(models.Model):
    """A creator's root R as their browser sealed it, and what proves the recovery words.

    The key that opens it comes from the password, in the browser; the server can read neither.
    """

    creator = models.OneToOneField("unlock.Creator", on_delete=models.PROTECT, related_name="vault")
    # nonce 12 || AES-256-GCM under KIM_FIELD_KEY of (nonce 12 || AES-256-GCM(R) 48), tag 16
    sealed_root = models.BinaryField(max_length=100)
    recovery_hash = models.CharField(max_length=64)  # hex SHA-256 of a secret that only R gives
    saved_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"vault of {self.creator_id}"


class SecondFactor(models.Model):
    """A creator's one-time codes (RFC 6238). It counts from ``confirmed_at`` on."""

    creator = models.OneToOneField(
        "unlock.Creator", on_delete=models.PROTECT, related_name="second_factor"
    )
    sealed_seed = models.BinaryField(max_length=100)  # AES-GCM under KIM_FIELD_KEY
    last_step = models.BigIntegerField(default=0)  # of the last code taken: none counts twice
    spare_hashes = models.JSONField(default=list, blank=True)  # hex SHA-256 of unused spare codes
    confirmed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"second factor of {self.creator_id}"


class SessionNote(models.Model):
    """One browser that is signed in, as its creator may know it again. Named by a hash."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    creator = models.ForeignKey("unlock.Creator", on_delete=models.PROTECT, related_name="sessions")
    key_hash = models.CharField(max_length=64, unique=True)  # hex SHA-256 of the session's key
    browser = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["creator", "-seen_at"])]

    def __str__(self) -> str:
        return f"session of {self.creator_id}"


class PayoutChange(models.Model):
    """A new payout that a creator asked for, and that takes effect a day later unless stopped."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    creator = models.ForeignKey(
        "unlock.Creator", on_delete=models.PROTECT, related_name="payout_changes"
    )
    # An address or xpub, base64url of AES-GCM under KIM_FIELD_KEY; empty once it waits no more
    value = models.CharField(max_length=1000, blank=True)
    asked_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["creator"],
                condition=Q(applied_at__isnull=True, stopped_at__isnull=True),
                name="payout_change_waits_once",
            ),
        ]

    def __str__(self) -> str:
        return f"payout change of {self.creator_id}"


class ClosedAccount(models.Model):
    """An account that its creator closed: nobody logs in; what was sold from it stays sold."""

    creator = models.OneToOneField(
        "unlock.Creator", on_delete=models.PROTECT, related_name="closed"
    )
    closed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"closed account of {self.creator_id}"
