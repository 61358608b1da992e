"""How a paid file is sold beyond one price for everybody, and the codes that make it cheaper.

A file without a row here has one fixed price, sold at any time to as many as come.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from unlock.states import PriceKind


class Pricing(models.Model):
    """The terms of one file. Its price, or the least of it, stands in the file's own row."""

    paid_file = models.OneToOneField(
        "unlock.PaidFile", on_delete=models.CASCADE, related_name="pricing"
    )
    kind = models.CharField(
        max_length=10,
        choices=[(kind.value, kind.value) for kind in PriceKind],
        default=PriceKind.FIXED,
    )
    suggested_amount = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    suggested_currency = models.CharField(max_length=5, blank=True)
    free_first = models.PositiveIntegerField(default=0)  # the first so many pay nothing
    stock = models.PositiveIntegerField(null=True, blank=True)  # sold at most so often
    shows_stock = models.BooleanField(default=False)  # buyers see how many are left
    is_strict = models.BooleanField(default=False)  # paid too late, money goes back
    sells_from = models.DateTimeField(null=True, blank=True)
    sells_until = models.DateTimeField(null=True, blank=True)
    takes_tips = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "pricing"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in PriceKind]), name="price_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(sells_from__isnull=True)
                | Q(sells_until__isnull=True)
                | Q(sells_from__lt=F("sells_until")),
                name="sells_from_before_until",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} price of {self.paid_file_id}"


class DiscountCode(models.Model):
    """A code that stands in a link and takes something off. Found by its hash.

    Kept sealed as well, for its creator to copy the link again; a thief of the database gets no
    gifts.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    paid_file = models.ForeignKey(
        "unlock.PaidFile", on_delete=models.CASCADE, related_name="discount_codes"
    )
    code_hash = models.CharField(max_length=64, unique=True)  # hex SHA-256
    sealed_code = models.BinaryField(max_length=100)  # AES-GCM under KIM_FIELD_KEY
    note = models.CharField(max_length=100, blank=True)
    is_gift = models.BooleanField(default=False)  # the whole price, once
    percent = models.PositiveSmallIntegerField(null=True, blank=True)
    amount_off = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    currency = models.CharField(max_length=5, blank=True)  # of ``amount_off``
    quantity = models.PositiveIntegerField(null=True, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)  # by its creator
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["paid_file", "-created_at"])]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(percent__isnull=False, amount_off__isnull=True)
                | Q(percent__isnull=True, amount_off__gt=0),
                name="code_percent_or_amount",
            ),
            models.CheckConstraint(
                condition=Q(percent__isnull=True) | Q(percent__gte=1, percent__lte=100),
                name="code_percent_sensible",
            ),
        ]

    def __str__(self) -> str:
        return self.note or str(self.id)
