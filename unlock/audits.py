"""The audit at publish: segments drawn by the server once the content is fixed, opened with the keys
that the creator's page then shows. Anybody can do it again from the offer (docs/protocol.md).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from unlock import committed, container
from unlock.creator_errors import AuditInvalid, AuditMissing
from unlock.errors import Damaged
from unlock.showing_rows import Audit

if TYPE_CHECKING:
    from datetime import datetime

    from unlock.models import Container, PaidFile


def draw(paid_file: PaidFile, *, now: datetime) -> tuple[Audit, list[int]]:
    """The nonce of this content, drawn once and for all, and the segments that follow from it.

    Raises UploadNotVerified.
    """
    held = committed.verified(paid_file)
    facts = {"nonce": os.urandom(container.AUDIT_NONCE_BYTES), "created_at": now}
    audit, _ = Audit.objects.get_or_create(container=held, defaults=facts)
    return audit, segments_of(audit)


def keep(paid_file: PaidFile, *, entries: bytes, now: datetime) -> Audit:
    """Take the keys of the drawn segments, in the order they were drawn, and open each segment.

    Keys that passed stay. Raises UploadNotVerified, AuditInvalid, ShownKeyWrong, CopyUnavailable,
    StoreError; nothing is kept then.
    """
    audit, drawn = draw(paid_file, now=now)
    if audit.passed_at is not None:
        return audit
    try:
        shown = container.parse_entries(entries)
    except Damaged as error:
        raise AuditInvalid.after(error) from error
    if [entry.segment for entry in shown] != drawn:
        raise AuditInvalid("These are not the segments that were drawn.")
    if shown:
        seen = committed.read(audit.container, now=now)
        seen.check(shown)
        for entry in shown:
            seen.open(entry)
    audit.entries, audit.passed_at = entries, now
    audit.save(update_fields=["entries", "passed_at"])
    return audit


def of(held: Container | None) -> Audit | None:
    """The audit that this content passed; None for what was published before there were any."""
    return Audit.objects.filter(container=held, passed_at__isnull=False).first() if held else None


def check(held: Container | None) -> None:
    """Raises AuditMissing unless the content is too small for an audit, or passed it."""
    if held is not None and container.audit_count(held.segments) and of(held) is None:
        raise AuditMissing("The keys were not checked against the stored file yet.")


def segments_of(audit: Audit) -> list[int]:
    """The segments it opens, in the order they were drawn."""
    held = audit.container
    return container.audit_segments(
        bytes.fromhex(held.content_id),
        bytes(audit.nonce),
        segments=held.segments,
        count=container.audit_count(held.segments),
    )
