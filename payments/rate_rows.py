"""The rows of exchange rates: what sources said, what is in force, what a creator set by hand."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class RateSample(models.Model):
    """What one source said last about one currency, believed or not."""

    source = models.CharField(max_length=20)
    currency = models.CharField(max_length=5)
    rate = models.DecimalField(max_digits=24, decimal_places=8, null=True)
    at = models.DateTimeField()
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "currency"], name="rate_sample_once"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.currency}"


class Rate(models.Model):
    """The rate in force: the price of 1 BCH, median of its sources."""

    currency = models.CharField(max_length=5, primary_key=True)
    rate = models.DecimalField(max_digits=24, decimal_places=8)
    sources = models.JSONField(default=list)
    via = models.CharField(max_length=5, blank=True)  # the currency a cross rate went through
    evidence = models.JSONField(default=list)  # [{"source", "rate", "at", "via"}, …] as strings
    label = models.CharField(max_length=40, blank=True)  # "development source" on regtest
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(rate__gt=0), name="rate_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.rate}"


class ManualRate(models.Model):
    """A creator's own price of 1 BCH, used only while nobody else's is valid."""

    owner = models.UUIDField(db_index=True)  # opaque to payments
    currency = models.CharField(max_length=5)
    rate = models.DecimalField(max_digits=24, decimal_places=8)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "currency"], name="manual_rate_once"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="manual_rate_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.owner} {self.currency} {self.rate}"
