"""Rows of moderation: reports, what was decided, what is blocked, who let whom in, and the audit log.

The audit log is written once: the model refuses to change or delete an entry, and so does the
database (a trigger of migration 0017), whoever asks.
"""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Any, ClassVar, NoReturn

from django.db import models
from django.db.models import Q
from django.utils import timezone

from unlock.states import BlockKind, Ground, MeasureKind, ReportKind, ReportState


def _known(field: str, enum: type[StrEnum]) -> Q:
    return Q(**{f"{field}__in": [member.value for member in enum]})


def _choices(enum: type[StrEnum]) -> list[tuple[str, str]]:
    return [(member.value, member.value) for member in enum]


class Report(models.Model):
    """Somebody says that a file should not be sold. ``reference`` opens its outcome page.

    A proof is one segment: ``proof`` is its row of the index (64 bytes) and its Merkle path;
    ``sealed_key`` the key of that segment alone, sealed at rest.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(max_length=40, unique=True)
    paid_file = models.ForeignKey(
        "unlock.PaidFile", on_delete=models.PROTECT, related_name="reports"
    )
    kind = models.CharField(max_length=10, choices=_choices(ReportKind))
    state = models.CharField(max_length=10, choices=_choices(ReportState), default=ReportState.OPEN)
    text = models.TextField(max_length=4000, blank=True)
    name = models.CharField(max_length=200, blank=True)  # of whoever gives a rights-holder's notice
    work = models.CharField(max_length=1000, blank=True)  # in which they hold rights
    is_good_faith = models.BooleanField(default=False)
    email = models.EmailField(blank=True)  # of the outcome; nobody but staff sees it
    language = models.CharField(max_length=8, default="en", db_default="en")  # of that e-mail
    content_id = models.CharField(max_length=64, blank=True)  # hex, of what was reported
    segment = models.BigIntegerField(null=True, blank=True)
    proof = models.BinaryField(max_length=2200, blank=True, default=b"")
    sealed_key = models.BinaryField(max_length=60, blank=True, default=b"")
    statement = models.CharField(max_length=1000, blank=True)  # of reasons, for the reporter
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=150, blank=True)
    mail_due_at = models.DateTimeField(null=True, blank=True)
    mail_attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["state", "created_at"]),
            models.Index(fields=["mail_due_at"]),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=_known("kind", ReportKind), name="report_kind_known"),
            models.CheckConstraint(
                condition=_known("state", ReportState), name="report_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.paid_file_id}"


class Measure(models.Model):
    """A decision against a file, with its statement of reasons and its creator's appeal."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    paid_file = models.ForeignKey(
        "unlock.PaidFile", on_delete=models.PROTECT, related_name="measures"
    )
    report = models.ForeignKey(
        Report, on_delete=models.PROTECT, null=True, blank=True, related_name="measures"
    )
    kind = models.CharField(max_length=10, choices=_choices(MeasureKind))
    ground = models.CharField(max_length=10, choices=_choices(Ground), default=Ground.TERMS)
    reason = models.CharField(max_length=300)  # public
    is_strike = models.BooleanField(default=True)
    decided_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now)
    deletes_at = models.DateTimeField(null=True, blank=True)  # the copies; restored until then
    deleted_at = models.DateTimeField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    appeal = models.TextField(max_length=4000, blank=True)
    appealed_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=1000, blank=True)  # to the appeal
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.CharField(max_length=150, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["deletes_at"])]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["paid_file", "kind"],
                condition=Q(lifted_at=None),
                name="measure_in_force_once",
            ),
            models.CheckConstraint(
                condition=_known("kind", MeasureKind), name="measure_kind_known"
            ),
            models.CheckConstraint(condition=_known("ground", Ground), name="ground_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.paid_file_id}"


class Block(models.Model):
    """What nobody may publish any more: a ``content_id``, or a payout of a creator's."""

    kind = models.CharField(max_length=10, choices=_choices(BlockKind))
    value = models.CharField(max_length=200)
    reason = models.CharField(max_length=300)
    decided_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now)
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "value"], condition=Q(lifted_at=None), name="block_in_force_once"
            ),
            models.CheckConstraint(condition=_known("kind", BlockKind), name="block_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value[:16]}"


class Quota(models.Model):
    """What one creator may store, where it is not what the settings say. None: as the settings say."""

    creator = models.OneToOneField("unlock.Creator", on_delete=models.PROTECT, related_name="quota")
    max_bytes = models.BigIntegerField(null=True, blank=True)
    max_files = models.PositiveIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return f"quota of {self.creator_id}"


class InvitationUse(models.Model):
    """Who came by which invitation."""

    invitation = models.ForeignKey(
        "unlock.Invitation", on_delete=models.PROTECT, related_name="uses"
    )
    creator = models.OneToOneField(
        "unlock.Creator", on_delete=models.PROTECT, related_name="invited_by"
    )
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.creator_id} by {self.invitation_id}"


class AppendOnlyError(TypeError):
    """Somebody's code tried to change what is written once."""


class _Entries(models.QuerySet["AuditEntry"]):
    def update(self, **_changes: Any) -> NoReturn:
        raise AppendOnlyError("The audit log is written once.")

    def delete(self) -> NoReturn:
        raise AppendOnlyError("The audit log is written once.")


class AuditEntry(models.Model):
    """One act of staff. Names and ids are copied: an entry outlives whatever it tells of."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    who = models.CharField(max_length=150)  # a staff name; "system" for a task
    action = models.CharField(max_length=40)
    subject = models.CharField(max_length=40)  # what kind of row
    subject_id = models.CharField(max_length=64, db_index=True)
    title = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=1000, blank=True)

    objects = _Entries.as_manager()

    class Meta:
        verbose_name_plural = "audit log"

    def __str__(self) -> str:
        return (
            f"{self.at:%Y-%m-%d %H:%M} {self.who}: {self.action} {self.subject} {self.subject_id}"
        )

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError("The audit log is written once.")
        super().save(*args, **options)

    def delete(self, *_args: Any, **_options: Any) -> NoReturn:
        raise AppendOnlyError("The audit log is written once.")
