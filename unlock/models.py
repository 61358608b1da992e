"""The rows of unlock: creators, containers and copies, files, purchases, releases. Facts and
constraints only; verbs live in modules of the nouns. Money is in ``payments``.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from unlock.account_rows import ClosedAccount, PayoutChange, SecondFactor, SessionNote, Vault
from unlock.api_rows import ApiToken, KeptAnswer
from unlock.instance_rows import EgressDay, Instance
from unlock.key_rows import SealingKey
from unlock.library_rows import GivenAgain
from unlock.moderation_rows import AuditEntry, Block, InvitationUse, Measure, Quota, Report
from unlock.pricing_rows import DiscountCode, Pricing
from unlock.showing_rows import Audit, Cover, Failure, Samples
from unlock.staff_rows import StaffFactor
from unlock.states import DeliveryState, FileState, GrantKind, NoticeKind, UploadState
from unlock.storefront_rows import Profile, Showcase
from unlock.suspension_rows import Suspension
from unlock.version_rows import Erasure, Version

if TYPE_CHECKING:
    from enum import StrEnum

__all__ = [
    "ApiToken", "Audit", "AuditEntry", "Block", "ClosedAccount", "Container", "Copy", "Cover", "Creator", "Cursor",
    "Delivery", "DiscountCode", "EgressDay", "Erasure", "Failure", "GivenAgain", "Grant", "Instance", "Invitation",
    "InvitationUse", "KeptAnswer", "KeyRelease", "Measure", "Notice", "PaidFile", "PayoutChange", "Pricing",
    "Profile", "Purchase", "Quota", "Report", "Samples", "SealingKey", "SecondFactor", "SessionNote", "Showcase",
    "StaffFactor", "Suspension", "Upload", "Vault", "Version", "Webhook",
]  # fmt: skip


def choices(enum: type[StrEnum]) -> list[tuple[str, str]]:
    """Django's ``choices`` of a StrEnum: value and label are the same plain word."""
    return [(member.value, member.value) for member in enum]


def known(field: str, enum: type[StrEnum]) -> Q:
    """The database's half of ``choices``: ``field`` holds a member of ``enum``."""
    return Q(**{f"{field}__in": [member.value for member in enum]})


class Creator(models.Model):
    """A signed-in person who sells files. Never staff: the two logins share nothing."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="creator"
    )
    salt = models.BinaryField(max_length=16)  # of the Argon2id the browser runs before it logs in
    suspended_at = models.DateTimeField(null=True, blank=True)
    email = models.EmailField(blank=True)  # of the notices; never shown to anybody else
    email_confirmed_at = models.DateTimeField(null=True, blank=True)
    email_code_hash = models.CharField(max_length=64, blank=True)  # hex SHA-256, while it waits
    email_asked_at = models.DateTimeField(null=True, blank=True)
    muted = models.JSONField(default=list, blank=True)  # kinds of notices that are switched off
    language = models.CharField(max_length=8, default="en", db_default="en")  # of their e-mails
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.user.get_username()


class Invitation(models.Model):
    """A ticket to sign up while sign-up is by invitation. Only the hash of its code is kept.

    ``used_by`` is the first; every use has an ``InvitationUse``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code_hash = models.CharField(max_length=64, unique=True)  # hex SHA-256
    note = models.CharField(max_length=200, blank=True)
    most = models.PositiveIntegerField(  # people whom it lets in
        default=1, db_default=1, validators=[MinValueValidator(1)]
    )
    used_by = models.OneToOneField(
        Creator, on_delete=models.PROTECT, null=True, blank=True, related_name="invitation"
    )
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.note or str(self.id)


class Container(models.Model):
    """The ciphertext as stored: one core header, one index root, one ``content_id``."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    creator = models.ForeignKey(Creator, on_delete=models.PROTECT, related_name="containers")
    core_header = models.BinaryField(max_length=128)
    file_id = models.BinaryField(max_length=16)
    size_bytes = models.BigIntegerField()
    payload_bytes = models.BigIntegerField()
    segments = models.BigIntegerField()
    content_id = models.CharField(max_length=64, blank=True, db_index=True)  # hex, once known
    verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(verified_at__isnull=True) | ~Q(content_id=""),
                name="container_verified_has_content_id",
            ),
            models.UniqueConstraint(fields=["creator", "file_id"], name="container_file_id_once"),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.size_bytes} bytes)"


class Copy(models.Model):
    """One place where a container lies. Only a verified copy is ever served."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    container = models.ForeignKey(Container, on_delete=models.PROTECT, related_name="copies")
    store = models.CharField(max_length=40)  # a name from the settings
    object_key = models.CharField(max_length=200)
    size_bytes = models.BigIntegerField()
    etag = models.CharField(max_length=200, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    damaged_at = models.DateTimeField(null=True, blank=True)
    url = models.CharField(max_length=500, blank=True)  # a creator's own host; else it is a store's
    checked_at = models.DateTimeField(null=True, blank=True)  # last re-hash of every byte
    wanted_at = models.DateTimeField(null=True, blank=True)  # a task is to make or mend it
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "copies"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["store", "object_key"], name="copy_place_once"),
        ]

    def __str__(self) -> str:
        return f"{self.store}:{self.object_key}"


class Upload(models.Model):
    """One multipart transfer of a container into a store."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    creator = models.ForeignKey(Creator, on_delete=models.PROTECT, related_name="uploads")
    container = models.OneToOneField(Container, on_delete=models.PROTECT, related_name="upload")
    copy = models.OneToOneField(Copy, on_delete=models.PROTECT, related_name="upload")
    multipart_id = models.CharField(max_length=1024)  # some stores' ids are long
    part_bytes = models.BigIntegerField()
    part_count = models.IntegerField()
    state = models.CharField(max_length=12, choices=choices(UploadState), default=UploadState.OPEN)
    claimed_content_id = models.CharField(max_length=64, blank=True)
    verified_bytes = models.BigIntegerField(default=0)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    touched_at = models.DateTimeField(default=timezone.now)  # last sign of life; the sweep reads it
    leased_until = models.DateTimeField(null=True, blank=True)  # one worker at a time checks it

    class Meta:
        indexes: ClassVar = [models.Index(fields=["state", "touched_at"])]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=known("state", UploadState), name="upload_state_known"
            ),
            models.CheckConstraint(condition=Q(part_count__gte=1), name="upload_has_parts"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"


class PaidFile(models.Model):
    """One thing for sale: a page, a price, and one sealed container."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    creator = models.ForeignKey(Creator, on_delete=models.PROTECT, related_name="files")
    container = models.OneToOneField(
        Container, on_delete=models.PROTECT, related_name="paid_file", null=True, blank=True
    )
    state = models.CharField(max_length=10, choices=choices(FileState), default=FileState.DRAFT)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True, max_length=20_000)
    price_amount = models.DecimalField(max_digits=20, decimal_places=8)
    price_currency = models.CharField(max_length=5)
    confirmations = models.PositiveSmallIntegerField(default=1)
    stream_only = models.BooleanField(default=False)  # the page offers to play it, not to save it
    is_instant = models.BooleanField(default=False)  # sold before a block, below the ceilings
    generation = models.PositiveIntegerField(default=0)  # of S and L; rotated when a link leaked
    wrapped_key = models.BinaryField(max_length=60, blank=True, default=b"")  # W, public
    h_s = models.CharField(max_length=64, blank=True)  # hex SHA-256(S), public
    s_sealed = models.BinaryField(max_length=200, blank=True, default=b"")  # HPKE to the instance
    removed_reason = models.CharField(max_length=300, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["creator", "-created_at"])]
        constraints: ClassVar = [
            models.CheckConstraint(condition=known("state", FileState), name="file_state_known"),
            models.CheckConstraint(condition=Q(price_amount__gte=0), name="price_not_negative"),
            models.CheckConstraint(
                condition=~Q(state=FileState.PUBLISHED)
                | (Q(container__isnull=False) & ~Q(h_s="") & Q(published_at__isnull=False)),
                name="published_is_complete",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Purchase(models.Model):
    """One buyer's order of one paid file, proved by its claim secret (only the hash is kept)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    paid_file = models.ForeignKey(PaidFile, on_delete=models.PROTECT, related_name="purchases")
    claim_hash = models.BinaryField(max_length=32, unique=True)
    buyer_key = models.BinaryField(max_length=65)  # P-256 point; fixed when the purchase is made
    content_id = models.CharField(max_length=64)  # what was sold, whatever the file becomes
    generation = models.PositiveIntegerField(default=0)  # of the link it was bought with
    invoice_id = models.UUIDField(null=True, blank=True, unique=True)
    is_proof = models.BooleanField(default=False)  # the creator's own, at the floor: no sale
    discount = models.ForeignKey(
        DiscountCode, on_delete=models.PROTECT, null=True, blank=True, related_name="purchases"
    )
    tip_amount = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    note = models.BinaryField(max_length=44, blank=True, default=b"")  # L, under the buyer's seed
    reference = models.CharField(max_length=200, blank=True)  # the seller's own word for it
    return_url = models.CharField(max_length=500, blank=True)
    locations_signed = models.PositiveIntegerField(default=0)  # whole-object URLs handed out
    restored_at = models.DateTimeField(null=True, blank=True)  # from the buyer's order ticket
    release_due_at = models.DateTimeField(null=True, blank=True)  # the worker owes a key; try then
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["paid_file", "-created_at"]),
            models.Index(fields=["created_at"], name="purchase_created"),  # the admin's list
            models.Index(fields=["content_id"], name="purchase_of_content"),
            models.Index(
                fields=["release_due_at"],
                condition=Q(release_due_at__isnull=False),
                name="purchase_release_due",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Grant(models.Model):
    """The other way to a release. One per purchase, made under the paid file's lock."""

    purchase = models.OneToOneField(Purchase, on_delete=models.PROTECT, related_name="grant")
    kind = models.CharField(max_length=10, choices=choices(GrantKind))
    reason = models.CharField(max_length=300, blank=True)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=known("kind", GrantKind), name="grant_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.purchase_id}"


class KeyRelease(models.Model):
    """The one-way act of handing S to a purchase, sealed to the buyer's key. Repeatable to read. One
    for each version that the purchase may have; ``generation`` names it.
    """

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="releases")
    sealed = models.BinaryField(max_length=113)
    wrapped_key = models.BinaryField(max_length=60)
    h_s = models.CharField(max_length=64)
    generation = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    first_fetched_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["purchase", "generation"], name="release_once"),
        ]

    def __str__(self) -> str:
        return f"release of {self.purchase_id}"


class Cursor(models.Model):
    """How far a drain has read an append-only stream (``announcements`` over invoice events)."""

    name = models.CharField(primary_key=True, max_length=40)
    position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} at {self.position}"


class Webhook(models.Model):
    """An address of a creator's that wants to be told. ``secret`` signs what is sent there."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    creator = models.ForeignKey(Creator, on_delete=models.PROTECT, related_name="webhooks")
    url = models.CharField(max_length=500)
    sealed_secret = models.BinaryField(max_length=100)  # AES-GCM under KIM_FIELD_KEY
    kinds = models.JSONField(default=list)  # event names; empty: all
    is_active = models.BooleanField(default=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """One message to one webhook: the outbox and the delivery log in one row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.PROTECT, related_name="deliveries")
    subject = models.UUIDField(null=True, blank=True)  # the purchase; order is kept within one
    position = models.BigIntegerField(null=True, blank=True)  # of the event it tells
    kind = models.CharField(max_length=40)
    body = models.TextField()  # the very bytes that are signed and sent
    original = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="again"
    )
    state = models.CharField(
        max_length=10, choices=choices(DeliveryState), default=DeliveryState.WAITING
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True, blank=True)
    log = models.JSONField(default=list)  # [{"at", "status", "error", "ms"}, …], the last twenty
    created_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes: ClassVar = [
            models.Index(fields=["state", "due_at"]),
            models.Index(fields=["webhook", "-created_at"]),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["webhook", "position", "kind"],
                condition=Q(original__isnull=True, position__isnull=False),
                name="delivery_of_event_once",
            ),
            models.CheckConstraint(
                condition=known("state", DeliveryState), name="delivery_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.webhook_id}"


class Notice(models.Model):
    """Something a creator should know: shown on their pages, and sent by e-mail if they want."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    creator = models.ForeignKey(Creator, on_delete=models.PROTECT, related_name="notices")
    kind = models.CharField(max_length=24, choices=choices(NoticeKind))
    purchase = models.ForeignKey(
        Purchase, on_delete=models.PROTECT, null=True, blank=True, related_name="notices"
    )
    topic = models.CharField(max_length=100)  # what makes it one of its kind: told once per topic
    text = models.CharField(max_length=500)  # in English
    words = models.JSONField(null=True, blank=True)  # pattern and values (unlock.speech.packed)
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)
    mail_due_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)
    mail_attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["creator", "-created_at"]),
            models.Index(fields=["mail_due_at"]),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["creator", "kind", "topic"], name="notice_of_topic_once"
            ),
            models.CheckConstraint(condition=known("kind", NoticeKind), name="notice_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.topic}"
