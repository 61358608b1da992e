"""Samples: segment keys that a creator shows, so that people look inside before they pay.

A sample opens segments of the very ciphertext that is sold; each key is compared with the committed
index before it is kept. Samples are public, and a key that was shown once cannot be taken back.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from django.db import transaction

from unlock import committed, container
from unlock.creator_errors import FileMissing, MoveRefused, SampleInvalid, SampleUnconfirmed
from unlock.errors import Damaged
from unlock.models import PaidFile
from unlock.showing_rows import Samples
from unlock.states import FileState

if TYPE_CHECKING:
    from datetime import datetime

    from unlock.container import SegmentKey

KINDS: Final = ("video", "audio", "image", "text")
SEGMENTS_MAX: Final = 400  # 100 MiB of a film: pages hold an opened sample in memory
ENTRIES_MAX_BYTES: Final = SEGMENTS_MAX * 40
FREE_SHARE: Final = 10  # of a hundred segments, without being asked twice


def keep(
    paid_file: PaidFile, *, kind: str, entries: bytes, is_confirmed: bool, now: datetime
) -> Samples:
    """Show these segments, instead of those that were shown before.

    ``is_confirmed``: the creator knows that it is more than a tenth of the file. Raises MoveRefused,
    UploadNotVerified, SampleInvalid, SampleUnconfirmed, ShownKeyWrong, CopyUnavailable.
    """
    _check_open(paid_file)
    held = committed.verified(paid_file)
    shown = _parse(entries)
    _check_share(len(shown), held.segments, is_confirmed=is_confirmed)
    committed.read(held, now=now).check(shown)
    with transaction.atomic():
        locked = PaidFile.objects.select_for_update(of=("self",)).get(id=paid_file.id)
        _check_open(locked)
        if locked.container_id != held.id:
            raise MoveRefused("The file has another content by now.")
        facts = {
            "content_id": held.content_id,
            "kind": kind,
            "entries": entries,
            "created_at": now,
        }
        made, _ = Samples.objects.update_or_create(paid_file=locked, defaults=facts)
    return made


def of(paid_file: PaidFile) -> Samples | None:
    """What may be looked at; None also where the file has another content by now, or is gone."""
    held = paid_file.container
    if held is None or paid_file.state == FileState.REMOVED:
        return None
    return Samples.objects.filter(paid_file=paid_file, content_id=held.content_id).first()


def get(paid_file: PaidFile) -> Samples:
    """Raises FileMissing where nothing is shown."""
    found = of(paid_file)
    if found is None:
        raise FileMissing("Nothing of this file is shown before it is paid.")
    return found


def segments_of(shown: Samples) -> list[int]:
    return [entry.segment for entry in container.parse_entries(bytes(shown.entries))]


def drop(paid_file: PaidFile) -> None:
    """Show nothing any more; who looked may have kept what was shown."""
    Samples.objects.filter(paid_file=paid_file).delete()


def _check_open(paid_file: PaidFile) -> None:
    if paid_file.state == FileState.REMOVED:
        raise MoveRefused("The file was removed.")


def _parse(entries: bytes) -> tuple[SegmentKey, ...]:
    if not entries:
        raise SampleInvalid("It shows nothing.")
    if len(entries) > ENTRIES_MAX_BYTES:
        raise SampleInvalid(
            "At most {segments_max} segments can be shown, 100 MiB.", segments_max=SEGMENTS_MAX
        )
    try:
        shown = container.parse_entries(entries)
    except Damaged as error:
        raise SampleInvalid.after(error) from error
    numbers = [entry.segment for entry in shown]
    if any(later <= sooner for sooner, later in pairwise(numbers)):
        raise SampleInvalid("Segments must ascend, each once.")
    return shown


def _check_share(shown: int, segments: int, *, is_confirmed: bool) -> None:
    if shown >= segments:
        raise SampleInvalid("That would give the whole file away.")
    if shown * 100 > segments * FREE_SHARE and not is_confirmed:
        raise SampleUnconfirmed(
            "These are {shown} of {segments} segments.", shown=shown, segments=segments
        )
