"""Which keys are needed to open what lies here: noted before the first use, retired by a rotation.

So a key that is lost, or that was left out of a setting, is missed when a process starts and not
when a buyer waits. Nothing here holds a key; fingerprints tell nothing of them.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from unlock import container
from unlock.models import SealingKey

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID


class Kind(StrEnum):
    INSTANCE = "instance"
    FIELD = "field"


def fingerprint(public_key: bytes) -> str:
    """Of an instance key, by its public half; ``payments.field_keys`` has that of the others."""
    return hashlib.sha256(b"kim instance key" + public_key).hexdigest()[:16]


@sensitive_variables()
def seal_deposit(*, paid_file: UUID, content_id: bytes, release_secret: bytes) -> bytes:
    """S, sealed to the published key, which is noted as needed first."""
    note(Kind.INSTANCE, fingerprint(settings.KIM_INSTANCE_PUBLIC_KEY))
    return container.seal_deposit(
        settings.KIM_INSTANCE_PUBLIC_KEY,
        paid_file=paid_file,
        content_id=content_id,
        release_secret=release_secret,
    )


def note(kind: Kind, name: str) -> None:
    """From now on rows may need this key, also if it was retired before."""
    row, is_new = SealingKey.objects.get_or_create(kind=kind, fingerprint=name)
    if not is_new and row.retired_at is not None:
        SealingKey.objects.filter(pk=row.pk).update(retired_at=None, is_lost=False)


def missing(kind: Kind, held: Collection[str]) -> list[str]:
    """Fingerprints of keys that rows may need and that are not among ``held``."""
    needed = SealingKey.objects.filter(kind=kind, retired_at=None).order_by("first_used_at")
    return [name for name in needed.values_list("fingerprint", flat=True) if name not in held]


def is_noted(kind: Kind) -> bool:
    return SealingKey.objects.filter(kind=kind).exists()


def retire_others(kind: Kind, newest: str, *, now: datetime) -> list[str]:
    """Nothing needs any key but ``newest``: those that may be dropped from the settings now."""
    others = SealingKey.objects.filter(kind=kind, retired_at=None).exclude(fingerprint=newest)
    names = list(others.values_list("fingerprint", flat=True))
    SealingKey.objects.filter(kind=kind, fingerprint__in=names).update(retired_at=now)
    return names


def give_up(kind: Kind, name: str, *, now: datetime) -> bool:
    """The key is lost for good: no process asks for it any more. Whether it was one of ours."""
    row = SealingKey.objects.filter(kind=kind, fingerprint=name, retired_at=None)
    return row.update(retired_at=now, is_lost=True) == 1
