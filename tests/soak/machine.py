"""Random stories of buyers, money, blocks, servers, crashes and time, and what must hold in all.

The two promises, checked against the true chain and not against our own tables: nothing is released
that is not paid, and nothing that is paid stays locked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.test import override_settings
from django.utils import timezone
from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from devchain.errors import DevchainError
from payments import amounts, connection, forwards, invoices, payouts, watcher
from payments.errors import ChainUnavailable, ServiceError
from payments.models import Event, Forward, Invoice, Output
from payments.states import InvoiceState, OutputChain, PayoutKind
from tests.soak.world import Mood, Payment, World, age
from tests.tills import XPUB, script_of
from tests.unlock.sale import INSTANCE_PRIVATE, Buyer, Sold, publish
from unlock import announcements, keys
from unlock.models import KeyRelease, Purchase

FLOOR_SAT: Final = 1_500  # below it, a forwarder's output does not count
PAYEE: Final = "bchreg:qqyx49mu0kkn9ftfj6hje6g2wfer34yfnqcdm3j4ya"
MOST_INVOICES: Final = 6
MONEY = st.sampled_from(
    ("exact", "exact", "exact", "half", "rest", "over", "one_less", "tolerated", "dust")
)


class Crash(Exception):
    """The process died here; what it had not committed is gone."""


@dataclass
class Sale:
    """One buyer's order, and what the story did to it."""

    invoice_id: UUID
    purchase: Purchase
    buyer: Buyer
    script: bytes
    due_sat: int
    least_sat: int
    confirmations: int
    is_forwarder: bool
    payments: list[Payment] = field(default_factory=list)
    accepted_sat: int | None = None

    def counts(self, payment: Payment) -> bool:
        return not payment.has_token and not (self.is_forwarder and payment.value_sat < FLOOR_SAT)


class Shop(RuleBasedStateMachine):
    """The app under test, driven the way its tasks drive it; every rule is one step."""

    def __init__(self) -> None:
        super().__init__()
        self._exits = contextlib.ExitStack()
        self.world = World()
        self._exits.callback(self.world.close)
        self._exits.enter_context(
            override_settings(
                KIM_ELECTRUM_SERVERS=self.world.addresses, KIM_ELECTRUM_TIMEOUT_SECONDS=0.3
            )
        )
        self._exits.callback(connection.close)
        connection.close()
        self._exits.enter_context(_taken_back())
        self.sales: list[Sale] = []
        self.released: set[UUID] = set()
        self.fetched: set[UUID] = set()

    @initialize()
    def open_the_shop(self) -> None:
        self.sold: Sold = publish()
        self.outs = {
            PayoutKind.FORWARDER: payouts.set_current(
                self.sold.file.creator_id, self._address(), now=timezone.now()
            ),
            PayoutKind.XPUB: payouts.set_current(
                publish().file.creator_id, XPUB, now=timezone.now()
            ),
        }

    def teardown(self) -> None:
        """However the story went: once blocks come and one server is honest, who paid is served."""
        try:
            if self.sales:
                self.calm_down()
        finally:
            self._exits.close()

    # --- buyers ---------------------------------------------------------------------------------

    @precondition(lambda self: len(self.sales) < MOST_INVOICES)
    @rule(
        kind=st.sampled_from(PayoutKind),
        confirmations=st.sampled_from((1, 2)),
        due_sat=st.sampled_from((2_000, 20_000, 1_000_000)),
    )
    def order(self, kind: PayoutKind, confirmations: int, due_sat: int) -> None:
        price = amounts.parse_price(amounts.format_bch(due_sat), "BCH")
        try:
            view = invoices.open(
                payout_id=self.outs[kind].id,
                price=price,
                confirmations=confirmations,
                now=timezone.now(),
            )
        except ChainUnavailable:
            return  # an xpub's next address is looked up first
        buyer = Buyer()
        row = Invoice.objects.get(pk=view.id)
        self.sales.append(
            Sale(
                invoice_id=view.id,
                purchase=buyer.purchase(self.sold, invoice_id=view.id, now=timezone.now()),
                buyer=buyer,
                script=script_of(view.address),
                due_sat=due_sat,
                least_sat=min(row.quotes.values_list("min_sat", flat=True)),
                confirmations=confirmations,
                is_forwarder=row.payout.kind == PayoutKind.FORWARDER,
            )
        )

    @precondition(lambda self: self.sales)
    @rule(at=st.integers(0, MOST_INVOICES - 1), how=MONEY)
    def pay(self, at: int, how: str) -> None:
        sale = self.sales[at % len(self.sales)]
        amount_sat = self._amount(sale, how)
        with contextlib.suppress(DevchainError):
            paid = self.world.node.pay(sale.script, amount_sat)
            sale.payments.append(Payment(paid.txid, paid.raw, amount_sat))

    @precondition(lambda self: self.sales)
    @rule(at=st.integers(0, MOST_INVOICES - 1))
    def pay_with_a_token(self, at: int) -> None:
        sale = self.sales[at % len(self.sales)]
        with contextlib.suppress(DevchainError):
            paid = self.world.node.pay(sale.script, sale.due_sat, with_token=True)
            sale.payments.append(Payment(paid.txid, paid.raw, sale.due_sat, has_token=True))

    @precondition(lambda self: self.sales)
    @rule(at=st.integers(0, MOST_INVOICES - 1))
    def fetch_the_key(self, at: int) -> None:
        sale = self.sales[at % len(self.sales)]
        if keys.read(sale.purchase.id, now=timezone.now()) is not None:
            self.fetched.add(sale.purchase.id)

    # --- the chain ------------------------------------------------------------------------------

    @rule(blocks=st.integers(1, 3))
    def mine(self, blocks: int) -> None:
        self.world.node.chain.mine(blocks)

    @rule(depth=st.integers(1, 4), drops=st.booleans())
    def reorganise(self, depth: int, drops: bool) -> None:
        gone = frozenset(each.txid for sale in self.sales for each in sale.payments[-1:])
        self.world.node.chain.reorg(depth, drop=gone if drops else frozenset())

    @precondition(lambda self: self._waiting())
    @rule(at=st.integers(0, 20), mined=st.booleans())
    def double_spend(self, at: int, mined: bool) -> None:
        waiting = self._waiting()
        with contextlib.suppress(DevchainError):
            self.world.node.double_spend(waiting[at % len(waiting)].txid, mine=mined)

    @precondition(lambda self: self._waiting())
    @rule(at=st.integers(0, 20))
    def evict(self, at: int) -> None:
        waiting = self._waiting()
        self.world.node.chain.evict(waiting[at % len(waiting)].txid)

    @precondition(lambda self: any(sale.payments for sale in self.sales))
    @rule(at=st.integers(0, 20))
    def send_again(self, at: int) -> None:
        paid = [each for sale in self.sales for each in sale.payments]
        with contextlib.suppress(DevchainError):
            self.world.node.chain.submit(paid[at % len(paid)].raw)

    @rule(number=st.integers(0, 1), mood=st.sampled_from(Mood))
    def change_mood(self, number: int, mood: Mood) -> None:
        self.world.set_mood(number, mood)

    # --- the app --------------------------------------------------------------------------------

    @rule()
    def sweep(self) -> None:
        Invoice.objects.update(sweep_due_at=timezone.now())
        self._work(lambda: watcher.sweep(now=timezone.now()))

    @rule()
    def follow_a_block(self) -> None:
        self._work(lambda: watcher.follow_block(now=timezone.now()))

    @precondition(lambda self: self.sales)
    @rule(at=st.integers(0, MOST_INVOICES - 1))
    def look(self, at: int) -> None:
        sale = self.sales[at % len(self.sales)]
        self._work(lambda: watcher.look(sale.invoice_id, now=timezone.now()))

    @precondition(lambda self: self.sales)
    @rule(at=st.integers(0, MOST_INVOICES - 1))
    def die_while_looking(self, at: int) -> None:
        """Everything that this look wrote is lost, and so is what the process remembered."""
        sale = self.sales[at % len(self.sales)]

        def die() -> None:
            with transaction.atomic():
                watcher.look(sale.invoice_id, now=timezone.now())
                raise Crash

        self._work(die)
        connection.close()

    @rule()
    def forward(self) -> None:
        self._work(lambda: forwards.forward_all(connection.chain(), now=timezone.now()))

    @rule(hours=st.sampled_from((1, 12, 24 * 40)))
    def wait(self, hours: int) -> None:
        age(timedelta(hours=hours))

    @precondition(lambda self: self.sales)
    @rule(at=st.integers(0, MOST_INVOICES - 1), what=st.sampled_from(("requote", "void")))
    def press(self, at: int, what: str) -> None:
        sale = self.sales[at % len(self.sales)]
        verb: Callable[..., Any] = getattr(invoices, what)
        with contextlib.suppress(ServiceError):
            verb(sale.invoice_id, now=timezone.now())

    @precondition(lambda self: self.sales)
    @rule(at=st.integers(0, MOST_INVOICES - 1))
    def accept(self, at: int) -> None:
        sale = self.sales[at % len(self.sales)]
        with contextlib.suppress(ServiceError):
            invoices.accept(sale.invoice_id, now=timezone.now())
            sale.accepted_sat = Invoice.objects.get(pk=sale.invoice_id).accepted_sat

    @precondition(lambda self: self.sales)
    @rule()
    def calm_down(self) -> None:
        """Honest servers and a few blocks: now everything must be as the chain has it."""
        for number in range(len(self.world.servers)):
            self.world.set_mood(number, Mood.HONEST)
        connection.close()
        self.world.node.chain.mine(2)
        for _ in range(3):  # to be called gone takes two looks
            self.sweep()
        self._check_served()
        self._check_books()
        for sale in self.sales:
            event(f"calm: {Invoice.objects.get(pk=sale.invoice_id).state}")

    # --- what must hold -------------------------------------------------------------------------

    def _work(self, work: Callable[[], Any]) -> None:
        """One task, then the drain and the releases that follow it, then the first promise."""
        with contextlib.suppress(ChainUnavailable, Crash):
            work()
        announcements.drain(now=timezone.now())
        announcements.serve(private_keys=INSTANCE_PRIVATE, now=timezone.now())
        self._check_released()

    def _check_released(self) -> None:
        """Whatever was just released is paid, by the chain's own word."""
        rows = KeyRelease.objects.exclude(purchase__in=self.released)
        for purchase_id in rows.values_list("purchase_id", flat=True):
            sale = next(each for each in self.sales if each.purchase.id == purchase_id)
            deep_sat = self._sum(sale, at_depth=sale.confirmations)
            need_sat = min(sale.least_sat, sale.accepted_sat or sale.least_sat)
            assert deep_sat >= need_sat, f"released for {deep_sat} of {need_sat} sat"
            self.released.add(purchase_id)

    def _check_served(self) -> None:
        """Whoever paid the whole price is served; whoever paid nothing is not."""
        now = timezone.now()
        for sale in self.sales:
            row = Invoice.objects.get(pk=sale.invoice_id)
            deep_sat = self._sum(sale, at_depth=sale.confirmations)
            kept = keys.read(sale.purchase.id, now=now)
            if deep_sat >= sale.due_sat:
                assert row.state == InvoiceState.PAID, f"{row.state} with {deep_sat} sat"
                assert kept is not None, "paid, and the key is withheld"
                assert sale.buyer.open(sale.purchase, kept.sealed) == self.sold.secret
                self.fetched.add(sale.purchase.id)
            elif deep_sat == 0 and sale.purchase.id not in self.fetched:
                assert kept is None, "unpaid, and the key is handed out"
            if self._sum(sale, at_depth=0) == 0 and row.settled_at is not None:
                assert row.state == InvoiceState.REVERSED, f"{row.state} with nothing on chain"

    def _check_books(self) -> None:
        """What is written down is what the chain holds; events have no gap; no coin is lost."""
        positions = list(Event.objects.order_by("position").values_list("position", flat=True))
        assert positions == list(range(1, len(positions) + 1))
        for sale in self.sales:
            row = Invoice.objects.get(pk=sale.invoice_id)
            assert row.seen_sat == self._sum(sale, at_depth=0)
            assert row.confirmed_sat == self._sum(sale, at_depth=sale.confirmations)
            there = {OutputChain.MEMPOOL, OutputChain.BLOCK}
            written = Output.objects.filter(invoice=row, chain__in=there, has_token=True)
            tokens = [each for each in sale.payments if each.has_token and self._is_there(each)]
            assert written.count() == len(tokens)
        for forward in Forward.objects.all():
            spent = forward.outputs.filter(has_token=True)
            assert not spent.exists(), "a token was forwarded"

    def _sum(self, sale: Sale, *, at_depth: int) -> int:
        return sum(
            each.value_sat
            for each in sale.payments
            if sale.counts(each)
            and self._is_there(each)
            and self.world.depth(each.txid) >= at_depth
        )

    def _is_there(self, payment: Payment) -> bool:
        return self.world.depth(payment.txid) > 0 or self.world.is_waiting(payment.txid)

    def _waiting(self) -> list[Payment]:
        paid = (each for sale in self.sales for each in sale.payments)
        return [each for each in paid if self.world.is_waiting(each.txid)]

    def _amount(self, sale: Sale, how: str) -> int:
        seen_sat = self._sum(sale, at_depth=0)
        amount_sat = {
            "exact": sale.due_sat,
            "half": sale.due_sat // 2,
            "rest": sale.due_sat - seen_sat,
            "over": 2 * sale.due_sat,
            "one_less": sale.least_sat - 1,
            "tolerated": sale.least_sat,
            "dust": 600,
        }[how]
        return max(amount_sat, 546)

    def _address(self) -> str:
        return self.world.node.new_address()


@contextlib.contextmanager
def _taken_back() -> Iterator[None]:
    """Everything that happens to the database inside is undone at the end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
