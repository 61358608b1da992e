"""The committed index of a stored container and single segments of it, read by range and checked."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unlock import container, copies
from unlock.creator_errors import ShownKeyWrong, UploadNotVerified
from unlock.errors import Damaged, Forged, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from unlock.container import CoreHeader, Index, SegmentKey
    from unlock.models import Container, Copy, PaidFile
    from unlock.storage import Store

log = logging.getLogger(__name__)

RUN_SEGMENTS = 32  # at most in one signed range: 8 MiB


@dataclass(frozen=True, slots=True)
class Committed:
    """A verified copy whose index was read and has the container's content_id."""

    core: CoreHeader
    index: Index
    copy: Copy
    store: Store

    def check(self, shown: Sequence[SegmentKey]) -> None:
        """Raise ShownKeyWrong unless each key is the one that was committed for its segment."""
        try:
            container.check_keys(self.core, self.index, shown)
        except (Damaged, Forged) as error:
            raise ShownKeyWrong.after(error) from error

    def open(self, shown: SegmentKey) -> None:
        """Read and decrypt one segment. Raises ShownKeyWrong, StoreError."""
        offset, size_bytes = self.core.segment_range(shown.segment)
        stored = self.store.read_range(
            self.copy.object_key, offset=offset, size_bytes=size_bytes, etag=self.copy.etag
        )
        try:
            container.open_shown(self.core, self.index, shown, stored)
        except (Damaged, Forged) as error:
            raise ShownKeyWrong.after(error) from error


def verified(paid_file: PaidFile) -> Container:
    """What is sold, once every byte of it was compared. Raises UploadNotVerified."""
    held = paid_file.container
    if held is None or held.verified_at is None:
        raise UploadNotVerified("The upload is not finished and checked yet.")
    return held


def core_of(held: Container) -> CoreHeader:
    return container.CoreHeader.parse(bytes(held.core_header))


def read(held: Container, *, now: datetime) -> Committed:
    """The index of a verified container, from the first copy that gives it as it was committed.

    Raises CopyUnavailable, CopiesDamaged.
    """
    core = core_of(held)
    for copy, store in copies.served(held.id, now=now):
        try:
            raw = store.read_range(
                copy.object_key,
                offset=core.index_offset,
                size_bytes=core.index_bytes,
                etag=copy.etag,
            )
            index = container.parse_index(raw, core)
        except (StoreError, Damaged) as error:
            log.warning("the index of copy %s cannot be read: %s", copy.id, error.code)
            continue
        if container.content_id(core, index.root).hex() == held.content_id:
            return Committed(core, index, copy, store)
    raise copies.refusal(held.id)


def runs_of(segments: Iterable[int]) -> list[tuple[int, int]]:
    """Neighbours together, as (first, how many); none of more than 32 segments."""
    found: list[tuple[int, int]] = []
    for segment in sorted(set(segments)):
        first, count = found[-1] if found else (-1, 0)
        if count and segment == first + count and count < RUN_SEGMENTS:
            found[-1] = (first, count + 1)
        else:
            found.append((segment, 1))
    return found
