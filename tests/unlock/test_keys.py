"""The one gate: who gets S, who does not, and that nothing moves when the answer is no."""

from __future__ import annotations

import logging
import os
from datetime import timedelta

import pytest

from payments.states import InvoiceState
from tests.unlock import sale
from tests.unlock.sale import INSTANCE_PRIVATE, INSTANCE_PUBLIC, NOW, Buyer
from unlock import container, grants, keys
from unlock.errors import InstanceKeyMissing, PurchaseUnknown, SecretUnusable, WrongKey
from unlock.models import KeyRelease, Purchase
from unlock.states import GrantKind, ReleaseState

pytestmark = pytest.mark.django_db

UNSETTLED = [state for state in InvoiceState if state != InvoiceState.PAID]


def release(purchase: Purchase) -> KeyRelease | None:
    return keys.release(purchase.id, private_keys=INSTANCE_PRIVATE, now=NOW)


def test_a_settled_invoice_brings_the_buyer_the_very_secret_that_was_deposited() -> None:
    sold, noor = sale.publish(), Buyer()
    purchase = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)

    row = release(purchase)

    assert row is not None
    assert noor.open(purchase, row.sealed) == sold.secret
    assert bytes(row.wrapped_key) == sale.WRAPPED_KEY
    assert row.h_s == container.hash_commitment(sold.secret).hex()
    assert row.generation == 0
    assert row.first_fetched_at is None


@pytest.mark.parametrize("kind", list(GrantKind))
def test_a_grant_of_any_kind_brings_it_too(kind: GrantKind) -> None:
    sold, noor = sale.publish(), Buyer()
    purchase = noor.purchase(sold)
    grants.give(purchase.id, kind, now=NOW)

    row = release(purchase)

    assert row is not None
    assert noor.open(purchase, row.sealed) == sold.secret


@pytest.mark.parametrize("state", UNSETTLED)
def test_an_invoice_in_any_other_state_brings_nothing_and_nothing_moves(
    state: InvoiceState,
) -> None:
    sold, eve = sale.publish(), Buyer()
    purchase = eve.purchase(sold, invoice_id=sale.owe(sold, state).id)

    assert release(purchase) is None

    assert not KeyRelease.objects.exists()
    assert keys.read(purchase.id, now=NOW) is None
    assert keys.standing_of(purchase.id, now=NOW).release_state is ReleaseState.NONE


def test_a_wrong_amount_brings_nothing() -> None:
    sold, eve = sale.publish(), Buyer()
    invoice = sale.owe(sold, InvoiceState.PARTIAL, seen_sat=9_499, missing_sat=501)
    purchase = eve.purchase(sold, invoice_id=invoice.id)

    assert release(purchase) is None
    assert not KeyRelease.objects.exists()


def test_a_purchase_without_invoice_and_without_grant_brings_nothing() -> None:
    purchase = Buyer().purchase(sale.publish())

    assert release(purchase) is None
    assert not KeyRelease.objects.exists()


def test_anothers_settled_invoice_of_the_same_file_opens_nothing_for_eve() -> None:
    sold, noor, eve = sale.publish(), Buyer(), Buyer()
    noors = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    eves = eve.purchase(sold, invoice_id=sale.owe(sold).id)

    row = release(noors)

    assert release(eves) is None
    assert row is not None
    with pytest.raises(WrongKey):
        eve.open(noors, row.sealed)  # sealed to noor's key
    with pytest.raises(WrongKey):
        noor.open(eves, row.sealed)  # bound to noor's purchase


def test_releasing_again_gives_the_same_row_and_the_same_bytes() -> None:
    sold, noor = sale.publish(), Buyer()
    purchase = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)

    first, second = release(purchase), release(purchase)

    assert first is not None
    assert second is not None
    assert (first.pk, bytes(first.sealed)) == (second.pk, bytes(second.sealed))
    assert KeyRelease.objects.count() == 1


def test_reading_is_repeatable_for_ever_and_notes_the_first_time() -> None:
    sold, noor = sale.publish(), Buyer()
    purchase = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    release(purchase)

    early = keys.read(purchase.id, now=NOW + timedelta(seconds=1))
    late = keys.read(purchase.id, now=NOW + timedelta(days=9000))

    assert early is not None
    assert late is not None
    assert bytes(early.sealed) == bytes(late.sealed)
    assert KeyRelease.objects.get().first_fetched_at == NOW + timedelta(seconds=1)


def test_reversed_before_the_first_fetch_is_withheld_until_paid_again() -> None:
    sold, noor = sale.publish(), Buyer()
    invoice = sale.owe(sold, InvoiceState.PAID)
    purchase = noor.purchase(sold, invoice_id=invoice.id)
    release(purchase)

    sale.move(invoice, InvoiceState.REVERSED)

    assert keys.read(purchase.id, now=NOW) is None
    assert KeyRelease.objects.get().first_fetched_at is None
    assert keys.standing_of(purchase.id, now=NOW).release_state is ReleaseState.NONE

    sale.move(invoice, InvoiceState.PAID)

    row = keys.read(purchase.id, now=NOW)
    assert row is not None
    assert noor.open(purchase, row.sealed) == sold.secret


def test_reversed_after_the_first_fetch_stays_served() -> None:
    sold, noor = sale.publish(), Buyer()
    invoice = sale.owe(sold, InvoiceState.PAID)
    purchase = noor.purchase(sold, invoice_id=invoice.id)
    release(purchase)
    keys.read(purchase.id, now=NOW)

    sale.move(invoice, InvoiceState.REVERSED)

    assert keys.read(purchase.id, now=NOW) is not None
    assert keys.standing_of(purchase.id, now=NOW).release_state is ReleaseState.READY


def test_a_file_that_was_paused_or_removed_still_serves_who_paid() -> None:
    sold, noor = sale.publish(), Buyer()
    purchase = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    sold.file.state = "removed"
    sold.file.save()

    row = release(purchase)

    assert row is not None
    assert noor.open(purchase, row.sealed) == sold.secret


def test_another_generation_of_the_file_is_not_what_was_bought() -> None:
    sold, noor = sale.publish(generation=1), Buyer()
    purchase = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    Purchase.objects.update(generation=0)

    with pytest.raises(SecretUnusable, match="generation"):
        release(purchase)

    assert not KeyRelease.objects.exists()


def test_another_content_is_not_what_was_bought() -> None:
    sold, other, noor = sale.publish(), sale.publish(), Buyer()
    purchase = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    assert other.file.container is not None
    Purchase.objects.update(content_id=other.file.container.content_id)

    with pytest.raises(SecretUnusable, match="content"):
        release(purchase)

    assert not KeyRelease.objects.exists()


def test_a_deposit_that_is_not_what_it_commits_to_is_never_handed_out() -> None:
    sold = sale.publish(h_s="00" * 32)
    purchase = Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)

    with pytest.raises(SecretUnusable, match="commits"):
        release(purchase)

    assert not KeyRelease.objects.exists()


def test_a_deposit_of_another_file_does_not_open() -> None:
    stolen = sale.publish()
    sold = sale.publish(s_sealed=bytes(stolen.file.s_sealed), h_s=stolen.file.h_s)
    purchase = Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)

    with pytest.raises(SecretUnusable, match="does not open"):
        release(purchase)

    assert not KeyRelease.objects.exists()


def test_a_process_without_private_keys_releases_nothing() -> None:
    sold = sale.publish()
    purchase = Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)

    with pytest.raises(InstanceKeyMissing):
        keys.release(purchase.id, private_keys=(), now=NOW)

    assert not KeyRelease.objects.exists()


def test_older_instance_keys_still_open_older_deposits() -> None:
    sold, noor = sale.publish(), Buyer()
    purchase = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    newer = container.new_key_pair()

    row = keys.release(purchase.id, private_keys=(newer.private_key, *INSTANCE_PRIVATE), now=NOW)

    assert row is not None
    assert noor.open(purchase, row.sealed) == sold.secret


def test_an_unknown_purchase_is_said_so() -> None:
    with pytest.raises(PurchaseUnknown):
        keys.release(sale.publish().file.id, private_keys=INSTANCE_PRIVATE, now=NOW)


def test_the_secret_is_in_no_row_no_log_and_no_error(
    caplog: pytest.LogCaptureFixture, django_assert_max_num_queries: object
) -> None:
    sold, noor = sale.publish(), Buyer()
    purchase = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    forged = sale.publish(h_s="00" * 32)
    eves = Buyer().purchase(forged, invoice_id=sale.owe(forged, InvoiceState.PAID).id)

    with caplog.at_level(logging.DEBUG):
        release(purchase)
        with pytest.raises(SecretUnusable) as refused:
            release(eves)
        logging.getLogger("test").error("told", exc_info=refused.value)

    said = caplog.text + repr(refused.value) + str(refused.value.__cause__)
    stored = b"".join(
        bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
        for model in (KeyRelease, Purchase, type(sold.file))
        for row in model.objects.values()
        for value in row.values()
    )
    for secret in (sold.secret, forged.secret):
        shapes = (secret.hex(), repr(secret), container.encode_b64url(secret))
        assert not any(shape in said for shape in shapes)
        assert secret not in stored
        assert not any(shape.encode() in stored for shape in shapes)


def test_the_worker_starts_with_the_right_keys() -> None:
    sale.publish()

    keys.check_instance_keys(INSTANCE_PUBLIC, INSTANCE_PRIVATE)


def test_the_worker_does_not_start_without_keys_or_with_the_wrong_ones() -> None:
    other = container.new_key_pair()

    with pytest.raises(InstanceKeyMissing, match="empty"):
        keys.check_instance_keys(INSTANCE_PUBLIC, ())
    with pytest.raises(InstanceKeyMissing, match="published"):
        keys.check_instance_keys(INSTANCE_PUBLIC, (other.private_key,))


def test_the_worker_does_not_start_if_an_older_key_was_lost() -> None:
    sale.publish()
    other = container.new_key_pair()

    with pytest.raises(InstanceKeyMissing, match="does not open"):
        keys.check_instance_keys(other.public_key, (other.private_key,))


def test_what_is_owed_is_served_oldest_first_and_a_failure_steps_behind() -> None:
    sold = sale.publish()
    first, second = (
        Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id) for _ in range(2)
    )
    keys.owe([second.id], now=NOW)
    keys.owe([first.id], now=NOW - timedelta(seconds=9))

    assert keys.due(now=NOW, limit=10) == [first.id, second.id]

    keys.postpone(first.id, now=NOW)

    assert keys.due(now=NOW, limit=10) == [second.id]
    assert keys.due(now=NOW + keys.RETRY_AFTER, limit=10) == [second.id, first.id]

    release(second)

    assert keys.due(now=NOW, limit=10) == []
    assert keys.owe([second.id], now=NOW) == 0  # it has its key


def test_a_buyer_key_is_never_looked_up_anew() -> None:
    """The key that S is sealed to was fixed with the order; S for a random key is never made."""
    sold, noor = sale.publish(), Buyer()
    purchase = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    row = release(purchase)
    assert row is not None
    Purchase.objects.update(buyer_key=Buyer(os.urandom(32)).keys.public_key)

    again = release(purchase)

    assert again is not None
    assert bytes(again.sealed) == bytes(row.sealed)
