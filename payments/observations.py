"""What was seen on chain, kept as rows; and the facts that a decision is made from, read back.

``store`` runs under the invoice's row lock. It only ever writes down what a ``Sighting`` shows: it
decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from payments import covenants, debts, transactions
from payments.chain import KnownTx
from payments.facts import InvoiceFacts, OutputFacts, QuoteFacts
from payments.models import ChainTransaction, Forward, Output
from payments.states import InvoiceState, OutputChain, PayoutKind
from payments.transactions import Outpoint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from payments.chain import SeenOutput, Sighting
    from payments.models import Invoice
    from payments.rate_table import Quoted


def known_of(invoice: Invoice) -> dict[str, KnownTx]:
    """The transactions of this invoice that need not be fetched, or even proved, again."""
    rows = invoice.outputs.select_related("transaction")
    known = {
        row.transaction_id: KnownTx(
            txid=row.transaction_id,
            raw_tx=bytes(row.transaction.raw),
            height=row.height,
            block_hash=row.block_hash or None,
            spv_ok=row.spv_ok,
        )
        for row in rows
    }
    return known | _forwards_of(invoice)


def store(invoice: Invoice, sighting: Sighting, *, priced: Quoted | None) -> None:
    """Write down a look at the chain. A look older than the last one adds outputs, and no more.

    ``priced`` is the price at this moment (None: nobody knows a rate), kept with what is new.
    """
    rows = {
        Outpoint(row.transaction_id, row.vout): row
        for row in invoice.outputs.select_related("transaction")
    }
    is_news = invoice.swept_at is None or sighting.swept_at >= invoice.swept_at
    for seen in sighting.outputs:
        row = rows.get(Outpoint(seen.txid, seen.vout))
        if row is None:
            _add(invoice, seen, sighting, priced)
        elif is_news:
            _move(row, seen)
    if is_news:
        # What was sold is not taken back for silence: only a chain with more work undoes a proof.
        standing = sighting.proved if invoice.settled_at is not None else ()
        for row in rows.values():
            if row.transaction_id in sighting.missing and row.transaction_id not in standing:
                _miss(row, sighting)


def doubt(invoice: Invoice, conflicted: frozenset[str], *, now: datetime) -> None:
    """Note a double-spend proof, once; a block settles it one way or the other."""
    if conflicted:
        rows = invoice.outputs.filter(transaction__in=conflicted, dsproof_at=None)
        rows.update(dsproof_at=now)


def invoice_facts(invoice: Invoice) -> InvoiceFacts:
    is_owed, refunded_sat = debts.standing(invoice)
    return InvoiceFacts(
        confirmations=invoice.confirmations,
        covenant=invoice.payout.kind == PayoutKind.FORWARDER,
        honour_sats=invoice.honour_sats,
        accepted_sat=invoice.accepted_sat,
        void_at=invoice.void_at,
        refund_due_at=invoice.refund_due_at,
        refund_txid=invoice.refund_txid or None,
        refund_open=is_owed,
        refunded_sat=refunded_sat,
        oversold=invoice.oversold,
        settled_at=invoice.settled_at,
        settled_instantly=invoice.settled_instantly,
        evidence=tuple(outpoint_of(text) for text in invoice.evidence),
        is_reversed=invoice.state == InvoiceState.REVERSED,
    )


def quote_facts(invoice: Invoice) -> tuple[QuoteFacts, ...]:
    return tuple(
        QuoteFacts(due_sat=quote.due_sat, min_sat=quote.min_sat, until=quote.until)
        for quote in invoice.quotes.order_by("quoted_at")
    )


def output_facts(invoice: Invoice) -> tuple[OutputFacts, ...]:
    rows: Iterable[Output] = invoice.outputs.select_related("transaction").order_by("pk")
    return tuple(
        OutputFacts(
            outpoint=Outpoint(row.transaction_id, row.vout),
            value_sat=row.value_sat,
            chain=OutputChain(row.chain),
            first_seen_at=row.first_seen_at,
            height=row.height,
            block_time=row.block_time,
            spv_ok=row.spv_ok,
            has_token=row.has_token,
            is_coinbase=row.is_coinbase,
            own_forward=row.transaction.own_forward,
            dsproof_at=row.dsproof_at,
            doubted=row.doubted,
            unseen_at=row.unseen_at,
            due_then_sat=row.due_then_sat,
        )
        for row in rows
    )


def text_of(outpoint: Outpoint) -> str:
    return f"{outpoint.txid}:{outpoint.vout}"


def outpoint_of(text: str) -> Outpoint:
    txid, _, vout = text.partition(":")
    return Outpoint(txid, int(vout))


def _forwards_of(invoice: Invoice) -> dict[str, KnownTx]:
    """Our own spends stand in the same history; we made them, so we have their bytes."""
    mine = Forward.objects.filter(outputs__invoice=invoice).distinct()
    return {
        row.txid: KnownTx(
            txid=row.txid, raw_tx=bytes(row.raw), height=None, block_hash=None, spv_ok=False
        )
        for row in mine
    }


def _add(invoice: Invoice, seen: SeenOutput, sighting: Sighting, priced: Quoted | None) -> None:
    chain_transaction, _ = ChainTransaction.objects.get_or_create(
        txid=seen.txid,
        defaults={
            "raw": seen.raw_tx,
            "own_forward": covenants.is_forward(transactions.parse(seen.raw_tx, txid=seen.txid)),
            "first_seen_at": sighting.swept_at,
        },
    )
    row = Output(
        invoice=invoice,
        transaction=chain_transaction,
        vout=seen.vout,
        value_sat=seen.value_sat,
        has_token=seen.has_token,
        is_coinbase=seen.is_coinbase,
        first_seen_at=sighting.swept_at,
        unseen_at=invoice.swept_at,
        due_then_sat=None if priced is None else priced.due_sat,
        rate=None if priced is None else priced.rate,
        rate_sources=[] if priced is None else list(priced.sources),
    )
    _place(row, seen)
    row.save(force_insert=True)


def _move(row: Output, seen: SeenOutput) -> None:
    before = _placed(row)
    _place(row, seen)
    if before != _placed(row):
        row.save()


def _placed(row: Output) -> tuple[object, ...]:
    where = (row.chain, row.height, row.block_hash, row.spv_ok)
    return (*where, row.doubted, row.missed_at, row.merkle_position, row.conflict_txid)


def _place(row: Output, seen: SeenOutput) -> None:
    """Where it is shown now. Whatever was said against it before, it is back."""
    was_in = row.block_hash
    row.chain = OutputChain.MEMPOOL if seen.height is None else OutputChain.BLOCK
    row.height, row.block_time = seen.height, seen.block_time
    row.block_hash, row.spv_ok = seen.block_hash or "", seen.spv_ok
    row.doubted, row.missed_at, row.seen_by = False, None, seen.server or row.seen_by
    row.conflict_txid = ""
    if seen.position is not None:
        row.merkle_branch, row.merkle_position = list(seen.branch), seen.position
    elif row.block_hash != was_in:  # another block's proof proves nothing here
        row.merkle_branch, row.merkle_position = [], None


def _miss(row: Output, sighting: Sighting) -> None:
    """Nobody shows it. Doubted at once; gone only after a second look that all servers agree on."""
    if row.chain in {OutputChain.MISSING, OutputChain.CONFLICTED}:
        return
    row.chain, row.doubted = OutputChain.MEMPOOL, True
    row.height, row.block_time, row.block_hash, row.spv_ok = None, None, "", False
    row.merkle_branch, row.merkle_position = [], None
    if sighting.agreed:
        if row.missed_at is not None and row.missed_at < sighting.swept_at:
            row.chain = OutputChain.MISSING
        row.missed_at = row.missed_at or sighting.swept_at
    row.save()
