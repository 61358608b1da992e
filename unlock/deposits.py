"""Release secrets deposited again: after the instance lost the key that the old deposits are sealed to.

The creator's page makes S from R once more; what was promised to buyers stands fast, because S must
fit the h_S that they were shown. Until then the file has no deposit, and nobody is sold it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.views.decorators.debug import sensitive_variables

from unlock import container, sealing_keys, versions
from unlock.creator_errors import FileMissing, SecretMismatch
from unlock.models import PaidFile, Version
from unlock.states import FileState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from django.db.models import QuerySet

    from unlock.models import Creator

AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """S of one file under one generation. ``file_id``, hex: what it is made from, with R."""

    paid_file: UUID
    title: str
    generation: int
    file_id: str
    h_s: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    paid_file: UUID
    generation: int
    release_secret: bytes

    def __repr__(self) -> str:
        return f"Given(paid_file={self.paid_file!r}, generation={self.generation})"


def wanted(creator: Creator) -> list[Wanted]:
    """What is missing; the first hundred, as the page asks again until there is none."""
    found: dict[tuple[UUID, int], Wanted] = {}
    for sold in _empty(creator):
        key = (sold.id, sold.generation)
        if key not in found and len(found) < AT_ONCE:
            found[key] = Wanted(
                paid_file=sold.id,
                title=sold.title,
                generation=sold.generation,
                file_id=versions.edition_of(sold).link_file_id.hex(),
                h_s=sold.h_s,
            )
    return list(found.values())


def count(creator: Creator) -> int:
    """How many rows have no deposit."""
    return _files(creator).count() + _versions(creator).count()


@sensitive_variables()
def give(given: Iterable[Given], *, creator: Creator) -> int:
    """Keep each S that fits; how many deposits were missing and are there again. Twice is no error.

    Raises FileMissing, SecretMismatch; nothing is kept then, of none of them.
    """
    fitting = [(each, _sold(each, creator)) for each in given]
    return sum(_keep(sold, each.release_secret) for each, sold in fitting)


@sensitive_variables()
def _sold(given: Given, creator: Creator) -> PaidFile:
    """The file, or the picture of its version, that this S is of."""
    paid_file = PaidFile.objects.filter(id=given.paid_file, creator=creator).first()
    if paid_file is None or paid_file.state == FileState.DRAFT:
        raise FileMissing("There is no such file.")
    sold = paid_file
    if paid_file.generation != given.generation:
        row = versions.rows(paid_file.id).filter(generation=given.generation).first()
        if row is None:
            raise FileMissing("The file never had this key.")
        sold = versions.picture(paid_file, row)
    if not hmac.compare_digest(container.hash_commitment(given.release_secret).hex(), sold.h_s):
        raise SecretMismatch("The secret does not fit its commitment.")
    return sold


@sensitive_variables()
def _keep(sold: PaidFile, release_secret: bytes) -> int:
    sealed = sealing_keys.seal_deposit(
        paid_file=sold.id,
        content_id=bytes.fromhex(sold.container.content_id if sold.container else ""),
        release_secret=release_secret,
    )
    same = {"generation": sold.generation, "h_s": sold.h_s, "s_sealed": b""}
    filled = PaidFile.objects.filter(id=sold.id, **same).update(s_sealed=sealed)
    return filled + versions.rows(sold.id).filter(**same).update(s_sealed=sealed)


def _empty(creator: Creator) -> Iterator[PaidFile]:
    yield from _files(creator).select_related("container").order_by("id")[:AT_ONCE]
    rows = _versions(creator).select_related("container", "paid_file__container").order_by("id")
    for row in rows[: 2 * AT_ONCE]:
        yield versions.picture(row.paid_file, row)


def _files(creator: Creator) -> QuerySet[PaidFile]:
    mine = PaidFile.objects.filter(creator=creator, s_sealed=b"").exclude(h_s="")
    return mine.exclude(state=FileState.DRAFT)


def _versions(creator: Creator) -> QuerySet[Version]:
    return Version.objects.filter(paid_file__creator=creator, s_sealed=b"")
