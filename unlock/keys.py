"""The one gate: S is handed to a purchase if and only if its invoice is settled or it has a grant.

``release`` runs in the worker, which alone holds the instance's private keys; it opens the deposit,
seals S to the buyer's key and keeps the result. ``read`` runs in the web process, which could not
open either. S lives in one local variable of ``_reseal`` and nowhere else: not in a row, a log, an
error or a cache.
"""

from __future__ import annotations

import hmac
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.views.decorators.debug import sensitive_variables

from payments import invoices
from payments.states import InvoiceState
from unlock import container, hints, sealing_keys, versions, withdrawals
from unlock.errors import InstanceKeyMissing, PurchaseUnknown, SecretUnusable, WrongKey
from unlock.models import Grant, KeyRelease, PaidFile, Purchase
from unlock.sealing_keys import Kind
from unlock.states import GrantKind, ReleaseState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from payments.invoices import InvoiceView

RETRY_AFTER = timedelta(seconds=60)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything the gate looks at, as it was at one moment. ``release``: of what was bought."""

    purchase: Purchase
    invoice: InvoiceView | None
    grant: GrantKind | None
    release: KeyRelease | None

    @property
    def is_open(self) -> bool:
        """The gate. Settling is a one-way latch; a reversed payment is not paid until it is again."""
        if self.grant is not None:
            return True
        return (
            self.invoice is not None
            and self.invoice.settled_at is not None
            and self.invoice.state is not InvoiceState.REVERSED
        )

    @property
    def release_state(self) -> ReleaseState:
        """READY also when reversed after S was fetched: what was handed out stays served."""
        if self.release is not None and self.serves(self.release):
            return ReleaseState.READY
        return ReleaseState.PENDING if self.is_open else ReleaseState.NONE

    def serves(self, release: KeyRelease) -> bool:
        return self.is_open or release.first_fetched_at is not None


def standing_of(purchase_id: UUID, *, now: datetime) -> Standing:
    """Raises PurchaseUnknown."""
    found = standings_of([purchase_id], now=now)
    if purchase_id not in found:
        raise PurchaseUnknown("There is no such purchase.")
    return found[purchase_id]


def standing_of_new(purchase: Purchase, invoice: InvoiceView) -> Standing:
    """Of one that was made for this invoice a moment ago: nothing was granted or released yet."""
    if purchase.invoice_id != invoice.id:
        raise PurchaseUnknown("This purchase is paid by another invoice.")
    return Standing(purchase=purchase, invoice=invoice, grant=None, release=None)


def standings_of(purchase_ids: Iterable[UUID], *, now: datetime) -> dict[UUID, Standing]:
    """Several in a constant number of queries; unknown ids are left out."""
    # Of the file only its state is asked; live pages come by every few seconds.
    rows = Purchase.objects.select_related("paid_file").defer("paid_file__description")
    bought = rows.in_bulk(list(purchase_ids))
    grants = Grant.objects.filter(purchase__in=bought).values_list("purchase_id", "kind")
    kinds = {purchase_id: GrantKind(kind) for purchase_id, kind in grants}
    releases = {
        row.purchase_id: row
        for row in KeyRelease.objects.filter(purchase__in=bought)
        if row.generation == bought[row.purchase_id].generation
    }
    owed = [row.invoice_id for row in bought.values() if row.invoice_id is not None]
    statuses = invoices.statuses_of(owed, now=now) if owed else {}
    shown = {
        key: withdrawals.shown(statuses[row.invoice_id], row)
        for key, row in bought.items()
        if row.invoice_id in statuses
    }
    return {
        key: Standing(
            purchase=row,
            invoice=shown.get(key),
            grant=kinds.get(key),
            release=releases.get(key),
        )
        for key, row in bought.items()
    }


def release(
    purchase_id: UUID, *, private_keys: Sequence[bytes], now: datetime
) -> KeyRelease | None:
    """Seal S to the buyer if the gate is open, and keep it; None while it is shut.

    Of newer versions that the purchase was given, too. Any number of workers may run it, twice: there is one row, and every caller gets that one.
    Raises PurchaseUnknown, SecretUnusable, InstanceKeyMissing; nothing was released then.
    """
    with transaction.atomic():
        # The gate is read under the purchase's lock, so two workers seal one after the other.
        if not Purchase.objects.select_for_update().filter(id=purchase_id).exists():
            raise PurchaseUnknown("There is no such purchase.")
        standing = standing_of(purchase_id, now=now)
        row = standing.release
        if standing.is_open and row is None:
            row = _make(standing.purchase, private_keys=private_keys, now=now)
        if standing.is_open:
            _make_given(standing.purchase, private_keys=private_keys, now=now)
        # Shut or served, nothing is owed. Whoever opens the gate later says so anew: its event is
        # committed after this read, and waits for this lock.
        Purchase.objects.filter(id=purchase_id).update(release_due_at=None)
        if not standing.is_open:
            return None
        hints.purchase_changed(purchase_id)
        return row


def read(purchase_id: UUID, *, generation: int | None = None, now: datetime) -> KeyRelease | None:
    """The kept release, for the buyer; None if there is none, or it is withheld.

    ``generation``: of a version that it was given; else of the bought one. Withheld: the payment was
    reversed before the buyer ever fetched this S. After the first fetch it is served for ever.
    Raises PurchaseUnknown.
    """
    standing = standing_of(purchase_id, now=now)
    row = standing.release
    if generation not in (None, standing.purchase.generation):
        row = KeyRelease.objects.filter(purchase=purchase_id, generation=generation).first()
    if row is None or not standing.serves(row):
        return None
    KeyRelease.objects.filter(id=row.id, first_fetched_at__isnull=True).update(first_fetched_at=now)
    return row


def owe(purchase_ids: Iterable[UUID], *, now: datetime) -> int:
    """Note that these purchases wait for a key; how many did not have one. A hint, not the gate."""
    had = KeyRelease.objects.filter(purchase=OuterRef("pk"), generation=OuterRef("generation"))
    waiting = Purchase.objects.filter(
        ~Exists(had), id__in=list(purchase_ids), release_due_at__isnull=True
    )
    return waiting.update(release_due_at=now)


def owe_newer(purchase_id: UUID, *, now: datetime) -> None:
    """Note that a purchase asked for a version that it was given since."""
    Purchase.objects.filter(id=purchase_id, release_due_at__isnull=True).update(release_due_at=now)


def due(*, now: datetime, limit: int) -> list[UUID]:
    """Purchases whose key is owed by ``now``, longest waiting first."""
    waiting = Purchase.objects.filter(release_due_at__lte=now).order_by("release_due_at")
    return list(waiting.values_list("id", flat=True)[:limit])


def postpone(purchase_id: UUID, *, now: datetime) -> None:
    """After a failure: look again later, behind those that can be served."""
    Purchase.objects.filter(id=purchase_id, release_due_at__isnull=False).update(
        release_due_at=now + RETRY_AFTER
    )


@sensitive_variables()
def check_instance_keys(public_key: bytes, private_keys: Sequence[bytes]) -> None:
    """Refuse to start a worker that could not open what the web process seals.

    The published key's private half must be there, and the deposits of the first and the last
    published file must open, and so must every key be there that was noted as needed: a lost older
    key would lock its buyers out. Raises InstanceKeyMissing.
    """
    if not private_keys:
        raise InstanceKeyMissing("KIM_INSTANCE_KEYS is empty: this worker cannot release keys.")
    held = {container.public_key_of(key) for key in private_keys}
    if public_key not in held:
        raise InstanceKeyMissing("KIM_INSTANCE_KEYS does not hold the key that is published.")
    names = {sealing_keys.fingerprint(each) for each in held}
    if lost := sealing_keys.missing(Kind.INSTANCE, names):
        raise InstanceKeyMissing(
            "Files are sealed to the key {name}, which KIM_INSTANCE_KEYS does not hold.",
            name=lost[0],
        )
    sold = PaidFile.objects.filter(published_at__isnull=False).exclude(s_sealed=b"")
    sold = sold.select_related("container")
    ends = (sold.order_by("published_at").first(), sold.order_by("published_at").last())
    for paid_file in filter(None, ends):
        try:
            _open(paid_file, private_keys=private_keys)
        except SecretUnusable as error:
            raise InstanceKeyMissing(
                "The deposit of file {file} does not open with KIM_INSTANCE_KEYS.",
                file=str(paid_file.id),
            ) from error


@sensitive_variables()
def renewed_deposit(held: PaidFile, *, private_keys: Sequence[bytes]) -> bytes | None:
    """The deposit of a file, or of a picture, sealed to the first of the keys; None if it is.

    For the change of keys (``kim.rotation``). Raises SecretUnusable, InstanceKeyMissing.
    """
    try:
        _open(held, private_keys=private_keys[:1])
    except SecretUnusable:
        secret = _open(held, private_keys=private_keys)
        return container.seal_deposit(
            container.public_key_of(private_keys[0]),
            paid_file=held.id,
            content_id=bytes.fromhex(held.container.content_id if held.container else ""),
            release_secret=secret,
        )
    return None


def _make(purchase: Purchase, *, private_keys: Sequence[bytes], now: datetime) -> KeyRelease:
    sold = versions.bought(purchase)
    if sold.container is None or sold.container.content_id != purchase.content_id:
        raise SecretUnusable("The file's content is no longer what this purchase bought.")
    return _keep(purchase, sold, private_keys=private_keys, now=now)


def _make_given(purchase: Purchase, *, private_keys: Sequence[bytes], now: datetime) -> None:
    """What fails here leaves the bought version as it is."""
    newer = versions.given_to(purchase)
    if not newer:
        return
    had = set(KeyRelease.objects.filter(purchase=purchase).values_list("generation", flat=True))
    paid_file = PaidFile.objects.get(id=purchase.paid_file_id)
    for version in newer:
        if version.generation in had:
            continue
        sold = versions.picture(paid_file, version)
        try:
            _keep(purchase, sold, private_keys=private_keys, now=now)
        except SecretUnusable as error:
            log.warning("version %s of purchase %s: %s", version.number, purchase.id, error)


def _keep(
    purchase: Purchase, sold: PaidFile, *, private_keys: Sequence[bytes], now: datetime
) -> KeyRelease:
    sealed = _reseal(purchase, paid_file=sold, private_keys=private_keys)
    row, _ = KeyRelease.objects.get_or_create(
        purchase=purchase,
        generation=sold.generation,
        defaults={
            "sealed": sealed,
            "wrapped_key": bytes(sold.wrapped_key),
            "h_s": sold.h_s,
            "created_at": now,
        },
    )
    return row


@sensitive_variables()
def _reseal(purchase: Purchase, *, paid_file: PaidFile, private_keys: Sequence[bytes]) -> bytes:
    held = paid_file.container
    return container.seal_release(
        bytes(purchase.buyer_key),
        paid_file=paid_file.id,
        purchase=purchase.id,
        content_id=bytes.fromhex(held.content_id if held else ""),
        release_secret=_open(paid_file, private_keys=private_keys),
    )


@sensitive_variables()
def _open(paid_file: PaidFile, *, private_keys: Sequence[bytes]) -> bytes:
    """S, checked against the commitment that the buyer saw before paying."""
    if not private_keys:
        raise InstanceKeyMissing("This process holds no private key of the instance.")
    if paid_file.container is None:
        raise SecretUnusable("The file has no content.")
    try:
        secret = container.open_deposit(
            private_keys,
            bytes(paid_file.s_sealed),
            paid_file=paid_file.id,
            content_id=bytes.fromhex(paid_file.container.content_id),
        )
    except WrongKey as error:
        raise SecretUnusable(
            "The deposit of file {file} does not open.", file=str(paid_file.id)
        ) from error
    if not hmac.compare_digest(container.hash_commitment(secret).hex(), paid_file.h_s):
        raise SecretUnusable(
            "The deposit of file {file} is not what it commits to.", file=str(paid_file.id)
        )
    return secret
