"""An xpub whose addresses wait unpaid falls back to forwarders, and comes back by itself."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.utils import timezone

from payments import addresses, connection, payouts, xpubs
from payments.amounts import FLOOR_SAT
from payments.errors import PayoutMissing
from payments.invoices import InvoiceView
from payments.models import Address, Payout
from payments.payouts import PayoutView
from payments.states import Network, PayoutKind
from tests.devchains import Devchain
from tests.tills import look, payout_to, sell
from tests.xpub import XPUB

pytestmark = pytest.mark.django_db(transaction=True)


def sell_many(chain: Devchain, payout: PayoutView, times: int) -> list[InvoiceView]:
    return [sell(chain, payout=payout) for _ in range(times)]


def change_address() -> str:
    xpub = xpubs.parse(XPUB, Network.REGTEST)
    return xpubs.derive_address(xpub, 0, network=Network.REGTEST, chain=1)


def test_after_fifteen_unpaid_addresses_forwarders_are_handed_out(chain: Devchain) -> None:
    payout = payout_to(XPUB)

    sold = sell_many(chain, payout, 17)

    kinds = [Address.objects.get(invoice=each.id).payout.kind for each in sold]
    assert kinds == [PayoutKind.XPUB] * 15 + [PayoutKind.FORWARDER] * 2
    assert payouts.gap_of(payout.id) == 15
    fallback = Payout.objects.get(fallback_of=payout.id)
    assert fallback.shown == change_address()
    assert (
        fallback.payee_script
        == xpubs.derive_script(xpubs.parse(XPUB, Network.REGTEST), 0, chain=1).hex()
    )


def test_a_payment_that_is_seen_closes_the_gap_behind_it(chain: Devchain) -> None:
    payout = payout_to(XPUB)
    sold = sell_many(chain, payout, 15)
    assert sell(chain, payout=payout).address_derivation == "forwarder 0"

    chain.pay(sold[9].address, 20_000)
    look(sold[9].id)

    assert payouts.gap_of(payout.id) == 5
    assert sell(chain, payout=payout).address_derivation == "m/0/15"
    assert payouts.gap_of(payout.id) == 6


def test_what_a_forwarder_cannot_take_goes_on_at_the_xpub(chain: Devchain) -> None:
    payout = payout_to(XPUB)
    sell_many(chain, payout, 15)
    least = FLOOR_SAT[PayoutKind.FORWARDER]

    assert sell(chain, payout=payout, sat=least - 1).address_derivation == "m/0/15"
    assert sell(chain, payout=payout, sat=least).address_derivation == "forwarder 0"


def test_a_shop_goes_on_while_no_server_can_be_asked(chain: Devchain) -> None:
    payout = payout_to(XPUB)
    sell_many(chain, payout, 15)
    chain.stop()

    assert sell(chain, payout=payout).address_derivation == "forwarder 0"


def test_the_fallback_is_made_once_with_a_seed_of_its_own_and_its_kit_is_there_at_once() -> None:
    owner = uuid4()
    payout = payout_to(XPUB, owner=owner)
    kits = payouts.recoveries(owner)

    assert payouts.current(owner) == payout
    assert len(kits) == 1
    assert addresses.encode(kits[0].payee_script, Network.REGTEST) == change_address()
    payout_to(XPUB, owner=uuid4())
    assert len(set(Payout.objects.filter(fallback_of__isnull=False).values_list("sealed"))) == 2


def test_an_xpub_older_than_fallbacks_gets_one_when_it_needs_it(chain: Devchain) -> None:
    payout = payout_to(XPUB)
    Payout.objects.filter(fallback_of=payout.id).delete()
    sell_many(chain, payout, 15)

    sold = sell_many(chain, payout, 2)

    assert [each.address_derivation for each in sold] == ["forwarder 0", "forwarder 1"]
    assert Payout.objects.filter(fallback_of=payout.id).count() == 1


def test_the_gap_of_an_xpub_that_came_back_counts_all_its_rows(chain: Devchain) -> None:
    owner = uuid4()
    first = payout_to(XPUB, owner=owner)
    sell_many(chain, first, 8)
    payout_to(chain.new_address(), owner=owner)
    again = payout_to(XPUB, owner=owner)
    sell_many(chain, again, 7)

    assert (payouts.gap_of(again.id), payouts.gap_of(first.id)) == (15, 15)
    assert sell(chain, payout=again).address_derivation == "forwarder 0"


def test_the_creator_is_told_how_wide_the_gap_is_and_what_to_enter(chain: Devchain) -> None:
    owner = uuid4()
    payout = payout_to(XPUB, owner=owner)
    sold = sell_many(chain, payout, 3)
    chain.pay(sold[1].address, 20_000)
    look(sold[1].id)
    (narrow,) = payouts.gaps(owner)
    assert (narrow.gap, narrow.last_used, narrow.next_index) == (1, 1, 3)
    assert (narrow.is_falling_back, narrow.advice) == (False, "")

    sell_many(chain, payout, 14)

    (wide,) = payouts.gaps(owner)
    assert (wide.gap, wide.last_used, wide.is_falling_back) == (15, 1, True)
    assert wide.advice == "wallet.change_gap_limit(60)"


def test_an_address_has_no_gap(chain: Devchain) -> None:
    owner = uuid4()
    payout = payout_to(chain.new_address(), owner=owner)
    sell_many(chain, payout, 2)

    assert payouts.gap_of(payout.id) == 0
    assert payouts.gaps(owner) == ()
    with pytest.raises(PayoutMissing):
        payouts.gap_of(uuid4())


def test_the_money_of_a_fallback_arrives_in_the_same_wallet(chain: Devchain) -> None:
    from payments import forwards

    payout = payout_to(XPUB)
    sell_many(chain, payout, 15)
    invoice = sell(chain, payout=payout)
    chain.pay(invoice.address, 20_000)
    chain.mine()
    look(invoice.id)

    assert forwards.forward_all(connection.chain(), now=timezone.now()) == 1

    script = addresses.parse(change_address(), Network.REGTEST).script
    seen = connection.chain().sight(script, {}).outputs
    assert [output.value_sat for output in seen] == [20_000 - 142]


def test_a_restored_database_goes_on_beyond_its_marks(chain: Devchain) -> None:
    """The backup knows less than was handed out: nothing of that is handed out again."""
    xpub, address = payout_to(XPUB), payout_to(chain.new_address())
    for payout in (xpub, address):
        sell_many(chain, payout, 2)
    kept = {**payouts.marks(), str(uuid4()): 5}
    assert not payouts.is_behind(kept)
    assert payouts.heed_marks(kept, now=timezone.now()) == 0
    kept |= {str(xpub.id): 6, str(address.id): 9}
    now = timezone.now()

    assert payouts.is_behind(kept)
    assert payouts.heed_marks(kept, now=now) == 2
    assert payouts.heed_marks(kept, now=now) == 0

    assert sell(chain, payout=address).address_derivation == "forwarder 10009"
    assert sell(chain, payout=xpub).address_derivation == "forwarder 0"
    assert sell(chain, payout=xpub, sat=1_000).address_derivation == "m/0/6"
    assert payouts.gaps(Payout.objects.get(pk=xpub.id).owner)[0].unsure_at == now


def test_a_confirmed_gap_brings_the_xpub_back_beyond_its_mark(chain: Devchain) -> None:
    owner = uuid4()
    payout = payout_to(XPUB, owner=owner)
    payouts.heed_marks({str(payout.id): 4}, now=timezone.now())
    used = xpubs.derive_address(xpubs.parse(XPUB, Network.REGTEST), 6, network=Network.REGTEST)
    chain.pay(used, 5_000)

    payouts.confirm_gap(owner, now=timezone.now())

    assert payouts.gaps(owner)[0].unsure_at is None
    assert sell(chain, payout=payout).address_derivation == "m/0/7"


def test_a_retired_and_renewed_xpub_stays_unsure(chain: Devchain) -> None:
    owner = uuid4()
    payout = payout_to(XPUB, owner=owner)
    payouts.heed_marks({str(payout.id): 4}, now=timezone.now())
    payout_to(chain.new_address(), owner=owner)

    again = payout_to(XPUB, owner=owner)

    assert sell(chain, payout=again).address_derivation == "forwarder 0"
