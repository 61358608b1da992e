"""Random stories of buyers, money, blocks, servers, crashes and time, and what must hold in all.

The two promises, checked against the true chain and not against our own tables: nothing is released
that is not paid, and nothing that is paid stays locked. ``promises`` works out what they mean.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.db import transaction
from django.test import override_settings
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from devchain.errors import DevchainError
from payments import amounts, connection, electrum_pool, invoices, payouts, terms, watcher
from payments.errors import ChainUnavailable, ServiceError
from payments.models import Invoice
from payments.states import PayoutKind
from tests.soak.cast import (
    ALL_CEILING,
    AT,
    CENTS,
    MONEY,
    MOST_INVOICES,
    PATIENCE,
    PRICES,
    RATES,
    STALLS,
    Crash,
    pick,
    rate_now,
    taken_back,
)
from tests.soak.checks import Checks
from tests.soak.moods import FORGING, PASSING, Mood
from tests.soak.promises import Payment, Sale, Truth
from tests.soak.world import World, age, wrapped
from tests.tills import script_of
from tests.unlock.sale import INSTANCE_PRIVATE, Buyer, publish
from tests.xpub import XPUB
from unlock import announcements, keys


class Shop(RuleBasedStateMachine):
    """The app under test, driven the way its tasks drive it; every rule is one step."""

    def __init__(self) -> None:
        super().__init__()
        self._exits = contextlib.ExitStack()
        self.world = World()
        self._exits.callback(self.world.close)
        for pause in ("PAUSE_FIRST_SECONDS", "PAUSE_MOST_SECONDS"):
            self._exits.enter_context(patch.object(electrum_pool, pause, 0.01))
        self._exits.enter_context(
            override_settings(
                KIM_ELECTRUM_SERVERS=self.world.addresses, KIM_ELECTRUM_TIMEOUT_SECONDS=PATIENCE
            )
        )
        self._exits.callback(connection.close)
        connection.close()
        self._exits.enter_context(taken_back())
        self.sales: list[Sale] = []
        self.checks = Checks(self.world, self.sales, ALL_CEILING)

    @initialize(orders=st.tuples(*[st.tuples(st.sampled_from((1, 1, 2)), PRICES)] * len(STALLS)))
    def open_the_shop(self, orders: tuple[tuple[int, int | str], ...]) -> None:
        """Every story begins with one order at each stall."""
        now = timezone.now()
        settings.KIM_DEVELOPMENT_RATE = str(RATES[0])
        self.sold = self.checks.sold = publish()
        self.outs = {}
        for name, wanted in STALLS.items():
            where = XPUB if name == "xpub" else self.world.node.new_address()
            owner = publish().file.creator_id
            terms.set_for(owner, now=now, **wanted)
            self.outs[name] = payouts.set_current(owner, where, now=now)
        for stall, (confirmations, price) in zip(STALLS, orders, strict=True):
            self.order(stall, confirmations, price)

    def teardown(self) -> None:
        """However the story went: once blocks come and servers are honest, who paid is served."""
        try:
            if self.sales:
                self.calm_down(Mood.HONEST)
        finally:
            self._exits.close()

    # --- buyers ---------------------------------------------------------------------------------

    @rule(stall=st.sampled_from(list(STALLS)), confirmations=st.sampled_from((1, 2)), price=PRICES)
    def order(self, stall: str, confirmations: int, price: int | str) -> None:
        if len(self.sales) == MOST_INVOICES:
            return
        cents = CENTS if price == "EUR" else 0
        amount = f"{cents / 100:.2f}" if cents else amounts.format_bch(int(price))
        try:
            view = invoices.open(
                payout_id=self.outs[stall].id,
                price=amounts.parse_price(amount, "EUR" if cents else "BCH"),
                confirmations=confirmations,
                now=timezone.now(),
                instant=stall == "instant",
            )
        except ChainUnavailable:
            return  # an xpub's next address is looked up first
        buyer, row = Buyer(), Invoice.objects.get(pk=view.id)
        self.sales.append(
            Sale(
                invoice_id=view.id,
                purchase=buyer.purchase(self.sold, invoice_id=view.id, now=timezone.now()),
                buyer=buyer,
                script=script_of(view.address),
                first_due_sat=view.due_sat if cents else int(price),
                cents=cents,
                tolerance_bps=STALLS[stall].get("tolerance_bps", 100),
                honour_sats=STALLS[stall].get("honour_sats", False),
                confirmations=confirmations,
                is_instant=stall == "instant",
                is_forwarder=row.payout.kind == PayoutKind.FORWARDER,
                rates={rate_now()},
            )
        )

    @rule(at=AT, how=MONEY)
    def pay(self, at: int, how: str) -> None:
        sale = self._sale(at)
        self._pay(self._amount(sale, how), sale)

    @rule(at=AT, other=AT)
    def pay_two_at_once(self, at: int, other: int) -> None:
        """Two orders by one transaction; or one order, by two outputs of half the price each."""
        first, second = self._sale(at), self._sale(other)
        if first is second:
            self._pay(self._amount(first, "half") + 1, first, first)
        else:
            self._pay(max(first.first_due_sat, second.first_due_sat), first, second)

    @rule(at=AT)
    def pay_somebody_alike(self, at: int) -> None:
        """A little to the order, and its price to a script that only holds the order's script."""
        sale = self._sale(at)
        self._send([(sale.script, 600), (wrapped(sale.script), sale.first_due_sat)], [sale])

    @rule(at=AT)
    def pay_with_a_token(self, at: int) -> None:
        sale = self._sale(at)
        with contextlib.suppress(DevchainError):
            paid = self.world.node.pay(sale.script, sale.first_due_sat, with_token=True)
            self._note(sale, paid.txid, paid.raw, sale.first_due_sat, has_token=True)

    @rule(at=AT, blocks=st.sampled_from((1, 1, 98)))
    def mine_for_a_buyer(self, at: int, blocks: int) -> None:
        """New coins, straight to the order: they wait a hundred blocks."""
        sale = self._sale(at)
        made, value_sat = self.world.mint(sale.script)
        self._note(sale, made.txid, made.raw, value_sat, is_new_coin=True)
        self.world.node.chain.mine(blocks)

    @rule(at=AT, minutes=st.sampled_from((4, 7, 30, 3 * 60)), how=MONEY, looks=st.booleans())
    def pay_so_long_after_the_quote(self, at: int, minutes: int, how: str, *, looks: bool) -> None:
        sale = self._sale(at)
        if looks:
            self._wait_until(sale, timedelta(minutes=min(minutes, 6) - 0.5))
            self.look(at)
        self._wait_until(sale, timedelta(minutes=minutes))
        self._pay(self._amount(sale, how), sale)
        self.look(at)

    @rule(at=AT, seconds=st.sampled_from((7, 9)))
    def wait_at_the_screen(self, at: int, seconds: int) -> None:
        """A file that may open within seconds: paid, looked at, and looked at again."""
        sale = self._sale(at)
        self.sweep()
        self._pay(self._amount(sale, "rest"), sale)
        self.look(at)
        self._wait(timedelta(seconds=seconds))
        self.look(at)

    @rule(at=AT)
    def fetch_the_key(self, at: int) -> None:
        sale = self._sale(at)
        if keys.read(sale.purchase.id, now=timezone.now()) is not None:
            self.checks.fetched.add(sale.purchase.id)

    # --- the chain ------------------------------------------------------------------------------

    @rule(blocks=st.integers(1, 3))
    def mine(self, blocks: int) -> None:
        self.world.node.chain.mine(blocks)

    @rule(depth=st.integers(1, 4), drops=st.booleans())
    def reorganise(self, depth: int, drops: bool) -> None:
        gone = frozenset(each.txid for sale in self.sales for each in sale.payments[-1:])
        self.world.node.chain.reorg(depth, drop=gone if drops else frozenset())

    @rule(at=st.integers(0, 20), mined=st.booleans())
    def double_spend(self, at: int, mined: bool) -> None:
        for payment in pick(self._waiting(), at):
            with contextlib.suppress(DevchainError):
                self.world.node.double_spend(payment.txid, mine=mined)

    @rule(at=st.integers(0, 20))
    def evict(self, at: int) -> None:
        for payment in pick(self._waiting(), at):
            self.world.node.chain.evict(payment.txid)

    @rule(at=st.integers(0, 20))
    def send_again(self, at: int) -> None:
        for payment in pick([each for sale in self.sales for each in sale.payments], at):
            with contextlib.suppress(DevchainError):
                self.world.node.chain.submit(payment.raw)

    @rule(at=AT)
    def sweep_away(self, at: int) -> None:
        """Anybody may forward; here before we ever looked."""
        self.world.sweep_away(self._sale(at).invoice_id)

    # --- the servers ----------------------------------------------------------------------------

    @rule(number=st.integers(0, 1), mood=st.sampled_from(Mood))
    def change_mood(self, number: int, mood: Mood) -> None:
        self.world.set_mood(number, mood)

    @rule(
        at=AT, mood=st.sampled_from([*FORGING, Mood.LYING, Mood.BENDING]), number=st.integers(0, 1)
    )
    def cheat(self, at: int, mood: Mood, number: int) -> None:
        """A buyer with a server: pays, and shows us a block that nobody mined, or more money."""
        sale = self._sale(at)
        how = "dust" if mood is Mood.BENDING else "exact"
        self.world.set_mood(1 - number, Mood.GONE if mood is Mood.BENDING else Mood.HONEST)
        self._pay(self._amount(sale, how), sale)
        if mood is Mood.BENDING:
            self.world.node.chain.mine(2)
        self.world.set_mood(number, mood)
        self.look(at)

    @rule(at=AT)
    def rewrite_history(self, at: int) -> None:
        """A block that held a payment is replaced, and a server does not admit it."""
        self.look(at)
        self.world.node.chain.reorg(1)
        self.world.set_mood(0, Mood.STUBBORN)
        self.look(at)

    # --- the app --------------------------------------------------------------------------------

    @rule()
    def sweep(self) -> None:
        Invoice.objects.update(sweep_due_at=timezone.now())
        self._work(lambda: watcher.sweep(now=timezone.now()), self.sales)

    @rule()
    def follow_a_block(self) -> None:
        self._work(lambda: watcher.follow_block(now=timezone.now()), [])

    @rule(at=AT)
    def look(self, at: int) -> None:
        sale = self._sale(at)
        self._work(lambda: watcher.look(sale.invoice_id, now=timezone.now()), [sale])

    @rule(at=AT)
    def die_while_looking(self, at: int) -> None:
        """Everything that this look wrote is lost, and so is what the process remembered."""
        sale = self._sale(at)

        def die() -> None:
            with transaction.atomic():
                watcher.look(sale.invoice_id, now=timezone.now())
                raise Crash

        self._work(die, [])
        connection.close()

    @rule()
    def serve(self) -> None:
        """What is settled is released; between the two anything may have happened."""
        announcements.drain(now=timezone.now())
        announcements.serve(private_keys=INSTANCE_PRIVATE, now=timezone.now())
        self.checks.released()

    @rule()
    def forward(self) -> None:
        self._work(self.checks.forward, [])

    @rule(hours=st.sampled_from((1, 12, 24 * 40)))
    def wait(self, hours: int) -> None:
        self._wait(timedelta(hours=hours))

    @rule(rate=st.sampled_from(RATES))
    def move_the_rate(self, rate: int) -> None:
        settings.KIM_DEVELOPMENT_RATE = str(rate)
        for sale in self.sales:
            sale.rates.add(rate)
            for payment in sale.payments:
                payment.rates.add(rate)

    @rule(at=AT, what=st.sampled_from(("requote", "requote", "void")))
    def press(self, at: int, what: str) -> None:
        verb: Callable[..., Any] = getattr(invoices, what)
        with contextlib.suppress(ServiceError):
            verb(self._sale(at).invoice_id, now=timezone.now())

    @rule(at=AT, pays=st.booleans())
    def take_the_file_down(self, at: int, pays: bool) -> None:
        sale = self._sale(at)
        invoices.withdraw(sale.invoice_id, now=timezone.now())
        sale.is_withdrawn = Invoice.objects.get(pk=sale.invoice_id).settled_at is None
        if pays:
            self._pay(self._amount(sale, "exact"), sale)

    @rule(at=AT)
    def pay_back(self, at: int) -> None:
        for sale in pick([sale for sale in self.sales if sale.is_withdrawn], at):
            with contextlib.suppress(ChainUnavailable):
                self.checks.pay_back(sale)

    @rule(at=AT)
    def accept(self, at: int) -> None:
        sale = self._sale(at)
        with contextlib.suppress(ServiceError):
            invoices.accept(sale.invoice_id, now=timezone.now())
            sale.accepted_sat = Invoice.objects.get(pk=sale.invoice_id).accepted_sat

    @rule(other=st.sampled_from((Mood.HONEST, Mood.HONEST, *PASSING)))
    def calm_down(self, other: Mood) -> None:
        """One honest server and a few blocks: whoever paid is served. With two, all is true."""
        self.world.set_mood(0, other)
        self.world.set_mood(1, Mood.HONEST)
        connection.close()
        self.world.node.chain.mine(2)
        for _ in range(3 if other is Mood.HONEST else 1):  # to be called gone takes two looks
            self.sweep()
        self.serve()
        self.checks.served(rate_now())
        if other is Mood.HONEST:  # a sweep leaves out what is sold and did not change since
            for at in range(2 * len(self.sales)):
                self.look(at)
            self.checks.books()

    def _sale(self, at: int) -> Sale:
        return self.sales[at % len(self.sales)]

    def _work(self, work: Callable[[], Any], looked_at: list[Sale]) -> None:
        """One task, and then the first promise."""
        with contextlib.suppress(ChainUnavailable, Crash):
            work()
            if Mood.HONEST in self.world.moods:
                for sale in looked_at:
                    sale.note_look()
        self.checks.latched()

    def _pay(self, amount_sat: int, *sales: Sale) -> None:
        self._send([(sale.script, amount_sat) for sale in sales], sales)

    def _send(self, outputs: list[tuple[bytes, int]], sales: Any) -> None:
        with contextlib.suppress(DevchainError):
            paid = self.world.pay(outputs)
            for sale, (_, amount_sat) in zip(sales, outputs, strict=False):
                self._note(sale, paid.txid, paid.raw, amount_sat)

    def _note(self, sale: Sale, txid: str, raw: bytes, value_sat: int, **kind: Any) -> None:
        rates = {rate_now()}
        paid = Payment(txid, raw, value_sat, unseen_at=sale.looked_at, rates=rates, **kind)
        sale.payments.append(paid)

    def _wait(self, by: timedelta) -> None:
        age(by)
        for sale in self.sales:
            sale.grow_older(by)

    def _wait_until(self, sale: Sale, after: timedelta) -> None:
        """Until so long after the last quote; not at all, when that is over."""
        left = max(quote.until for quote in sale.told()) + after - timezone.now()
        if left > timedelta():
            self._wait(left)

    def _waiting(self) -> list[Payment]:
        return [p for sale in self.sales for p in sale.payments if self.world.is_waiting(p.txid)]

    def _amount(self, sale: Sale, how: str) -> int:
        due_sat, least_sat = sale.told()[-1].due_sat, sale.told()[-1].least_sat
        amount_sat = {
            "exact": due_sat,
            "half": due_sat // 2,
            "rest": due_sat - Truth(self.world, sale).there_sat,
            "over": 2 * due_sat,
            "one_less": least_sat - 1,
            "tolerated": least_sat,
            "dust": 600,
        }[how]
        return max(amount_sat, 546)
