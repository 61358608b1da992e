"""The promises, held against what the app did: at every latch, at every release, and at rest."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from devchain.errors import DevchainError
from payments import addresses, connection, forwards, refunds
from payments.models import Event, Forward, Invoice, Output, Refund
from payments.states import InvoiceFlag, InvoiceState, Network, OutputChain
from tests.soak.moods import BLIND, DENYING
from tests.soak.promises import Sale, Truth
from tests.soak.world import World
from tests.unlock.sale import Sold
from unlock import keys
from unlock.models import KeyRelease

SILENCE = timedelta(seconds=8)


class Checks:
    """What one story's app was seen to do so far."""

    def __init__(self, world: World, sales: list[Sale], ceiling_sat: int) -> None:
        self.world, self.sales, self._ceiling_sat = world, sales, ceiling_sat
        self.sold: Sold
        self.fetched: set[UUID] = set()
        self._paid: set[UUID] = set()  # invoices that are PAID as far as we saw
        self._latched: set[UUID] = set()
        self._to: dict[UUID, bytes] = {}  # where refunds go

    # --- the first promise ----------------------------------------------------------------------

    def latched(self) -> None:
        """Whatever was just settled is paid, by the chain's own word; whatever was just taken back
        is gone, by the word of every server.
        """
        rows = Invoice.objects.in_bulk([sale.invoice_id for sale in self.sales])
        for sale in self.sales:
            row, truth = rows[sale.invoice_id], Truth(self.world, sale)
            is_paid, was_paid = row.state == InvoiceState.PAID, row.pk in self._paid
            if is_paid and not was_paid:
                first_time = row.pk not in self._latched
                self._check_latch(row, truth, first_time=first_time)
                self._paid.add(row.pk)
                self._latched.add(row.pk)
            elif was_paid and not is_paid:
                assert row.state == InvoiceState.REVERSED, f"PAID became {row.state}"
                is_fooled = all(mood in DENYING for mood in self.world.moods)
                assert is_fooled or not _stands(row, self.world), "taken back, and the money stands"
                self._paid.remove(row.pk)

    def _check_latch(self, row: Invoice, truth: Truth, *, first_time: bool) -> None:
        assert not (first_time and truth.sale.is_withdrawn), "sold, and it was taken down"
        if first_time and row.settled_instantly:
            self._check_instant(row, truth)
            has_sat = truth.there_sat
        else:
            has_sat = truth.deep_sat
        need_sat = truth.least_sat()
        if not first_time:  # given back: what it was settled for is enough
            need_sat = min(need_sat, row.settled_sat or need_sat)
        assert has_sat >= need_sat, self._settled_wrongly(row, has_sat, need_sat)

    def _settled_wrongly(self, row: Invoice, has_sat: int, need_sat: int) -> str:
        """With what a story that does not fail twice would not tell."""
        shown = [
            f"{each.transaction_id} {each.value_sat} sat {each.chain} at {each.height} in"
            f" {each.block_hash} spv {each.spv_ok} by {each.seen_by}"
            for each in Output.objects.filter(invoice=row)
        ]
        chain = connection.chain()
        links = [
            f"{link.name} live {link.is_live} sound {link.is_sound} tip"
            f" {link.tip and link.tip.height} {link.branch}"
            for link in chain._pool.links
        ]
        return (
            f"settled for {has_sat} of {need_sat} sat; servers {self.world.moods}; the node's last"
            f" blocks {self.world.last_blocks()}; ours {chain.tip()}; outputs {shown}; {links}"
        )

    def _check_instant(self, row: Invoice, truth: Truth) -> None:
        assert truth.sale.is_instant, "nobody chose to sell before a block"
        assert not any(mood in BLIND for mood in self.world.moods), "one server's word"
        waiting = [each for each in truth.there if self.world.is_waiting(each.txid)]
        proofs = self.world.node.chain.proofs
        assert not any(each.txid in proofs for each in waiting), "a double spend was known"
        assert all(each.sent_at + SILENCE <= timezone.now() for each in waiting), "too early"
        mine = Invoice.objects.filter(
            payout__owner=row.payout.owner, settled_instantly=True, state=InvoiceState.PAID
        )
        open_sat = sum(
            each.settled_sat or 0
            for each in mine
            if any(self.world.is_waiting(text.split(":")[0]) for text in each.evidence)
            and all(self.world.depth(text.split(":")[0]) == 0 for text in each.evidence)
        )
        assert open_sat <= self._ceiling_sat, f"{open_sat} sat are open before a block"

    def released(self) -> None:
        """A key goes out only for what was seen to be paid."""
        for purchase_id in KeyRelease.objects.values_list("purchase_id", flat=True):
            sale = next(each for each in self.sales if each.purchase.id == purchase_id)
            assert sale.invoice_id in self._latched, "released, and never paid"

    # --- the second promise ---------------------------------------------------------------------

    def served(self, rate: int) -> None:
        """Whoever paid is served."""
        for sale in self.sales:
            row, truth = Invoice.objects.get(pk=sale.invoice_id), Truth(self.world, sale)
            if sale.is_withdrawn or not truth.must_be_served(rate):
                continue
            assert row.state == InvoiceState.PAID, f"{row.state} with {truth.deep_sat} sat"
            kept = keys.read(sale.purchase.id, now=timezone.now())
            assert kept is not None, "paid, and the key is withheld"
            opened = sale.buyer.open(sale.purchase, kept.sealed)
            assert opened == self.sold.secret, "paid, and the key does not fit"
            self.fetched.add(sale.purchase.id)

    # --- at rest --------------------------------------------------------------------------------

    def books(self) -> None:
        """What is written down is what the chain holds; events have no gap and tell the truth."""
        positions = list(Event.objects.order_by("position").values_list("position", flat=True))
        assert positions == list(range(1, len(positions) + 1)), "the events have a gap"
        for sale in self.sales:
            row, truth = Invoice.objects.get(pk=sale.invoice_id), Truth(self.world, sale)
            assert row.seen_sat == truth.there_sat, "seen is not what is there"
            assert row.confirmed_sat == truth.deep_sat, "confirmed is not what is deep"
            told = Event.objects.filter(invoice=row).latest("seq").state
            assert told == row.state, f"{row.state}, and {told} was told"
            if row.state == InvoiceState.PAID:
                stands = _stands(row, self.world) or truth.deep_sat >= truth.least_sat()
                assert stands, f"PAID, and {truth.deep_sat} sat are left"
            self._check_unpaid(sale, row, truth)
            self._check_tokens(sale, row)
            if sale.is_withdrawn:
                self._check_debt(row, truth)
        for forward in Forward.objects.all():
            spent = forward.outputs.filter(has_token=True)
            assert not spent.exists(), "a token was forwarded"

    def _check_unpaid(self, sale: Sale, row: Invoice, truth: Truth) -> None:
        if truth.deep_sat == 0 and sale.purchase.id not in self.fetched:
            kept = keys.read(sale.purchase.id, now=timezone.now())
            assert kept is None, "unpaid, and the key is handed out"
        if truth.there_sat == 0 and row.settled_at is not None:
            assert row.state == InvoiceState.REVERSED, f"{row.state} with nothing on chain"

    def _check_tokens(self, sale: Sale, row: Invoice) -> None:
        there = {OutputChain.MEMPOOL, OutputChain.BLOCK}
        written = Output.objects.filter(invoice=row, chain__in=there, has_token=True)
        # A wallet that makes the very same payment again makes the very same transaction.
        tokens = {p.txid for p in sale.payments if p.has_token and self.world.is_there(p.txid)}
        assert written.count() == len(tokens), "a token is not written down"

    def _check_debt(self, row: Invoice, truth: Truth) -> None:
        """Of what was taken down everything is owed back. What comes while a refund is being paid
        is owed once that is done.
        """
        asked = list(Refund.objects.filter(invoice=row))
        waiting = [each for each in asked if each.closed_at is None]
        owed_sat = sum(each.due_sat for each in asked)
        is_under_way = any(each.txid for each in waiting)
        assert is_under_way or owed_sat >= truth.deep_sat, f"{owed_sat} of {truth.deep_sat} sat"
        assert not waiting or InvoiceFlag.REFUND_DUE in row.flags, "owed, and not flagged"

    # --- what the creator does ------------------------------------------------------------------

    def pay_back(self, sale: Sale) -> None:
        """To where the buyer said; it counts once it is in a block."""
        now = timezone.now()
        if sale.invoice_id not in self._to:
            address = self.world.node.new_address()
            refunds.note_address(sale.invoice_id, address, now=now)
            self._to[sale.invoice_id] = addresses.parse(address, Network.REGTEST).script
        view = refunds.of([sale.invoice_id]).get(sale.invoice_id)
        if view is None or view.closed_at is not None or not view.address:
            return
        try:
            self.world.pay([(self._to[sale.invoice_id], view.due_sat - view.paid_sat)])
        except DevchainError:
            return
        refunds.look(chain=connection.chain(), now=now)

    def forward(self) -> None:
        forwards.forward_all(connection.chain(), now=timezone.now())


def _stands(row: Invoice, world: World) -> bool:
    """Whether everything that settled it is there, in a block where a block was asked for."""
    txids = [text.split(":")[0] for text in row.evidence]
    least = 0 if row.settled_instantly else row.confirmations
    return all(world.is_there(txid) and world.depth(txid) >= least for txid in txids)
