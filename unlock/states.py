"""The states of the things people make and buy. Changed only through the verbs that own them."""

from __future__ import annotations

from enum import StrEnum


class FileState(StrEnum):
    """A paid file: draft → published ⇄ paused → removed."""

    DRAFT = "draft"
    PUBLISHED = "published"
    PAUSED = "paused"
    REMOVED = "removed"


class UploadState(StrEnum):
    """One multipart transfer. ``open`` takes parts; ``verified`` means every byte was re-hashed."""

    OPEN = "open"
    COMPLETING = "completing"
    VERIFYING = "verifying"
    VERIFIED = "verified"
    FAILED = "failed"
    ABORTED = "aborted"


class CopyState(StrEnum):
    """How a copy stands, for its creator. ``checking``: no buyer is sent there yet."""

    CHECKING = "checking"
    GOOD = "good"
    DAMAGED = "damaged"


class GrantKind(StrEnum):
    """Why a purchase may open the file without a settled invoice."""

    FREE = "free"
    FIRST_N = "first_n"
    CODE = "code"
    GIFT = "gift"
    AGAIN = "again"
    STAFF = "staff"
    SELFTEST = "selftest"


class PriceKind(StrEnum):
    """What a buyer is asked for: the price, at least the price, or nothing."""

    FIXED = "fixed"
    MINIMUM = "minimum"
    FREE = "free"


class ReleaseState(StrEnum):
    """What a purchase can expect of its key: nothing yet, being sealed, there to fetch."""

    NONE = "none"
    PENDING = "pending"
    READY = "ready"


class DeliveryState(StrEnum):
    """How far one webhook message got."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"  # refused for good, or 72 hours of trying
    DROPPED = "dropped"  # its webhook was switched off before


class NoticeKind(StrEnum):
    """What a creator can be told of."""

    SOLD = "sold"
    PAID_LATE = "paid_late"
    PARTIAL_EXPIRED = "partial_expired"
    CONFLICT = "conflict"
    REVERSED = "reversed"
    OVERPAID = "overpaid"
    TOKEN_RECEIVED = "token_received"  # noqa: S105 - a CashToken, not a secret
    REFUND_DUE = "refund_due"
    REFUNDED = "refunded"
    XPUB_GAP = "xpub_gap"
    FORWARD_STUCK = "forward_stuck"
    RATES_DOWN = "rates_down"
    WATCHER_STALE = "watcher_stale"
    SERVERS_DISAGREE = "servers_disagree"
    WEBHOOK_FAILING = "webhook_failing"
    COPIES_LOST = "copies_lost"
    ACCOUNT_RECOVERED = "account_recovered"
    ACCOUNT_CHANGED = "account_changed"
    PAYOUT_WAITS = "payout_waits"
    OVERSOLD = "oversold"
    TAKEN_FREE = "taken_free"
    MODERATED = "moderated"


class ReportKind(StrEnum):
    """Why somebody reports a file."""

    FRAUD = "fraud"
    RIGHTS = "rights"  # a notice of whoever holds rights in a work
    ABUSE = "abuse"
    PRIVATE = "private"
    HARMFUL = "harmful"
    ILLEGAL = "illegal"
    OTHER = "other"


class ReportState(StrEnum):
    """What became of a report."""

    OPEN = "open"
    DISMISSED = "dismissed"
    ACTED = "acted"


class MeasureKind(StrEnum):
    """What moderation did to a file. ``remove``: nobody fetches it, and its copies are deleted."""

    PAUSE = "pause"
    REMOVE = "remove"


class Ground(StrEnum):
    """What a decision rests on."""

    LAW = "law"
    TERMS = "terms"


class BlockKind(StrEnum):
    """What may not be sold, or paid to."""

    CONTENT = "content"
    PAYOUT = "payout"


FILE_MOVES: dict[FileState, frozenset[FileState]] = {
    FileState.DRAFT: frozenset({FileState.PUBLISHED, FileState.REMOVED}),
    FileState.PUBLISHED: frozenset({FileState.PAUSED, FileState.REMOVED}),
    FileState.PAUSED: frozenset({FileState.PUBLISHED, FileState.REMOVED}),
    FileState.REMOVED: frozenset(),
}

UPLOAD_MOVES: dict[UploadState, frozenset[UploadState]] = {
    UploadState.OPEN: frozenset({UploadState.COMPLETING, UploadState.ABORTED}),
    UploadState.COMPLETING: frozenset(
        {UploadState.VERIFYING, UploadState.FAILED, UploadState.OPEN, UploadState.ABORTED}
    ),
    UploadState.VERIFYING: frozenset({UploadState.VERIFIED, UploadState.FAILED}),
    UploadState.VERIFIED: frozenset({UploadState.FAILED}),
    UploadState.FAILED: frozenset(),
    UploadState.ABORTED: frozenset(),
}
