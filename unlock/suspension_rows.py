"""The row of a suspended account."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from unlock.states import Ground

_GROUNDS = [(member.value, member.value) for member in Ground]


class Suspension(models.Model):
    """A creator shut out, with its statement of reasons and their one appeal. ``reason`` is theirs to
    read; "" where it happened before they were told any.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    creator = models.ForeignKey(
        "unlock.Creator", on_delete=models.PROTECT, related_name="suspensions"
    )
    report = models.ForeignKey(
        "unlock.Report", on_delete=models.PROTECT, null=True, blank=True, related_name="suspensions"
    )
    ground = models.CharField(max_length=10, choices=_GROUNDS, default=Ground.TERMS)
    reason = models.CharField(max_length=300, blank=True)
    decided_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    lifted_at = models.DateTimeField(null=True, blank=True)
    appeal = models.TextField(max_length=2000, blank=True)
    appealed_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=1000, blank=True)  # to the appeal
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["creator"], condition=Q(lifted_at=None), name="suspension_in_force_once"
            ),
            models.CheckConstraint(
                condition=Q(ground__in=[each.value for each in Ground]),
                name="suspension_ground_known",
            ),
        ]

    def __str__(self) -> str:
        return f"suspension of {self.creator}"
