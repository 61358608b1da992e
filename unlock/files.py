"""Paid files, from the creator's side: text, price, content, secret, and being for sale.

States change by compare-and-set over ``FILE_MOVES``. What a buyer was shown and paid for never
changes under them: content, W, h_S and the deposited S are fixed once a file was published.
"""

from __future__ import annotations

import hmac
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.views.decorators.debug import sensitive_variables

from payments import invoices, payouts
from payments.amounts import Price
from payments.errors import PayoutMissing, PriceBelowFloor
from unlock import (
    audits,
    container,
    covers,
    hints,
    holds,
    limits,
    samples,
    sealing_keys,
    stock,
    storefront,
    withdrawals,
)
from unlock.creator_errors import (
    ContainerTaken,
    FileMissing,
    MoveRefused,
    SecretMismatch,
    SecretMissing,
    SelftestMissing,
    TextInvalid,
    UploadClosed,
    UploadMissing,
    UploadNotVerified,
)
from unlock.models import Container, Grant, KeyRelease, PaidFile, Purchase, Upload, Version
from unlock.states import FILE_MOVES, FileState, PriceKind, UploadState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from uuid import UUID

    from unlock.models import Creator
    from unlock.pricing import Terms

_OVER = (UploadState.FAILED, UploadState.ABORTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a creator says of a file; None leaves what is there. ``upload`` names one of theirs;
    ``pricing`` is all terms but the price, which stands beside them.
    """

    title: str | None = None
    description: str | None = None
    price: Price | None = None
    confirmations: int | None = None
    is_instant: bool | None = None
    stream_only: bool | None = None
    upload: UUID | None = None
    pricing: Terms | None = None
    showcase: storefront.Choices | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """The server's share of the key. ``release_secret`` (S) is sealed at once and kept nowhere."""

    content_id: str
    generation: int
    wrapped_key: bytes
    h_s: str
    release_secret: bytes

    def __repr__(self) -> str:
        return f"Deposit(content_id={self.content_id!r}, generation={self.generation})"


def find(paid_file_id: UUID, *, creator: Creator | None = None) -> PaidFile:
    """A file, for anybody or for its creator alone. Raises FileMissing, also for another's."""
    rows = PaidFile.objects.select_related("container", "creator__user", "pricing", "showcase")
    rows = rows.filter(id=paid_file_id)
    paid_file = (rows if creator is None else rows.filter(creator=creator)).first()
    if paid_file is None:
        raise FileMissing("There is no such file.")
    return paid_file


def find_by_content(content_id: str) -> PaidFile:
    """What is, or was, sold as this content: the first that was published. Raises FileMissing.

    The first, because whoever finds a sealed file could upload it again and offer it as theirs.
    """
    rows = PaidFile.objects.select_related("container", "creator__user", "pricing", "showcase")
    versions = Version.objects.filter(
        container__content_id=content_id, published_at__isnull=False
    ).values("paid_file")
    named = Q(container__content_id=content_id) | Q(id__in=versions)
    sold = rows.filter(named, published_at__isnull=False)
    paid_file = sold.exclude(state=FileState.DRAFT).order_by("published_at").first()
    if paid_file is None:
        raise FileMissing("This content was never for sale here.")
    return paid_file


def create(creator: Creator, draft: Draft, *, now: datetime) -> PaidFile:
    """A new draft. Raises TextInvalid, LinkSecretInText, UploadMissing, ContainerTaken,
    PricingInvalid.
    """
    if draft.title is None or draft.price is None:
        raise TextInvalid("A file needs a title and a price.")
    paid_file = PaidFile(creator=creator, created_at=now)
    _apply_text(paid_file, draft)
    with _one_container_each():
        if draft.upload is not None:
            _attach(paid_file, draft.upload)
        paid_file.save(force_insert=True)
        stock.set_terms(paid_file, draft.pricing, now=now)
        storefront.set_choices(paid_file, draft.showcase)
    return paid_file


def edit(paid_file_id: UUID, draft: Draft, *, creator: Creator, now: datetime) -> PaidFile:
    """Change what is said of a file; open orders keep the price they were given.

    Raises what ``create`` raises, MoveRefused (removed; content of a published file) and, unless it
    is a draft, PriceBelowFloor and RateUnavailable. Nothing was changed then.
    """
    with _one_container_each():
        paid_file = lock(paid_file_id, creator=creator)
        if paid_file.state == FileState.REMOVED:
            raise MoveRefused("The file was removed.")
        _apply_text(paid_file, draft)
        if draft.upload is not None:
            _attach(paid_file, draft.upload)
        paid_file.save()
        stock.set_terms(paid_file, draft.pricing, now=now)
        storefront.set_choices(paid_file, draft.showcase)
        is_priced = draft.price is not None or draft.pricing is not None
        if is_priced and paid_file.state != FileState.DRAFT:
            _check_price(paid_file, now=now)
    hints.file_changed(paid_file.id)
    return find(paid_file_id)


@sensitive_variables()
def deposit(paid_file_id: UUID, given: Deposit, *, creator: Creator) -> None:
    """Keep W, h_S and S, the last sealed to the instance's public key before anything else is done.

    Repeating a deposit is no error, and after publishing nothing else is possible: the key that
    buyers were promised stays. Raises SecretMismatch, MoveRefused.
    """
    if not hmac.compare_digest(container.hash_commitment(given.release_secret).hex(), given.h_s):
        raise SecretMismatch("The secret does not fit its commitment.")
    sealed = sealing_keys.seal_deposit(
        paid_file=paid_file_id,
        content_id=bytes.fromhex(given.content_id),
        release_secret=given.release_secret,
    )
    with transaction.atomic():
        paid_file = lock(paid_file_id, creator=creator)
        held = paid_file.container
        if held is None or held.content_id != given.content_id:
            raise SecretMismatch("The file has another content than the secret is for.")
        if _is_deposited(paid_file, given):
            return
        if paid_file.state != FileState.DRAFT:
            raise MoveRefused("The key of a published file is fixed.")
        paid_file.generation = given.generation
        paid_file.wrapped_key = given.wrapped_key
        paid_file.h_s = given.h_s
        paid_file.s_sealed = sealed
        paid_file.save(update_fields=["generation", "wrapped_key", "h_s", "s_sealed"])


def publish(
    paid_file_id: UUID,
    *,
    creator: Creator,
    is_tested: Callable[[PaidFile], bool],
    now: datetime,
) -> PaidFile:
    """Put a file up for sale. Publishing what is published is no error.

    ``is_tested`` says whether the buyer's path passed on the file as it is now; it is asked under
    the file's lock. Raises MoveRefused, UploadNotVerified, SecretMissing, PayoutMissing,
    PriceBelowFloor, RateUnavailable, AuditMissing, SelftestMissing; the file stays as it was.
    """
    with transaction.atomic():
        paid_file = lock(paid_file_id, creator=creator)
        if paid_file.state == FileState.PUBLISHED:
            return paid_file
        _check_move(paid_file, FileState.PUBLISHED)
        _check_ready(paid_file, now=now)
        audits.check(paid_file.container)
        if not is_tested(paid_file):
            raise SelftestMissing("The download was not tested with this content.")
        _set_state(paid_file, FileState.PUBLISHED, published_at=paid_file.published_at or now)
    return paid_file


def pause(paid_file_id: UUID, *, creator: Creator | None = None) -> PaidFile:
    """Take a file off sale; who bought keeps it. Raises MoveRefused."""
    return _move(paid_file_id, FileState.PAUSED, creator=creator)


def resume(paid_file_id: UUID, *, creator: Creator, now: datetime) -> PaidFile:
    """Sell a paused file again, if it could still be published. Raises as ``publish``."""
    with transaction.atomic():
        paid_file = lock(paid_file_id, creator=creator)
        if paid_file.state == FileState.PUBLISHED:
            return paid_file
        if paid_file.state != FileState.PAUSED:
            raise MoveRefused("A file that is {state} cannot be resumed.", state=paid_file.state)
        _check_ready(paid_file, now=now)
        _set_state(paid_file, FileState.PUBLISHED)
    return paid_file


def remove(
    paid_file_id: UUID, *, creator: Creator | None = None, reason: str = "", now: datetime
) -> PaidFile:
    """Take a file off for good, by its creator or by moderation; who bought keeps it, and unpaid
    orders are called off (``withdrawals``). Raises MoveRefused.
    """
    if creator is None:
        reason = reason.strip() or "Removed by whoever runs this site."
    with transaction.atomic():
        paid_file = _move(
            paid_file_id, FileState.REMOVED, creator=creator, removed_reason=reason[:300]
        )
        withdrawals.of_file(paid_file, now=now)
        _hide(paid_file)
    return paid_file


def delete(paid_file_id: UUID, *, creator: Creator, now: datetime) -> None:
    """Forget a draft and its self-tests; its content may go into another. Raises MoveRefused."""
    with transaction.atomic():
        paid_file = lock(paid_file_id, creator=creator)
        tests = Purchase.objects.filter(paid_file=paid_file)
        if paid_file.state != FileState.DRAFT or tests.filter(invoice_id__isnull=False).exists():
            raise MoveRefused("Only a draft can be deleted; remove the file instead.")
        KeyRelease.objects.filter(purchase__in=tests).delete()
        Grant.objects.filter(purchase__in=tests).delete()
        tests.delete()
        # A day later its bytes go, too, unless another draft has them by then (unlock.orphans).
        Upload.objects.filter(container=paid_file.container_id).update(
            error_code="draft_deleted", touched_at=now
        )
        _hide(paid_file)
        paid_file.delete()


def price_of(paid_file: PaidFile) -> Price:
    return Price(paid_file.price_amount, paid_file.price_currency)


def _hide(paid_file: PaidFile) -> None:
    """What everybody could see goes with the file."""
    samples.drop(paid_file)
    covers.drop(paid_file)


def _apply_text(paid_file: PaidFile, draft: Draft) -> None:
    if draft.title is not None:
        paid_file.title = limits.clean_title(draft.title)
    if draft.description is not None:
        paid_file.description = limits.clean_description(draft.description)
    if draft.price is not None:
        paid_file.price_amount = draft.price.amount
        paid_file.price_currency = draft.price.currency
    if draft.confirmations is not None:
        paid_file.confirmations = draft.confirmations
    if draft.is_instant is not None:
        paid_file.is_instant = draft.is_instant
    if draft.stream_only is not None:
        paid_file.stream_only = draft.stream_only


def _attach(paid_file: PaidFile, upload_id: UUID) -> None:
    """Give a draft its content. Other content makes an earlier deposit worthless: it is dropped."""
    upload = Upload.objects.filter(id=upload_id, creator_id=paid_file.creator_id).first()
    if upload is None:
        raise UploadMissing("There is no such upload.")
    if paid_file.container_id == upload.container_id:
        return
    if paid_file.state != FileState.DRAFT:
        raise MoveRefused("The content of a published file is fixed.")
    if upload.state in _OVER:
        raise UploadClosed("The upload is {state}.", state=upload.state)
    held = Container.objects.select_for_update().get(id=upload.container_id)
    if Version.objects.filter(container=held).exists():
        raise ContainerTaken("This upload is a version of another file.")
    samples.drop(paid_file)  # its keys open nothing of the other content
    paid_file.container = held
    paid_file.generation, paid_file.h_s = 0, ""
    paid_file.wrapped_key = paid_file.s_sealed = b""


@contextmanager
def _one_container_each() -> Iterator[None]:
    """A transaction in which two files claiming one container is a refusal, not a crash."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise ContainerTaken("This upload belongs to another file.") from error


def _is_deposited(paid_file: PaidFile, given: Deposit) -> bool:
    kept = (paid_file.generation, paid_file.h_s, bytes(paid_file.wrapped_key))
    return kept == (given.generation, given.h_s, given.wrapped_key) and bool(paid_file.s_sealed)


def _check_ready(paid_file: PaidFile, *, now: datetime) -> None:
    holds.check_sale(paid_file)
    held = paid_file.container
    if held is None or held.verified_at is None:
        raise UploadNotVerified("The upload is not finished and checked yet.")
    if not paid_file.s_sealed or not paid_file.h_s or not paid_file.wrapped_key:
        raise SecretMissing("The key was not deposited yet.")
    _check_price(paid_file, now=now)


def _check_price(paid_file: PaidFile, *, now: datetime) -> None:
    terms = stock.current_terms(paid_file)
    if terms.kind is PriceKind.FREE:
        return
    payout = payouts.current(paid_file.creator_id)
    if payout is None:
        raise PayoutMissing("You have not said where the money goes.")
    if terms.may_be_free:
        return
    if not invoices.price_allowed(price_of(paid_file), payout, now=now):
        raise PriceBelowFloor(
            "The least price is {floor_sat} satoshis.", floor_sat=payout.floor_sat
        )


def _check_move(paid_file: PaidFile, new: FileState) -> None:
    if new not in FILE_MOVES[FileState(paid_file.state)]:
        raise MoveRefused(
            "A file that is {state} cannot become {new}.", state=paid_file.state, new=new
        )


def _move(
    paid_file_id: UUID, new: FileState, *, creator: Creator | None, **columns: object
) -> PaidFile:
    with transaction.atomic():
        paid_file = lock(paid_file_id, creator=creator)
        if paid_file.state != new:
            _check_move(paid_file, new)
            _set_state(paid_file, new, **columns)
    return paid_file


def _set_state(paid_file: PaidFile, new: FileState, **columns: object) -> None:
    """Under the row's lock. Buyers who look at the page are told after commit."""
    for name, value in {"state": new, **columns}.items():
        setattr(paid_file, name, value)
    paid_file.save(update_fields=["state", *columns])
    hints.file_changed(paid_file.id)


def lock(paid_file_id: UUID, *, creator: Creator | None) -> PaidFile:
    """The row, locked until the transaction ends. Raises FileMissing, also for another's."""
    # No join: who waits for the lock while the content is replaced would read the row as it is then
    # beside the container that it had before.
    rows = PaidFile.objects.select_for_update()
    if creator is not None:
        rows = rows.filter(creator=creator)
    paid_file = rows.filter(id=paid_file_id).first()
    if paid_file is None:
        raise FileMissing("There is no such file.")
    return paid_file
