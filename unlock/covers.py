"""Covers: public pictures of paid files, made and approved in their creators' browsers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from django.db import transaction

from unlock import pictures
from unlock.creator_errors import MoveRefused
from unlock.models import PaidFile
from unlock.showing_rows import Cover
from unlock.states import FileState

if TYPE_CHECKING:
    from datetime import datetime

_SHOWN = (FileState.PUBLISHED, FileState.PAUSED)


def keep(paid_file: PaidFile, picture: bytes, *, now: datetime) -> Cover:
    """Take a picture instead of the one before. Raises MoveRefused, CoverInvalid."""
    measured = pictures.measure(picture)
    with transaction.atomic():
        locked = PaidFile.objects.select_for_update().get(id=paid_file.id)
        if locked.state == FileState.REMOVED:
            raise MoveRefused("The file was removed.")
        facts = {
            "media_type": measured.media_type,
            "width": measured.width,
            "height": measured.height,
            "picture": picture,
            "sha256": hashlib.sha256(picture).hexdigest(),
            "created_at": now,
        }
        made, _ = Cover.objects.update_or_create(paid_file=locked, defaults=facts)
    return made


def of(paid_file: PaidFile) -> Cover | None:
    """Facts of the picture that anybody may see, without its bytes: none of a draft's."""
    if paid_file.state not in _SHOWN:
        return None
    return Cover.objects.filter(paid_file=paid_file).defer("picture").first()


def drop(paid_file: PaidFile) -> None:
    Cover.objects.filter(paid_file=paid_file).delete()
