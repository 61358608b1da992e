"""The rows of what may be seen before paying: samples, the audit at publish, a cover; and of what
went wrong after paying.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone


class Samples(models.Model):
    """Segment keys that the creator shows: of the very ciphertext on sale, checked before shown."""

    paid_file = models.OneToOneField(
        "unlock.PaidFile", on_delete=models.PROTECT, related_name="samples"
    )
    content_id = models.CharField(max_length=64)  # what they belong to
    kind = models.CharField(
        max_length=20
    )  # how the page shows them: video, audio, image, text, pdf
    entries = models.BinaryField()  # u64 segment || DEK 32, ascending; public
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "samples"

    def __str__(self) -> str:
        return f"{self.kind} of {self.paid_file_id}"


class Audit(models.Model):
    """Segments drawn by the server after the content was fixed, and the keys shown for them."""

    container = models.OneToOneField(
        "unlock.Container", on_delete=models.PROTECT, related_name="audit"
    )
    nonce = models.BinaryField(max_length=32)
    entries = models.BinaryField(blank=True, default=b"")  # u64 segment || DEK 32, as drawn; public
    passed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"audit of {self.container_id}"


class Cover(models.Model):
    """A public picture of a paid file, made and approved in its creator's browser."""

    paid_file = models.OneToOneField(
        "unlock.PaidFile", on_delete=models.PROTECT, related_name="cover"
    )
    media_type = models.CharField(max_length=40)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    picture = models.BinaryField(max_length=262_144)
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"cover of {self.paid_file_id}"


class Failure(models.Model):
    """A paid file that could not be opened: the failing step, told by the buyer's page."""

    purchase = models.ForeignKey(
        "unlock.Purchase", on_delete=models.PROTECT, related_name="failures"
    )
    step = models.CharField(max_length=40)
    code = models.CharField(max_length=60)
    segment = models.BigIntegerField(null=True, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["purchase", "step", "code"], name="failure_of_step_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step} of {self.purchase_id}"
