"""Shops: a creator's listed files behind one link.

The link carries K. From K the browser derives a proof, of which the hash lies here, and the key of
the entries, which never comes here: an entry is a file's link secret L, sealed in the creator's
browser (docs/protocol.md, 3.7). Without K nobody gets the list, and with this database nobody gets
a link.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import transaction

from unlock import files, offers, storefront
from unlock.models import Cover, PaidFile, Profile, Showcase
from unlock.states import FileState
from unlock.storefront_errors import ShopEntryInvalid, ShopMissing, ShopOutdated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from payments.amounts import Price
    from unlock.models import Creator
    from unlock.offers import Selling

LISTED_MAX: Final = 200
ENTRY_BYTES: Final = 12 + 16 + 16  # nonce, L, tag
_NOBODY: Final = "0" * 64
_LISTABLE = (FileState.PUBLISHED, FileState.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """L of one file as the browser sealed it. ``generation`` is that of the link."""

    file: UUID
    entry: bytes
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A shop as its creator sees it. ``generation`` is the shop's; ``stale`` entries are of links
    that were renewed since.
    """

    is_open: bool
    generation: int
    files: tuple[Entry, ...]
    stale: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One listed file, for whoever has the shop's link. No cover of what is for adults."""

    id: UUID
    title: str
    price: Price
    selling: Selling
    payload_bytes: int
    is_adult: bool
    cover: Cover | None
    entry: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    generation: int
    files: tuple[Tile, ...]


def own(creator: Creator) -> Own:
    profile = storefront.profile_of(creator)
    rows = Showcase.objects.filter(paid_file__creator=creator, entry_generation__isnull=False)
    named = rows.select_related("paid_file__container", "paid_file__showcase")
    listed = list(named.filter(paid_file__state__in=_LISTABLE).order_by("paid_file_id"))
    entries = tuple(
        Entry(file=row.paid_file_id, entry=bytes(row.entry), generation=row.entry_generation or 0)
        for row in listed
    )
    return Own(
        is_open=bool(profile.shop_access_hash),
        generation=profile.shop_generation,
        files=entries,
        stale=sum(not storefront.shown(row.paid_file).is_listed for row in listed),
    )


def keep(creator: Creator, *, generation: int, access_hash: str, entries: Sequence[Entry]) -> None:
    """The whole shop at once: opened, changed, or under a new link. What is not named is unlisted.

    A generation never comes back: a link that was replaced stays shut. Raises ShopOutdated,
    ShopEntryInvalid; the shop stays as it was.
    """
    with transaction.atomic():
        Profile.objects.get_or_create(creator=creator)
        profile = Profile.objects.select_for_update().defer("avatar").get(creator=creator)
        if generation < profile.shop_generation:
            raise ShopOutdated("The link of the shop was renewed in the meantime.")
        _check(creator, entries)
        _unlist(creator)
        rows = [
            Showcase(paid_file_id=each.file, entry=each.entry, entry_generation=each.generation)
            for each in entries
        ]
        Showcase.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["paid_file"],
            update_fields=["entry", "entry_generation"],
        )
        profile.shop_generation, profile.shop_access_hash = generation, access_hash
        profile.save(update_fields=["shop_generation", "shop_access_hash"])


def close(creator: Creator) -> None:
    """Nothing is listed any more, and the link opens nothing."""
    with transaction.atomic():
        Profile.objects.filter(creator=creator).update(shop_access_hash="")
        _unlist(creator)


def find(username: str) -> Profile | None:
    """The profile behind an open shop, or None: no such creator, suspended, no shop."""
    rows = Profile.objects.defer("avatar").select_related("creator__user")
    named = rows.filter(
        creator__user__username=username.lower(), creator__suspended_at__isnull=True
    )
    return named.exclude(shop_access_hash="").first()


def enter(username: str, access: bytes, *, now: datetime) -> Shop:
    """What is listed, for whoever proves to have the link. Raises ShopMissing."""
    profile = find(username)
    expected = profile.shop_access_hash if profile else _NOBODY
    is_proven = hmac.compare_digest(hashlib.sha256(access).hexdigest(), expected)
    if profile is None or not is_proven:
        raise ShopMissing("This link opens no shop.")
    return Shop(generation=profile.shop_generation, files=_tiles(profile.creator, now=now))


def _tiles(creator: Creator, *, now: datetime) -> tuple[Tile, ...]:
    rows = PaidFile.objects.select_related("container", "pricing", "showcase")
    listed = rows.filter(
        creator=creator, state=FileState.PUBLISHED, showcase__entry_generation__isnull=False
    ).order_by("-published_at")
    found = [row for row in listed[:LISTED_MAX] if storefront.shown(row).is_listed]
    covers = Cover.objects.filter(paid_file__in=found).defer("picture")
    covered = {cover.paid_file_id: cover for cover in covers}
    return tuple(
        Tile(
            id=row.id,
            title=row.title,
            price=files.price_of(row),
            selling=offers.selling_of(row, now=now),
            payload_bytes=row.container.payload_bytes if row.container else 0,
            is_adult=row.showcase.is_adult,
            cover=storefront.visible_cover(row, covered.get(row.id)),
            entry=bytes(row.showcase.entry),
        )
        for row in found
    )


def _check(creator: Creator, entries: Sequence[Entry]) -> None:
    """Under the profile's lock."""
    ids = {each.file for each in entries}
    mine = PaidFile.objects.filter(creator=creator, id__in=ids, state__in=_LISTABLE).in_bulk()
    if len(ids) != len(entries) or len(mine) != len(ids):
        raise ShopEntryInvalid("Not every file on the list can be listed.")
    if any(storefront.link_generation_of(mine[each.file]) != each.generation for each in entries):
        raise ShopOutdated("The link of a file was renewed in the meantime.")


def _unlist(creator: Creator) -> None:
    listed = Showcase.objects.filter(paid_file__creator=creator)
    listed.update(entry=b"", entry_generation=None)
