"""Where a creator's money goes, and a fresh address for every sale.

An ordinary address gets a keyless forwarder per sale; an xpub plain P2PKH children, and forwarders
for when too many of those wait unpaid. The server never holds a key that could move coins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from payments import addresses, amounts, counters, covenants, seals, xpubs
from payments import gaps as gap_rules
from payments.errors import BadXpub, ChainUnavailable, PayoutIsInvoice, PayoutMissing
from payments.gaps import Gap, confirm_gap, gap_of, gaps
from payments.models import Address, Payout
from payments.payout_warnings import WARNINGS, PayoutWarning
from payments.seals import forwarder_of, network
from payments.states import PayoutKind
from payments.watermarks import heed_marks, is_behind, marks
from payments.xpubs import Xpub

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from typing import Protocol
    from uuid import UUID

    class Chain(Protocol):
        """What issuing an address asks of the chain."""

        def is_used(self, script: bytes) -> bool: ...
        def used(self, scripts: Sequence[bytes]) -> frozenset[bytes]: ...


__all__ = [
    "Gap",
    "Issued",
    "PayoutBrief",
    "PayoutPreview",
    "PayoutView",
    "PayoutWarning",
    "RecoveryKit",
    "brief",
    "confirm_gap",
    "current",
    "forwarder_of",
    "gap_of",
    "gaps",
    "get",
    "heed_marks",
    "inspect",
    "is_behind",
    "issue",
    "marks",
    "network",
    "recoveries",
    "set_current",
]

XPUB_LEAST_CHARS: Final = 100
SCANNED_AHEAD: Final = 100
MOST_SKIPPED: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutPreview:
    """What a pasted value would mean. ``kind`` is "address" or "xpub"; ``shown`` is safe to show;
    ``first_addresses`` are the first three of an xpub (to compare with the wallet), else empty.
    """

    kind: str
    shown: str
    first_addresses: tuple[str, ...]
    warnings: tuple[PayoutWarning, ...]
    floor_sat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryKit:
    """All that is needed to find and forward every address of an address payout, without us."""

    seed: bytes
    payee_script: bytes
    max_fee_sat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutView:
    """One payout row. ``recovery`` is None for an xpub: the wallet itself finds everything."""

    id: UUID
    owner: UUID
    kind: str
    shown: str
    network: str
    floor_sat: int
    recovery: RecoveryKit | None


@dataclass(frozen=True, slots=True)
class PayoutBrief:
    """The payout in force, as far as anybody may know it."""

    id: UUID
    type: PayoutKind

    @property
    def kind(self) -> str:
        return _kind(self.type)

    @property
    def floor_sat(self) -> int:
        return amounts.FLOOR_SAT[self.type]


@dataclass(frozen=True, slots=True)
class Issued:
    """An address for one invoice: child or forwarder ``index`` of the payout ``payout_id``, which
    for an xpub may be the row of forwarders that it falls back to.
    """

    payout_id: UUID
    index: int
    script: bytes
    shown: str
    redeem_script: bytes


def inspect(value: str) -> PayoutPreview:
    """Say what ``value`` is, on this instance's network, without storing it.

    Raises the typed refusals of ``payments.errors``: ``SecretGiven`` for a private key or seed
    words, ``WrongNetwork``, ``BadAddress``, ``BadXpub``, ``PayoutIsInvoice``.
    """
    read = _read(value)
    if isinstance(read, Xpub):
        first = tuple(xpubs.derive_address(read, i, network=network()) for i in range(3))
        warnings = (WARNINGS["compare_addresses"], WARNINGS["dedicated_account"])
        return PayoutPreview(
            kind="xpub",
            shown=_shorten(read),
            first_addresses=first,
            warnings=warnings,
            floor_sat=amounts.FLOOR_SAT[PayoutKind.XPUB],
        )
    codes = ["exchange_address"] + (["legacy_address"] if read.legacy else [])
    return PayoutPreview(
        kind="address",
        shown=str(read),
        first_addresses=(),
        warnings=tuple(WARNINGS[code] for code in codes),
        floor_sat=amounts.FLOOR_SAT[PayoutKind.FORWARDER],
    )


def set_current(owner: UUID, value: str, *, now: datetime) -> PayoutView:
    """Make ``value`` the owner's payout. The old row retires; open invoices keep theirs.

    The value that is in force already is left as it is. Raises as ``inspect`` does.
    """
    read = _read(value)
    try:
        return _set_current(owner, read, now)
    except IntegrityError:  # two first payouts at once: the other one is there by now
        return _set_current(owner, read, now)


def current(owner: UUID) -> PayoutView | None:
    """The owner's payout in force, or None before the first."""
    row = Payout.objects.filter(owner=owner, retired_at=None, fallback_of=None).first()
    return None if row is None else _view(row)


def brief(owner: UUID) -> PayoutBrief | None:
    """What an offer tells of the owner's payout in force; nothing is unsealed for it."""
    mine = Payout.objects.filter(owner=owner, retired_at=None, fallback_of=None)
    found = mine.values_list("id", "kind")[:1]
    return next((PayoutBrief(key, PayoutKind(kind)) for key, kind in found), None)


def get(payout_id: UUID) -> PayoutView:
    """One payout, in force or retired. Raises ``PayoutMissing``."""
    return _view(row_of(payout_id))


def recoveries(owner: UUID) -> tuple[RecoveryKit, ...]:
    """The kits of all the owner's forwarders, newest first: old addresses are still paid to, and an
    xpub has forwarders beside it.
    """
    rows = Payout.objects.filter(owner=owner, kind=PayoutKind.FORWARDER).order_by("-created_at")
    return tuple(_kit(row) for row in rows)


def history(owner: UUID) -> list[dict[str, object]]:
    """All that were ever set, oldest first, as they may be shown."""
    rows = Payout.objects.filter(owner=owner, fallback_of=None).order_by("created_at")
    return [
        dict(row) for row in rows.values("kind", "network", "shown", "created_at", "retired_at")
    ]


def issue(payout_id: UUID, chain: Callable[[], Chain], *, due_sat: int = 0) -> Issued:
    """A fresh address for ``due_sat``: never given out before, by us or by an xpub's own wallet.

    An xpub with too many unpaid addresses in a row, or unsure of its indices after a restored
    backup, hands out a forwarder instead, if the price is enough for one. Outside any transaction: a
    child of an xpub is looked up on chain first, because money that came there earlier would
    otherwise pay a stranger's purchase. A forwarder never was an address before, so that sales go on
    while no server can be asked. Raises ``PayoutMissing``, ``ChainUnavailable``.
    """
    return issue_from(row_of(payout_id), chain, due_sat=due_sat)


def issue_from(row: Payout, chain: Callable[[], Chain], *, due_sat: int) -> Issued:
    """``issue`` for who holds the row already, read a moment ago."""
    is_enough = due_sat >= amounts.FLOOR_SAT[PayoutKind.FORWARDER]
    if row.kind == PayoutKind.XPUB and is_enough and gap_rules.is_too_wide(row):
        row = _fallback(row)
    if row.kind == PayoutKind.XPUB and row.scanned_at is None:
        _skip_used(row, chain())
    for _ in range(MOST_SKIPPED):
        issued = derive(row, counters.take_index(row.id))
        if issued is None or counters.is_script_known(issued.script):
            continue
        if row.kind == PayoutKind.XPUB and chain().is_used(issued.script):
            continue
        return issued
    raise ChainUnavailable("No unused address was found for this payout.")


def _set_current(owner: UUID, read: Xpub | addresses.Address, now: datetime) -> PayoutView:
    with transaction.atomic():
        mine = list(
            Payout.objects.select_for_update(no_key=True)
            .filter(owner=owner, fallback_of=None)
            .order_by("created_at")
        )
        old = next((row for row in mine if row.retired_at is None), None)
        if old is not None and _is_same(old, read):
            return _view(old)
        if old is not None:
            Payout.objects.filter(Q(pk=old.pk) | Q(fallback_of=old)).update(retired_at=now)
        row = _new_row(owner, read, now)
        # The same xpub again goes on where it stopped: no index is ever handed out twice.
        row.next_index = max((each.next_index for each in mine if _is_same(each, read)), default=0)
        # What one row of this xpub is unsure of, all are.
        unsure = [each.gap_unsure_at for each in mine if _is_same(each, read)]
        row.gap_unsure_at = next((at for at in unsure if at is not None), None)
        row.save(force_insert=True)
        if isinstance(read, Xpub):
            _new_fallback(row, read).save(force_insert=True)
    return _view(row)


def _read(value: str) -> Xpub | addresses.Address:
    addresses.refuse_secrets(value)
    text = value.strip()
    if ":" not in text and len(text) > XPUB_LEAST_CHARS:
        return xpubs.parse(text, network())
    address = addresses.parse(text, network())
    if Address.objects.filter(script=address.script.hex()).exists():
        raise PayoutIsInvoice("That address was given to a buyer as the place to pay.")
    return address


def _new_row(owner: UUID, read: Xpub | addresses.Address, now: datetime) -> Payout:
    row = Payout(owner=owner, network=network(), created_at=now)
    if isinstance(read, Xpub):
        row.kind, row.shown = PayoutKind.XPUB, _shorten(read)
        row.sealed = seals.seal(row.id, str(read).encode())
        return row
    return _to(row, read)


def _to(row: Payout, payee: addresses.Address) -> Payout:
    """Make ``row`` one of forwarders to ``payee``, with a seed of its own."""
    row.kind, row.shown = PayoutKind.FORWARDER, str(payee)
    row.payee_script, row.max_fee_sat = payee.script.hex(), covenants.MAX_FEE_SAT
    row.sealed = seals.seal(row.id, seals.new_seed())
    return row


def _new_fallback(parent: Payout, xpub: Xpub) -> Payout:
    """Forwarders to the wallet's first change address, m/1/0: invoices get children of m/0 only, so
    the two never meet, and wallets always look at it, however many addresses wait unpaid. It is
    made with the xpub, so that the very first recovery kit finds its money.
    """
    row = Payout(
        owner=parent.owner,
        network=parent.network,
        fallback_of=parent,
        retired_at=parent.retired_at,
        created_at=parent.created_at,
    )
    script = xpubs.derive_script(xpub, 0, chain=xpubs.CHANGE)
    return _to(row, addresses.Address(network(), script))


def _fallback(parent: Payout) -> Payout:
    """The row that an xpub falls back to; made here for one that is older than fallbacks."""
    with transaction.atomic():
        Payout.objects.select_for_update(no_key=True).get(pk=parent.pk)
        found = Payout.objects.filter(fallback_of=parent).first()
        if found is None:
            found = _new_fallback(parent, seals.xpub_of(parent))
            found.save(force_insert=True)
    return found


def _is_same(row: Payout, read: Xpub | addresses.Address) -> bool:
    if row.network != network():
        return False
    if isinstance(read, Xpub):
        return row.kind == PayoutKind.XPUB and seals.unseal(row) == str(read).encode()
    return row.kind == PayoutKind.FORWARDER and row.payee_script == read.script.hex()


def _skip_used(row: Payout, chain: Chain) -> None:
    """Start after the last index that the creator's wallet used: the gaps before it may have been
    shown to somebody who has not paid yet.
    """
    xpub = seals.xpub_of(row)
    start = row.next_index
    while True:
        window = {xpubs.derive_script(xpub, start + i): start + i for i in range(SCANNED_AHEAD)}
        used = chain.used(list(window))
        if not used:
            break
        start = max(window[script] for script in used) + 1
    with transaction.atomic():
        locked = Payout.objects.select_for_update(no_key=True).get(pk=row.pk)
        locked.next_index = max(locked.next_index, start)
        locked.scanned_at = timezone.now()
        locked.save(update_fields=["next_index", "scanned_at"])


def derive(row: Payout, index: int) -> Issued | None:
    """Address ``index``; None for the one in 2**127 that an xpub does not have."""
    if row.kind == PayoutKind.XPUB:
        try:
            script = xpubs.derive_script(seals.xpub_of(row), index)
        except BadXpub:
            return None
        return Issued(row.id, index, script, addresses.encode(script, network()), b"")
    forwarder = forwarder_of(row, index)
    shown = addresses.encode(forwarder.script, network())
    return Issued(row.id, index, forwarder.script, shown, forwarder.redeem_script)


def row_of(payout_id: UUID) -> Payout:
    """Raises ``PayoutMissing``."""
    row = Payout.objects.filter(pk=payout_id).first()
    if row is None:
        raise PayoutMissing("There is no such payout.")
    return row


def _view(row: Payout) -> PayoutView:
    is_xpub = row.kind == PayoutKind.XPUB
    return PayoutView(
        id=row.id,
        owner=row.owner,
        kind=_kind(PayoutKind(row.kind)),
        shown=row.shown,
        network=row.network,
        floor_sat=amounts.FLOOR_SAT[PayoutKind(row.kind)],
        recovery=None if is_xpub else _kit(row),
    )


def _kind(kind: PayoutKind) -> str:
    return "xpub" if kind is PayoutKind.XPUB else "address"


def _kit(row: Payout) -> RecoveryKit:
    payee_script = bytes.fromhex(row.payee_script)
    return RecoveryKit(
        seed=seals.unseal(row), payee_script=payee_script, max_fee_sat=row.max_fee_sat
    )


def _shorten(xpub: Xpub) -> str:
    """Enough to recognise a key by, not enough to follow its payments."""
    text = str(xpub)
    return f"{text[:8]}…{text[-6:]}"
