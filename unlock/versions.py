"""Which version of a file somebody bought, and which ones they may have: reads only.

``PaidFile`` holds what is on sale. Every older version is a row, and so is every other link it is
under; a *picture* is the file with the columns of such a row in place of its own, so that whatever
reads a file (offers, ranges, audits, the gate) reads a version. A picture is never saved.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from unlock.creator_errors import FileMissing, ReplacementMissing
from unlock.errors import SecretUnusable, VersionMissing
from unlock.models import PaidFile, Version

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from django.db.models import QuerySet

    from unlock.models import Purchase


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What the link of a file is made of, and what its version is called.

    ``link_file_id``: of the first content, from which S and L follow for ever. ``meta_link`` is
    empty where the stored object's own opens with the link.
    """

    number: int
    link_generation: int
    link_file_id: bytes
    meta_link: bytes


def edition_of(paid_file: PaidFile) -> Edition:
    """Of a file or of a picture. One that never changed costs no query."""
    return editions_of([paid_file])[paid_file.pk]


def editions_of(paid_files: Iterable[PaidFile]) -> dict[UUID, Edition]:
    """Of several, in one query at most."""
    known = list(paid_files)
    changed = [paid_file.pk for paid_file in known if paid_file.generation > 0]
    found: dict[UUID, list[Version]] = {paid_file.pk: [] for paid_file in known}
    if changed:
        some = Version.objects.filter(paid_file__in=changed).order_by("number", "generation")
        for row in some.select_related("container"):
            found[row.paid_file_id].append(row)
    return {paid_file.pk: _edition(paid_file, found[paid_file.pk]) for paid_file in known}


def _edition(paid_file: PaidFile, known: list[Version]) -> Edition:
    row = next((each for each in known if each.generation == paid_file.generation), None)
    if row is None:
        held = paid_file.container
        return Edition(
            number=1,
            link_generation=paid_file.generation,
            link_file_id=bytes(held.file_id) if held else b"",
            meta_link=b"",
        )
    return Edition(
        number=row.number,
        link_generation=row.link_generation,
        link_file_id=bytes(known[0].container.file_id),
        meta_link=bytes(row.meta_link),
    )


def rows(paid_file_id: UUID) -> QuerySet[Version]:
    return Version.objects.filter(paid_file=paid_file_id)


def picture(paid_file: PaidFile, row: Version) -> PaidFile:
    """The file as if this row were on sale."""
    shown = copy.copy(paid_file)
    shown.container = row.container
    shown.generation = row.generation
    shown.wrapped_key = bytes(row.wrapped_key)
    shown.h_s = row.h_s
    shown.s_sealed = bytes(row.s_sealed)
    return shown


def candidate(paid_file: PaidFile) -> PaidFile:
    """The picture of what is staged. Raises ReplacementMissing."""
    row = staged(paid_file).filter(is_main=True).select_related("container").first()
    if row is None:
        raise ReplacementMissing("Nothing is waiting to take this file's place.")
    return picture(paid_file, row)


def staged(paid_file: PaidFile) -> QuerySet[Version]:
    return rows(paid_file.id).filter(published_at__isnull=True)


def bought(purchase: Purchase) -> PaidFile:
    """The file as this purchase bought it. Raises SecretUnusable where it is not known any more."""
    return of_generation(_file(purchase), purchase.generation)


def of_generation(paid_file: PaidFile, generation: int) -> PaidFile:
    """The file as it was, is or will be under this generation of S. Raises SecretUnusable."""
    if generation == paid_file.generation:
        return paid_file
    found = rows(paid_file.id).filter(generation=generation).select_related("container").first()
    if found is None:
        raise SecretUnusable("The file's secret is of another generation than this purchase.")
    return picture(paid_file, found)


def given_to(purchase: Purchase) -> list[Version]:
    """Newer versions that this purchase may have as well, the newest first."""
    if not rows(purchase.paid_file_id).exists():
        return []
    own = rows(purchase.paid_file_id).filter(generation=purchase.generation).first()
    if own is None:
        return []
    newer = rows(purchase.paid_file_id).filter(
        number__gt=own.number,
        link_generation=own.link_generation,
        is_for_earlier=True,
        published_at__isnull=False,
    )
    return list(newer.select_related("container").order_by("-number"))


def asked(purchase: Purchase, content_id: str) -> PaidFile:
    """The version of this content, if the purchase may have it; "" is the one that was bought.

    Raises VersionMissing, SecretUnusable.
    """
    if content_id in ("", purchase.content_id):
        return bought(purchase)
    for row in given_to(purchase):
        if row.container.content_id == content_id:
            return picture(_file(purchase), row)
    raise VersionMissing("This purchase has no such version.")


def of_content(paid_file: PaidFile, content_id: str, *, is_own: bool = False) -> PaidFile:
    """The version of this content that is, or was, on sale; with ``is_own`` also the next one.

    Raises FileMissing.
    """
    held = paid_file.container
    if content_id in ("", held.content_id if held else ""):
        return paid_file
    known = rows(paid_file.id).filter(container__content_id=content_id)
    if not is_own:
        known = known.filter(published_at__isnull=False)
    found = known.select_related("container").order_by("generation").first()
    if found is None:
        raise FileMissing("This file was never sold with this content.")
    return picture(paid_file, found)


def containers_of(purchase: Purchase) -> list[UUID]:
    """The containers that this purchase may fetch: the bought one, and newer ones given to it."""
    try:
        held = bought(purchase).container_id
    except SecretUnusable:
        held = None
    own = [held] if held else []
    return [*own, *(row.container_id for row in given_to(purchase))]


def files_with(container_id: UUID) -> QuerySet[PaidFile]:
    """Files that are, or were, sold as this container."""
    rows = Version.objects.filter(container=container_id).values("paid_file")
    return PaidFile.objects.filter(Q(container=container_id) | Q(id__in=rows))


def _file(purchase: Purchase) -> PaidFile:
    return PaidFile.objects.select_related("container", "creator__user", "pricing").get(
        id=purchase.paid_file_id
    )
