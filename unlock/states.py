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


class GrantKind(StrEnum):
    """Why a purchase may open the file without a settled invoice."""

    FREE = "free"
    FIRST_N = "first_n"
    CODE = "code"
    GIFT = "gift"
    AGAIN = "again"
    STAFF = "staff"
    SELFTEST = "selftest"


class ReleaseState(StrEnum):
    """What a purchase can expect of its key: nothing yet, being sealed, there to fetch."""

    NONE = "none"
    PENDING = "pending"
    READY = "ready"


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
