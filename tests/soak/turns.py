"""Stories of money that turns: taken out of its block after the sale, shown on another chain, or
denied by some of the servers and not by all.

The other stories seldom take away exactly what settled a sale. Here nobody comes late, no rate
moves, and each rule first brings a sale as far as it needs to be.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from payments import connection
from payments.models import Invoice
from payments.states import InvoiceState
from tests.soak.cast import AT, STALLS, pick
from tests.soak.machine import Shop
from tests.soak.moods import Mood
from tests.soak.promises import Sale, Truth

PRICE = st.sampled_from((2_000, 20_000))
DENIALS = st.sampled_from(
    (
        (Mood.GONE, Mood.HIDING),
        (Mood.HIDING, Mood.GONE),
        (Mood.HONEST, Mood.HIDING),
        (Mood.HIDING, Mood.HIDING),
        (Mood.SILENT, Mood.STALE),
    )
)
LEFT_OUT: Final[Any] = None


class TurningShop(Shop):
    """The same app and the same promises; what would distract is left out."""

    change_mood = cheat = die_while_looking = move_the_rate = LEFT_OUT
    mine_for_a_buyer = pay_with_a_token = pay_somebody_alike = LEFT_OUT
    pay_so_long_after_the_quote = wait_at_the_screen = wait = LEFT_OUT
    press = take_the_file_down = pay_back = accept = forward = sweep_away = LEFT_OUT

    @initialize(orders=st.tuples(*[st.tuples(st.sampled_from((1, 2)), PRICE)] * len(STALLS)))
    def open_the_shop(self, orders: tuple[tuple[int, int | str], ...]) -> None:
        super().open_the_shop(orders)

    @rule(at=AT, depth=st.integers(1, 2))
    def lose_what_was_paid(self, at: int, depth: int) -> None:
        """A sale is settled; then its blocks are replaced, and its payments are in no other."""
        sale = self._sale(at)
        self._settle(sale, at)
        self.world.node.chain.mine(depth - 1)
        gone = frozenset(each.txid for each in sale.payments)
        if 0 < (deepest := self._deepest(sale)) <= 9:
            self.world.node.chain.reorg(deepest, drop=gone)
        self.look(at)

    @rule(at=AT, moods=DENIALS, moves=st.booleans())
    def deny_what_was_paid(self, at: int, moods: tuple[Mood, Mood], *, moves: bool) -> None:
        """A sale is settled; then servers that do not show its money are all that can be asked.
        When it ``moves``, its blocks are replaced by others that hold it too.
        """
        sale = self._sale(at)
        self._settle(sale, at)
        if moves and 0 < (depth := self._deepest(sale)) <= 9:
            self.world.node.chain.reorg(depth)
            self.world.node.chain.mine(sale.confirmations)
        for number, mood in enumerate(moods):
            self.world.set_mood(number, mood)
        connection.close()
        self.look(at)
        self._be_honest()
        self.look(at)

    @rule(at=AT)
    def rewrite_history(self, at: int) -> None:
        """A block that held a payment is replaced by two without it, and a server denies that."""
        sale = self._unpaid(at, confirmations=2)  # proved, and not yet deep enough
        self._be_honest()
        self._pay(self._amount(sale, "rest"), sale)
        self.world.node.chain.mine(1)
        self.look(self.sales.index(sale))
        self.world.node.chain.reorg(1)
        self.world.set_mood(0, Mood.STUBBORN)
        self.look(self.sales.index(sale))

    @rule(at=AT, number=st.integers(0, 1))
    def fork_the_tip(self, at: int, number: int) -> None:
        """Servers differ over the last block when the app starts: one put a payment into its own,
        in place of a true one that the app has not heard of.
        """
        sale = self._sale(at)
        self._be_honest()
        self._pay(self._amount(sale, "rest"), sale)
        self.world.node.chain.mine(1, with_mempool=False)
        self.world.set_mood(number, Mood.FORKED)
        connection.close()
        self.look(at)
        self._be_honest()

    @rule(at=AT)
    def tell_of_a_block_and_give_another(self, at: int) -> None:
        """Both servers told of the true last block; then the one that is asked first gives a block
        of its own for it.
        """
        sale = self._unpaid(at, confirmations=1)
        self._be_honest()
        self.follow_a_block()
        self.world.set_mood(0, Mood.FORKED)
        self.world.node.chain.mine(2)  # one that we have not got is before it
        self._wait_to_be_told()
        self._pay(self._amount(sale, "rest"), sale)
        self.look(self.sales.index(sale))
        self._be_honest()

    @rule(at=AT, number=st.integers(0, 1))
    def mine_two_at_once(self, at: int, number: int) -> None:
        """A sale is settled; then its block has a twin, and every server shows the payment."""
        self._settle(self._sale(at), at)
        self.world.set_mood(number, Mood.TWIN)
        connection.close()
        self.sweep()
        self.look(at)
        self._be_honest()

    @rule()
    def open_by_a_block_of_ones_own(self) -> None:
        """Half of an instant sale's price waits for eight seconds; the other half is spent twice,
        and the server that is asked first shows it in a last block of its own.
        """
        sale = self.sales[list(STALLS).index("instant")]
        self._be_honest()
        self.sweep()
        self._pay(self._amount(sale, "half"), sale)
        self._pay(self._amount(sale, "rest"), sale)
        self.double_spend(len(self._waiting()) - 1, mined=False)
        self.world.node.chain.mine(1, with_mempool=False)
        self.world.set_mood(0, Mood.FORKED)
        connection.close()
        self.look(self.sales.index(sale))
        self._wait(timedelta(seconds=9))
        self.look(self.sales.index(sale))
        self._be_honest()

    def _unpaid(self, at: int, *, confirmations: int) -> Sale:
        """One of these; a new order, where there is none and may be one more."""

        def found() -> list[Sale]:
            unpaid = [each for each in self.sales if not Truth(self.world, each).there]
            return pick([each for each in unpaid if each.confirmations == confirmations], at)

        if not found():
            self.order("forwarder", confirmations, 20_000)
        return (found() or [self._sale(at)])[0]

    def _deepest(self, sale: Sale) -> int:
        return max((self.world.depth(each.txid) for each in sale.payments), default=0)

    def _wait_to_be_told(self) -> None:
        """Until every server's own word is that this is the last block, or for a few seconds."""
        height, give_up_at = self.world.node.chain.ledger.height, time.monotonic() + 3
        links = connection.chain()._pool.links
        while time.monotonic() < give_up_at and not all(
            link.tip is not None and link.tip.height == height for link in links
        ):
            time.sleep(0.01)

    def _settle(self, sale: Sale, at: int) -> None:
        """Paid in full, buried as deep as it was asked for, and looked at."""
        self._be_honest()
        truth = Truth(self.world, sale)
        if truth.deep_sat < sale.first_due_sat:
            if truth.there_sat < sale.first_due_sat:
                self._pay(self._amount(sale, "rest"), sale)
            self.world.node.chain.mine(sale.confirmations)
        if Invoice.objects.get(pk=sale.invoice_id).state != InvoiceState.PAID:
            self.look(at)

    def _be_honest(self) -> None:
        if self.world.moods != [Mood.HONEST, Mood.HONEST]:
            for number in range(2):
                self.world.set_mood(number, Mood.HONEST)
            connection.close()
