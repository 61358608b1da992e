"""The one row about the instance itself (its name, who runs it, what they have to tell), and its days."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Instance(models.Model):
    """Made when an empty instance starts, and filled by its operator's set-up. There is one at most.

    While ``done_at`` is empty the set-up waits for the code whose hash is here.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(max_length=60, blank=True)  # empty: KIM_INSTANCE_NAME
    contact = models.CharField(max_length=200, blank=True)
    imprint = models.TextField(max_length=20_000, blank=True)
    terms = models.TextField(max_length=20_000, blank=True)
    # On top of every page, until it is emptied again.
    banner = models.CharField(max_length=300, blank=True, default="", db_default="")
    code_hash = models.CharField(max_length=64, blank=True)  # hex SHA-256, while the set-up waits
    done_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "instance"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(id=1), name="instance_is_one"),
        ]

    def __str__(self) -> str:
        return self.name or "this instance"


class EgressDay(models.Model):
    """Bytes that were signed on one day: ``shown`` to whoever looks, ``sold`` to buyers."""

    paid_file = models.ForeignKey("unlock.PaidFile", on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    shown_bytes = models.BigIntegerField(default=0)
    sold_bytes = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            # The day first: lists and the day's sum ask for it.
            models.UniqueConstraint(fields=["day", "paid_file"], name="egressday_once"),
        ]

    def __str__(self) -> str:
        return f"{self.day}"
