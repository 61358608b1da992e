"""What a paid file was and will be sold as. A file that never changed has no row here.

A row is one content under one link: a new content is a new ``number``, a new link the same number
under the next ``link_generation``. ``generation`` is that of S, of no two rows of a file the same:
who holds the S of one opens no other.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Version(models.Model):
    """One edition of a paid file. Without ``published_at`` it is a replacement that is on its way.

    The one on sale has a row as well as its columns in the file; both say the same.
    """

    paid_file = models.ForeignKey(
        "unlock.PaidFile", on_delete=models.PROTECT, related_name="versions"
    )
    container = models.ForeignKey(
        "unlock.Container", on_delete=models.PROTECT, related_name="versions"
    )
    number = models.PositiveIntegerField()  # 1 first
    link_generation = models.PositiveIntegerField(default=0)  # of L
    generation = models.PositiveIntegerField()  # of S
    wrapped_key = models.BinaryField(max_length=60)  # W, public
    h_s = models.CharField(max_length=64)  # hex SHA-256(S), public
    s_sealed = models.BinaryField(max_length=200)  # HPKE to the instance
    meta_link = models.BinaryField(max_length=70_000, blank=True, default=b"")  # instead of TLV 3
    is_for_earlier = models.BooleanField(default=False)  # who bought before gets it, too
    note = models.CharField(max_length=1000, blank=True)  # to buyers: what is new
    is_main = models.BooleanField(default=True)  # else only under an older link, for who has that
    published_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["paid_file", "generation"], name="version_generation_once"
            ),
            models.UniqueConstraint(
                fields=["paid_file", "number", "link_generation"], name="version_number_once"
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="version_from_one"),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of {self.paid_file_id}"


class Erasure(models.Model):
    """A removed file that nobody can fetch any more, by its creator's choice."""

    paid_file = models.OneToOneField(
        "unlock.PaidFile", on_delete=models.PROTECT, related_name="erasure"
    )
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"erasure of {self.paid_file_id}"
