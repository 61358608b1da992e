"""Selling before a block: what the rules need from the chain and from the database.

``gather`` asks the network, outside any transaction; ``judge`` decides under the invoice's row
lock, where the ceiling of all sales is counted under a lock of its own. The rules are pure:
``payments.instant_rules``.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from django.conf import settings
from django.db.models import Max, Min, Sum
from django.utils import timezone

from payments import heartbeats, hints, instant_rules, observations, settlement, transactions
from payments.errors import BadTransaction, ChainUnavailable
from payments.facts import View
from payments.instant_rules import SILENCE, PaymentFacts, SpentFacts, TxFacts, Wait
from payments.models import Invoice, Terms
from payments.states import InvoiceState, Network, OutputChain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from payments.chain import SeenOutput, ServerView, Sighting
    from payments.facts import OutputFacts
    from payments.transactions import Transaction

log = logging.getLogger(__name__)

STALE_AFTER: Final = timedelta(minutes=3)
OPERATORS: Final = 2  # whose word it takes where money is real
AGAIN_AFTER: Final = timedelta(seconds=5)  # what passes by itself is looked at again so soon
AGAIN_FOR: Final = timedelta(minutes=1)  # and for so long; then the sweep is soon enough
_OFFERS_AT_ONCE: Final = 8


class Chain(Protocol):
    """What is asked of the chain. Errors: ``ChainUnavailable``."""

    def servers(self) -> tuple[ServerView, ...]: ...
    def raws_of(self, txids: Iterable[str]) -> dict[str, bytes]: ...
    def offer(self, raw: bytes) -> dict[str, str]: ...
    def proofs_of(self, txids: Sequence[str]) -> dict[str, bool]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the chain said about one invoice's unconfirmed transactions.

    ``asked_at``: nothing was asked before it. ``seen_at``: all had been seen by then; ``is_fresh``:
    one of them for the first time. ``double_spent``: those with a proof. ``is_watched``: settling is
    not held, and the watcher is alive.
    """

    asked_at: datetime
    seen_at: datetime
    is_fresh: bool
    is_watched: bool
    configured: frozenset[str]
    live: frozenset[str]
    transactions: tuple[TxFacts, ...]
    double_spent: frozenset[str] = frozenset()


def least_operators() -> int:
    """How many operators must show a payment. Play money may do with fewer than two."""
    least: int = settings.KIM_INSTANT_OPERATORS
    is_play = settings.KIM_NETWORK == Network.REGTEST
    return least if is_play else max(OPERATORS, least)


def gather(
    invoice: Invoice, sighting: Sighting, chain: Chain, *, now: datetime, held: bool = False
) -> Evidence | None:
    """``gather_many`` for one invoice; None where there is nothing to ask."""
    return gather_many([(invoice, sighting)], chain, now=now, held=held).get(invoice.pk)


def gather_many(
    looks: Iterable[tuple[Invoice, Sighting]], chain: Chain, *, now: datetime, held: bool
) -> dict[UUID, Evidence]:
    """Ask about all that may open before a block, in one batch; the others are left out.

    Nothing is asked unless an invoice is instant, unsettled, and enough of it is unconfirmed. Call it
    outside any transaction. Servers that cannot be asked leave it to the next look.
    """
    waiting = [(row, outputs) for row, look in looks if (outputs := _unconfirmed(row, look))]
    if not waiting:
        return {}
    is_watched = not held and _is_watched(now)
    seen_at = max(now, timezone.now())  # by the clock: the look itself may have taken long
    try:
        facts, double_spent = _ask(waiting, chain)
        servers = chain.servers()
    except ChainUnavailable as error:
        log.warning("instant: %s", error.message)
        return {}
    return {
        row.pk: Evidence(
            asked_at=now,
            seen_at=seen_at,
            is_fresh=bool({each.txid for each in outputs} - _known(row)),
            is_watched=is_watched,
            configured=frozenset(server.operator for server in servers),
            live=frozenset(server.operator for server in servers if server.is_live),
            transactions=tuple(facts[txid] for txid in sorted({each.txid for each in outputs})),
            double_spent=double_spent & {each.txid for each in outputs},
        )
        for row, outputs in waiting
    }


def judge(invoice: Invoice, evidence: Evidence | None, *, now: datetime) -> bool:
    """Whether the invoice may settle now, before a block. Writes what it waits for into the row
    (``instant_wait``, ``instant_check_at``), which the caller saves. Under the row lock.
    """
    before, check_at = invoice.instant_wait, invoice.instant_check_at
    may_settle = False
    if not _is_eligible(invoice):
        invoice.instant_wait, invoice.instant_check_at = "", None
    elif evidence is None:
        invoice.instant_wait = before if before in instant_rules.LASTING else ""
        invoice.instant_check_at = None
    else:
        _doubt(invoice, evidence, now)
        wait = _wait(invoice, evidence)
        _look_again(invoice, evidence, wait)
        invoice.instant_wait = wait.value
        may_settle = wait is Wait.NOTHING
        if wait in instant_rules.PASSING and invoice.instant_check_at not in {None, check_at}:
            hints.ask_reconcile_at(invoice.id, invoice.instant_check_at)
    if invoice.instant_wait != before:
        hints.invoice_changed(invoice.id)
    return may_settle


def _is_eligible(invoice: Invoice) -> bool:
    return invoice.instant_ceiling_sat > 0 and invoice.settled_at is None


def _unconfirmed(invoice: Invoice, sighting: Sighting) -> tuple[SeenOutput, ...]:
    """The mempool's outputs that need asking about: none, unless with them there is enough."""
    if not _is_eligible(invoice):
        return ()
    plain = [seen for seen in sighting.outputs if not seen.has_token]
    pending = tuple(seen for seen in plain if seen.height is None)
    if not pending:
        return ()
    least = invoice.quotes.aggregate(sat=Min("min_sat"))["sat"]
    enough_sat = min(invoice.accepted_sat or invoice.due_sat, invoice.due_sat, least)
    return pending if sum(seen.value_sat for seen in plain) >= enough_sat else ()


def _is_watched(now: datetime) -> bool:
    """Whether sweeps still come: who settles early must be able to see what becomes of it."""
    limit = max(STALE_AFTER, timedelta(seconds=3 * settings.KIM_SWEEP_SECONDS))
    swept = heartbeats.last(heartbeats.SWEEP)
    return swept is not None and now - swept.at <= limit


def _known(invoice: Invoice) -> set[str]:
    return set(invoice.outputs.values_list("transaction_id", flat=True))


def _ask(
    waiting: Iterable[tuple[Invoice, tuple[SeenOutput, ...]]], chain: Chain
) -> tuple[dict[str, TxFacts], frozenset[str]]:
    """All transactions of all invoices: their parents, our own broadcast, and the proofs last."""
    seen = {each.txid: each for _, outputs in waiting for each in outputs}
    read = {txid: transactions.parse(each.raw_tx, txid=txid) for txid, each in seen.items()}
    # Those that spend a great many coins wait for a block; nobody makes us fetch thousands.
    parents = {
        spent.outpoint.txid
        for tx in read.values()
        for spent in tx.inputs
        if len(tx.inputs) <= instant_rules.INPUTS_MOST
    }
    raws = chain.raws_of(sorted(parents))
    facts = {txid: _facts_of(each, read[txid], raws) for txid, each in seen.items()}
    offered = _offer(list(facts.values()), chain)
    proofs = chain.proofs_of(sorted(facts))
    told = {each.txid: replace(each, is_proof_told=each.txid in proofs) for each in offered}
    return told, frozenset(txid for txid, is_proved in proofs.items() if is_proved)


def _facts_of(seen: SeenOutput, tx: Transaction, raws: Mapping[str, bytes]) -> TxFacts:
    return TxFacts(
        txid=seen.txid,
        raw=seen.raw_tx,
        inputs=tuple(
            _spent(each.script_sig, each.outpoint, raws.get(each.outpoint.txid))
            for each in tx.inputs
        ),
        outputs_sat=sum(output.value_sat for output in tx.outputs),
        has_unconfirmed_parents=seen.unconfirmed_parents,
        operators=frozenset(seen.operators),
    )


def _spent(unlocking: bytes, coin: transactions.Outpoint, raw: bytes | None) -> SpentFacts:
    try:
        parent = None if raw is None else transactions.parse(raw, txid=coin.txid)
    except BadTransaction:
        parent = None
    if parent is None or coin.vout >= len(parent.outputs):
        return SpentFacts(unlocking=unlocking, locking=None, value_sat=None)
    output = parent.outputs[coin.vout]
    return SpentFacts(unlocking=unlocking, locking=output.script, value_sat=output.value_sat)


def _offer(facts: Sequence[TxFacts], chain: Chain) -> list[TxFacts]:
    """Broadcast what may pass, ourselves; what breaks a rule by itself is nobody's business."""

    def one(tx: TxFacts) -> TxFacts:
        if instant_rules.unmet_alone(tx) is not Wait.NOTHING:
            return tx
        said = chain.offer(tx.raw)
        accepted = frozenset(operator for operator, refusal in said.items() if not refusal)
        return replace(tx, accepted_by=accepted, refused_by=frozenset(said) - accepted)

    with ThreadPoolExecutor(min(_OFFERS_AT_ONCE, len(facts))) as pool:
        return list(pool.map(one, facts))


def _doubt(invoice: Invoice, evidence: Evidence, now: datetime) -> None:
    """Proofs and refusals are facts about the outputs: ``settlement`` makes SUSPECT of them."""
    observations.doubt(invoice, evidence.double_spent, now=now)
    refused = [tx.txid for tx in evidence.transactions if tx.refused_by]
    if refused:
        rows = invoice.outputs.filter(transaction__in=refused, chain=OutputChain.MEMPOOL)
        rows.update(doubted=True)


def _wait(invoice: Invoice, evidence: Evidence) -> Wait:
    """The first rule that is not met, the ceiling of all last: its lock is held until commit."""
    if evidence.is_fresh or invoice.instant_check_at is None:
        silent_from = evidence.seen_at + SILENCE
        invoice.instant_check_at = max(invoice.instant_check_at or silent_from, silent_from)
    before = Wait(invoice.instant_wait)
    if before in instant_rules.LASTING:
        return before
    outputs = observations.output_facts(invoice)
    dearest = invoice.quotes.aggregate(sat=Max("due_sat"))["sat"]
    facts = PaymentFacts(
        due_sat=max(invoice.due_sat, dearest),
        ceiling_sat=invoice.instant_ceiling_sat,
        configured=evidence.configured,
        live=evidence.live,
        least_operators=least_operators(),
        transactions=evidence.transactions,
        is_doubted=any(map(_is_contradicted, outputs)),
        is_watched=evidence.is_watched,
        asked_at=evidence.asked_at,
        silent_from=invoice.instant_check_at,
    )
    wait = instant_rules.unmet(facts)
    if wait is not Wait.NOTHING:
        return wait
    good = _counted(invoice, outputs)
    asked = {tx.txid for tx in evidence.transactions}
    unasked = (each for each in good if each.outpoint.txid not in asked)
    if any(not _is_confirmed(each, invoice) for each in unasked):
        # It was seen since, or a block has it that is not proved yet, or that a server contradicts.
        return Wait.SECOND_SERVER
    worth_sat = sum(each.value_sat for each in good)
    return Wait.NOTHING if _has_room(invoice, worth_sat) else Wait.TOTAL_CEILING


def _counted(invoice: Invoice, outputs: Sequence[OutputFacts]) -> tuple[OutputFacts, ...]:
    view = View(
        tip_height=invoice.tip_height,
        swept_at=invoice.swept_at,
        agreed=False,
        due_today_sat=None,
    )
    return settlement.counted(observations.invoice_facts(invoice), outputs, view)


def _is_confirmed(output: OutputFacts, invoice: Invoice) -> bool:
    return output.spv_ok and output.height is not None and output.height <= invoice.tip_height


def _is_contradicted(output: OutputFacts) -> bool:
    is_gone = output.chain in {OutputChain.MISSING, OutputChain.CONFLICTED}
    is_settled = output.chain is OutputChain.BLOCK and output.spv_ok
    return is_gone or (not is_settled and (output.doubted or output.dsproof_at is not None))


def _has_room(invoice: Invoice, worth_sat: int) -> bool:
    """Whether this release stays within the owner's ceiling. One at a time: the row is locked."""
    owner = invoice.payout.owner
    terms = Terms.objects.select_for_update().filter(pk=owner).first()
    if terms is None:
        return False
    released_sat = released(owner)
    return instant_rules.fits(
        worth_sat, released_sat=released_sat, total_sat=terms.instant_total_sat
    )


def released(owner: UUID) -> int:
    """Satoshis that the owner's files were opened for, and that are in no block yet."""
    out = Invoice.objects.filter(
        payout__owner=owner, settled_instantly=True, depth=0, state=InvoiceState.PAID
    )
    return out.aggregate(sat=Sum("settled_sat"))["sat"] or 0


def _look_again(invoice: Invoice, evidence: Evidence, wait: Wait) -> None:
    """What passes by itself is asked about again soon, for a minute; then the sweep finds it."""
    if wait is Wait.NOTHING:
        invoice.instant_check_at = None
    check_at = invoice.instant_check_at
    if check_at is None or wait not in instant_rules.PASSING or check_at > evidence.asked_at:
        return
    first_seen_at = invoice.outputs.aggregate(at=Min("first_seen_at"))["at"]
    if evidence.asked_at - first_seen_at < AGAIN_FOR:
        invoice.instant_check_at = evidence.seen_at + AGAIN_AFTER
