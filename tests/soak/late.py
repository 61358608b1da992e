"""Stories of buyers who come around the deadline, or long after it, while the rate moves.

The other stories seldom let a buyer pay a little too little just after somebody looked in vain.
Here the servers are honest and the chain keeps what it has, but for one rule: all that moves is time
and money.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.soak.cast import AT, RATES, STALLS
from tests.soak.machine import Shop

HOW = st.sampled_from(("tolerated", "tolerated", "one_less", "exact", "half"))
PRICE = st.sampled_from(("EUR", "EUR", 20_000))
MINUTES = st.sampled_from((4, 7, 7, 30, 3 * 60))
LEFT_OUT: Final[Any] = None


class LateShop(Shop):
    """The same app and the same promises; what would distract is left out."""

    change_mood = cheat = rewrite_history = die_while_looking = LEFT_OUT
    double_spend = evict = reorganise = send_again = sweep_away = LEFT_OUT
    mine_for_a_buyer = pay_with_a_token = pay_somebody_alike = LEFT_OUT
    take_the_file_down = pay_back = wait_at_the_screen = wait = LEFT_OUT

    @initialize(orders=st.tuples(*[st.tuples(st.just(1), PRICE)] * len(STALLS)))
    def open_the_shop(self, orders: tuple[tuple[int, int | str], ...]) -> None:
        """Most prices are in euros: only those move with the rate."""
        super().open_the_shop(orders)

    @rule(at=AT, minutes=MINUTES, how=HOW, looks=st.booleans(), rate=st.sampled_from(RATES))
    def pay_late(self, at: int, minutes: int, how: str, rate: int, *, looks: bool) -> None:
        """A new quote where one is given, a payment so long after it, and two blocks."""
        self.press(at, "requote")
        self.move_the_rate(rate)
        self.pay_so_long_after_the_quote(at, minutes, how, looks=looks)
        self.mine(2)
        self.look(at)

    @rule(at=AT, how=HOW, rate=st.sampled_from(RATES))
    def keep_an_old_price_open(self, at: int, how: str, rate: int) -> None:
        """Enough in time, which no block ever takes; and long after, when it is dropped, the old
        price once more, in a block before anybody looks.
        """
        sale = self._sale(at)
        self.press(at, "requote")
        self._pay(self._amount(sale, "exact"), sale)
        self.look(at)
        self._wait(timedelta(days=40))
        self.move_the_rate(rate)
        if self.world.is_waiting(sale.payments[-1].txid):
            self.world.node.chain.evict(sale.payments[-1].txid)
        self._pay(self._amount(sale, how), sale)
        self.mine(2)
        self.look(at)
