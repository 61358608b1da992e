"""Where a buyer may fetch the whole container: only once money was seen, or with a grant.

The ciphertext is no secret; what is guarded here is the creator's traffic.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import F

from payments.states import InvoiceState
from unlock import committed, copies, egress, holds, versions
from unlock.errors import FileErased, NotPaid, TooManyLocations
from unlock.keys import Standing, standing_of
from unlock.models import Erasure, Purchase
from unlock.moderation_errors import FileTakenDown
from unlock.stores import SIGNED_FOR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from unlock.models import Container, PaidFile

_FETCHABLE = frozenset({InvoiceState.SEEN, InvoiceState.PAID})


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A GET of one whole copy, good until ``expires_at`` (an hour at most): signed, or with
    ``is_lasting`` the address of a creator's own host, which stays good and is asked about again.
    """

    copy: UUID
    url: str
    size_bytes: int
    etag: str
    expires_at: datetime
    is_lasting: bool = False


def sign(purchase_id: UUID, *, content_id: str = "", now: datetime) -> tuple[Location, ...]:
    """Sign every copy that is there and is still the one that was verified. Counted.

    Of what was bought, or of the ``content_id`` of a version that was given to the purchase since.

    In the order to try them: hosts alternate, and purchases begin at different ones, so that no
    host carries all. Raises PurchaseUnknown, NotPaid, VersionMissing, FileErased, FileTakenDown, TooManyLocations,
    CopyUnavailable, CopiesDamaged.
    """
    standing = standing_of(purchase_id, now=now)
    if not _may_fetch(standing):
        raise NotPaid("No payment was seen yet.")
    held = _content_of(standing.purchase, content_id)
    _count(standing.purchase, now=now)
    signed = list(_sign_copies(held, now=now))
    if not signed:
        raise copies.refusal(held.id)
    if standing.purchase.locations_signed == 0:  # as it was read: a page that asks again goes on
        egress.sell(standing.purchase.paid_file_id, signed[0].size_bytes, now=now)
    return _spread(signed, start=standing.purchase.id.int)


def of_own(paid_file: PaidFile, *, now: datetime) -> tuple[Location, ...]:
    """The same for a creator's own file, to take the sealed bytes elsewhere: nobody buys anything.

    Counted as traffic. Raises FileTakenDown, UploadNotVerified, CopyUnavailable, CopiesDamaged.
    """
    if holds.is_closed(paid_file.id):
        raise FileTakenDown("This site removed the file.")
    held = committed.verified(paid_file)
    signed = tuple(_sign_copies(held, now=now))
    if not signed:
        raise copies.refusal(held.id)
    egress.sell(paid_file.id, held.size_bytes, now=now)
    return signed


def _spread(signed: list[Location], *, start: int) -> tuple[Location, ...]:
    """One of each host in turn, beginning at a host that depends on the purchase."""
    hosts: dict[str, list[Location]] = {}
    for location in signed:
        hosts.setdefault(copies.origin_of(location.url), []).append(location)
    at = start % len(hosts)
    ordered = [*list(hosts.values())[at:], *list(hosts.values())[:at]]
    rounds = zip_longest(*ordered)
    return tuple(location for each in rounds for location in each if location is not None)


def _may_fetch(standing: Standing) -> bool:
    invoice = standing.invoice
    return standing.grant is not None or (
        invoice is not None and (invoice.state in _FETCHABLE or invoice.settled_at is not None)
    )


def _count(purchase: Purchase, *, now: datetime) -> None:
    """Each day since the purchase allows as many again, so that nobody is ever locked out for good."""
    days = max(0, (now - purchase.created_at).days)
    allowed = settings.KIM_LOCATIONS_PER_PURCHASE * (1 + days)
    counted = Purchase.objects.filter(id=purchase.id, locations_signed__lt=allowed).update(
        locations_signed=F("locations_signed") + 1
    )
    if not counted:
        raise TooManyLocations(
            "{allowed} download addresses were given for this purchase.", allowed=allowed
        )


def _content_of(purchase: Purchase, content_id: str) -> Container:
    held = versions.asked(purchase, content_id).container
    if held is None or Erasure.objects.filter(paid_file=purchase.paid_file_id).exists():
        raise FileErased("The seller withdrew this file.")
    if holds.is_closed(purchase.paid_file_id):
        raise FileTakenDown("This site removed the file.")
    return held


def _sign_copies(held: Container, *, now: datetime) -> Iterator[Location]:
    for copy, store in copies.served(held.id, now=now):
        signed = store.sign_object(copy.object_key, size_bytes=copy.size_bytes, now=now)
        yield Location(
            copy=copy.id,
            url=signed.url,
            size_bytes=copy.size_bytes,
            etag=copy.etag,
            expires_at=signed.expires_at,
        )
    for copy in copies.own(held.id):
        yield Location(
            copy=copy.id,
            url=copy.url,
            size_bytes=copy.size_bytes,
            etag="",
            expires_at=now + SIGNED_FOR,
            is_lasting=True,
        )
