"""The rows of the API for programs: a creator's tokens, and answers kept to be given once more."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone


class ApiToken(models.Model):
    """What lets a program act for a creator. The token itself is told once; its hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    creator = models.ForeignKey("unlock.Creator", on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=60)
    token_hash = models.CharField(max_length=64, unique=True)  # hex SHA-256
    scopes = models.JSONField(default=list)  # of unlock.scopes.Scope
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)  # to within an hour
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["creator", "-created_at"])]

    def __str__(self) -> str:
        return self.name


class KeptAnswer(models.Model):
    """The answer to one POST with an Idempotency-Key. Without a status it is still being made."""

    creator = models.ForeignKey(
        "unlock.Creator", on_delete=models.PROTECT, related_name="kept_answers"
    )
    key_hash = models.CharField(max_length=64)  # hex SHA-256 of the key
    request_hash = models.CharField(max_length=64)  # hex HMAC-SHA-256 of route and body
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    # JSON under KIM_FIELD_KEY, bound to creator and key; secrets that are told once are not in it
    sealed_body = models.BinaryField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["creator", "key_hash"], name="kept_answer_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"])]

    def __str__(self) -> str:
        return f"answer kept for {self.creator_id}"
