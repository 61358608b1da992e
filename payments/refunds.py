"""What goes back to buyers: where to, how much, and the transaction that was seen to pay it.

Nobody's coins pass through here: a creator pays from a wallet of their own, and we watch the script
that the buyer named. The address that a payment came from is never used: it may be an exchange's.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from django.db import transaction

from payments import addresses, amounts, covenants, debts, decisions, hints, payouts, transactions
from payments.errors import RefundMissing, RefundOpen, RefundToInvoice, RefundTooMuch
from payments.models import Address, Output, Payout, Refund
from payments.states import EventKind, RefundReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Protocol
    from uuid import UUID

    from django.db.models import QuerySet

    from payments.chain import KnownTx, SeenOutput, Sighting

    class Chain(Protocol):
        """What is asked of the chain. Errors: ``ChainUnavailable``."""

        def sight_many(
            self, wanted: Mapping[bytes, Mapping[str, KnownTx]]
        ) -> dict[bytes, Sighting]: ...


log = logging.getLogger(__name__)

PER_LOOK: Final = 50  # scripts asked about at once
BLOCK_CLOCK: Final = timedelta(minutes=30)  # miners' clocks may lag behind ours by so much


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundView:
    """One refund. ``address`` and ``uri`` are "" until the buyer says where; ``uri`` asks for what
    is still to be sent. ``txid`` pays it (the last, of several), ``paid_sat`` of it in all: in a
    mempool since ``seen_at``, proved in a block once ``closed_at`` is set. ``note`` says why it was
    closed without a transaction.
    """

    invoice_id: UUID
    reason: RefundReason
    due_sat: int
    address: str
    uri: str
    asked_at: datetime
    txid: str
    paid_sat: int
    seen_at: datetime | None
    closed_at: datetime | None
    note: str


def note_address(invoice_id: UUID, address: str, *, now: datetime) -> None:
    """The buyer says where money may go back to. A refund that is being paid keeps its address.

    Raises ``InvoiceMissing``, ``SecretGiven``, ``WrongNetwork``, ``BadAddress``, ``RefundToInvoice``.
    """
    parsed = addresses.parse(address, payouts.network())
    script = parsed.script.hex()
    if _is_ours(script):
        raise RefundToInvoice("That address belongs to a shop, not to your wallet.")
    with transaction.atomic():
        invoice = decisions.lock(invoice_id)
        invoice.refund_address, invoice.refund_script = str(parsed), script
        invoice.changed_at = now
        invoice.save(update_fields=["refund_address", "refund_script", "changed_at"])
        invoice.refunds.filter(closed_at=None, txid="").update(address=str(parsed), script=script)
        hints.invoice_changed(invoice.id)


def ask(invoice_id: UUID, *, reason: RefundReason, due_sat: int, now: datetime) -> RefundView:
    """Money of this invoice is to go back; on an unpaid one, all of it, and then it opens nothing.

    Asking again for the same reason changes nothing. Raises ``InvoiceMissing``, ``RefundOpen`` (for
    another reason), ``RefundTooMuch`` (more than lies deep in the chain and is not back already).
    """
    with transaction.atomic():
        invoice = decisions.lock(invoice_id)
        row = debts.open_of(invoice)
        if row is not None and row.reason != reason:
            raise RefundOpen("Another refund of this order is open.")
        if row is None:
            most_sat = invoice.confirmed_sat - debts.returned_sat(invoice)
            if not 0 < due_sat <= most_sat:
                raise RefundTooMuch(
                    "At most {most_sat} sat can go back.", most_sat=max(0, most_sat)
                )
            row = debts.add(invoice, reason, due_sat, now=now)
            _decide(invoice_of=row, now=now, told=EventKind.REFUND_DUE)
    return _view(row)


def close(invoice_id: UUID, *, note: str, now: datetime) -> RefundView:
    """The creator settled it in another way, and says how. Raises ``RefundMissing``."""
    with transaction.atomic():
        invoice = decisions.lock(invoice_id)
        row = debts.open_of(invoice)
        if row is None:
            raise RefundMissing("No refund of this order is open.")
        row.closed_at, row.note = now, note.strip()[:300]
        row.save(update_fields=["closed_at", "note"])
        decisions.decide(invoice, decisions.unseen_view(invoice, now), now)
    return _view(row)


def of(invoice_ids: Iterable[UUID]) -> dict[UUID, RefundView]:
    """The latest refund of each; those without any are left out."""
    rows = Refund.objects.filter(invoice__in=list(invoice_ids)).order_by("asked_at", "pk")
    return {row.invoice_id: _view(row) for row in rows}


def is_any_open() -> bool:
    """Whether there is anything to look for."""
    return _waiting().exists()


def look(*, chain: Chain, now: datetime) -> int:
    """Look for the payments of open refunds; how many were found to be whole and proved.

    Raises ``ChainUnavailable``. One that cannot be dealt with holds up no other.
    """
    scripts = sorted(set(_waiting().values_list("script", flat=True)))
    count = 0
    for at in range(0, len(scripts), PER_LOOK):
        some = scripts[at : at + PER_LOOK]
        sightings = chain.sight_many({bytes.fromhex(script): {} for script in some})
        for script, sighting in sightings.items():
            try:
                count += _look_at(script.hex(), sighting, now)
            except Exception:
                log.exception("refunds to %s could not be followed", script.hex())
    return count


def _waiting() -> QuerySet[Refund]:
    return Refund.objects.filter(closed_at=None).exclude(script="")


def _look_at(script: str, sighting: Sighting, now: datetime) -> int:
    """Write down what pays the refunds to one script, the oldest first."""
    rows = [
        row
        for row in Refund.objects.filter(script=script).order_by("asked_at", "pk")
        if row.closed_at is None or row.txid
    ]
    found = allot(rows, _payments(sighting))
    count = 0
    for row in rows:
        if row.closed_at is None:
            count += _write(row.pk, found[row.pk], sighting, now)
    return count


@dataclass(frozen=True, slots=True)
class Found:
    """What pays one refund: of all of it ``proved_sat`` lies in blocks of our own chain."""

    paid_sat: int
    proved_sat: int
    txid: str


def allot(rows: Sequence[Refund], outputs: Sequence[SeenOutput]) -> dict[int, Found]:
    """Which refund each satoshi pays: the one asked for first. What a refund was closed by stays
    its own; what lies in a block from before it was asked for pays for something else.
    """
    left = {(out.txid, out.vout): out.value_sat for out in outputs}
    found: dict[int, Found] = {}
    for row in rows:
        paid_sat, proved_sat, txid = 0, 0, ""
        for out in sorted(outputs, key=partial(_order, row)):
            is_early = out.block_time is not None and out.block_time < row.asked_at - BLOCK_CLOCK
            part_sat = min(left[out.txid, out.vout], row.due_sat - paid_sat)
            if is_early or part_sat <= 0:
                continue
            left[out.txid, out.vout] -= part_sat
            paid_sat, txid = paid_sat + part_sat, out.txid
            proved_sat += part_sat if out.spv_ok else 0
        found[row.pk] = Found(paid_sat, proved_sat, txid)
    return found


def _order(row: Refund, out: SeenOutput) -> tuple[bool, bool, int, str, int]:
    return out.txid != row.txid, out.height is None, out.height or 0, out.txid, out.vout


def _payments(sighting: Sighting) -> list[SeenOutput]:
    """What may be a refund: no tokens, no newly mined coins, no change of the buyer's own payments,
    and nothing that our own forwards sent.
    """
    here = {(out.txid, out.vout) for out in sighting.outputs}
    txids = {out.txid for out in sighting.outputs}
    buying = set(Output.objects.filter(transaction__in=txids).values_list("transaction", flat=True))
    return [
        out
        for out in sighting.outputs
        if not (out.has_token or out.is_coinbase or out.txid in buying)
        and not any((spent.txid, spent.vout) in here for spent in out.spends)
        and not covenants.is_forward(transactions.parse(out.raw_tx, txid=out.txid))
    ]


def _write(refund_id: int, found: Found, sighting: Sighting, now: datetime) -> bool:
    """Whether it is closed by this look. A payment that vanished again is forgotten only once all
    servers agree.
    """
    with transaction.atomic():
        row = Refund.objects.get(pk=refund_id)
        decisions.lock(row.invoice_id)
        row.refresh_from_db()
        if row.closed_at is not None or row.script != sighting.script.hex():
            return False  # somebody was faster, or it goes elsewhere now
        if not found.txid and not sighting.agreed:
            return False
        if (row.paid_sat, row.txid) != (found.paid_sat, found.txid):
            row.paid_sat, row.txid = found.paid_sat, found.txid
            row.seen_at = (row.seen_at or now) if found.txid else None
            hints.invoice_changed(row.invoice_id)
        is_done = found.proved_sat >= row.due_sat
        row.closed_at = now if is_done else None
        row.save(update_fields=["paid_sat", "txid", "seen_at", "closed_at"])
        if is_done:
            _decide(invoice_of=row, now=now, told=EventKind.REFUNDED)
    return is_done


def _decide(*, invoice_of: Refund, now: datetime, told: EventKind) -> None:
    invoice = decisions.lock(invoice_of.invoice_id)
    if told is EventKind.REFUNDED:
        invoice.refund_txid = invoice_of.txid
    elif invoice.settled_at is None:
        invoice.refund_due_at = invoice.refund_due_at or now
    decisions.decide(invoice, decisions.unseen_view(invoice, now), now, told=told)


def _is_ours(script: str) -> bool:
    return (
        Address.objects.filter(script=script).exists()
        or Payout.objects.filter(payee_script=script).exists()
    )


def _view(row: Refund) -> RefundView:
    rest_sat = max(row.due_sat - row.paid_sat, 0)
    uri = amounts.payment_uri(row.address, amount_sat=rest_sat) if row.address else ""
    return RefundView(
        invoice_id=row.invoice_id,
        reason=RefundReason(row.reason),
        due_sat=row.due_sat,
        address=row.address,
        uri=uri,
        asked_at=row.asked_at,
        txid=row.txid,
        paid_sat=row.paid_sat,
        seen_at=row.seen_at,
        closed_at=row.closed_at,
        note=row.note,
    )
