"""What support does for a buyer in the admin: each through the verb that others use, with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core import mail as outbox
from django.test import Client
from django.utils import timezone

from payments import hints
from payments import models as money
from payments.states import InvoiceState, RefundReason
from tests.unlock.sale import INSTANCE_PRIVATE, NOW, Buyer, owe, publish
from tests.unlock.test_refunds import bought as paid_for
from tests.unlock.test_refunds import invoice_of
from unlock import keys, mail, purchase_admin
from unlock.models import (
    AuditEntry,
    Creator,
    Grant,
    KeyRelease,
    Measure,
    Notice,
    PaidFile,
    Purchase,
)
from unlock.states import FileState, GrantKind, NoticeKind

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

PURCHASES = "/admin/unlock/purchase/"
FILES = "/admin/unlock/paidfile/"
TXID = "ab" * 32


@pytest.fixture
def sam() -> Client:
    """Of support."""
    return member("support", "sam")


def member(group: str, name: str) -> Client:
    user = get_user_model().objects.create_user(name, password="x" * 12, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def act(client: Client, path: str, action: str, row: Any, **more: str) -> str:
    form = {"action": action, "_selected_action": [str(row.pk)], **more}
    return client.post(path, form, follow=True).content.decode()


def because(reason: str) -> dict[str, str]:
    return {"confirmed": "yes", "reason": reason}


def logged() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("who", "action", "reason"))


def test_a_grant_needs_a_reason_and_gives_the_key_to_that_buyer(sam: Client) -> None:
    sold, buyer = publish(), Buyer()
    bought = buyer.purchase(sold, invoice_id=owe(sold).id)
    assert keys.release(bought.id, private_keys=INSTANCE_PRIVATE, now=NOW) is None

    asked = act(sam, PURCHASES, "grant", bought)
    empty = act(sam, PURCHASES, "grant", bought, **because("  "))

    assert "It cannot be taken back" in asked
    assert "Say why" in empty
    assert not Grant.objects.exists()
    done = act(sam, PURCHASES, "grant", bought, **because("Paid by bank, by mistake."))
    assert "granted" in done
    given = Grant.objects.get()
    assert (given.kind, given.reason) == (GrantKind.STAFF, "Paid by bank, by mistake.")
    assert given.granted_by is not None
    assert given.granted_by.get_username() == "sam"
    assert logged() == [("sam", "grant", "Paid by bank, by mistake.")]
    keys.release(bought.id, private_keys=INSTANCE_PRIVATE, now=timezone.now())
    assert buyer.open(bought, KeyRelease.objects.get().sealed) == sold.secret
    act(sam, PURCHASES, "grant", bought, **because("Once more."))
    assert Grant.objects.get().reason == "Paid by bank, by mistake."


def test_operators_do_not_grant_and_moderators_do_nothing_to_purchases() -> None:
    sold = publish()
    bought = Buyer().purchase(sold, invoice_id=owe(sold).id)
    for group in ("operator", "moderator"):
        client = member(group, group)
        for action in ("grant", "close_refund", "look_again", "release_again"):
            if (group, action) not in {("operator", "look_again"), ("operator", "release_again")}:
                form = {"action": action, "_selected_action": [str(bought.pk)]}
                more = {} if group == "operator" and action == "close_refund" else because("x")
                client.post(PURCHASES, {**form, **more})

    assert not Grant.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_refund_that_was_paid_otherwise_is_closed_with_its_transaction(sam: Client) -> None:
    _, bought = paid_for(publish(), InvoiceState.PAID)
    money.Refund.objects.create(
        invoice=invoice_of(bought), reason=RefundReason.OVER, due_sat=500, asked_at=NOW
    )
    listed = sam.get(PURCHASES, {"refund": "open"}).context["cl"].result_list
    assert [row.pk for row in listed] == [bought.pk]

    wrong = act(sam, PURCHASES, "close_refund", bought, txid="xyz", **because("Sent by hand."))
    assert "64 digits" in wrong
    assert money.Refund.objects.get().closed_at is None
    act(sam, PURCHASES, "close_refund", bought, txid=TXID.upper(), **because("Sent by hand."))

    row = money.Refund.objects.get()
    assert row.closed_at is not None
    assert row.note == f"Sent by hand. ({TXID})"
    assert logged() == [("sam", "refund closed", f"Sent by hand. ({TXID})")]
    again = act(sam, PURCHASES, "close_refund", bought, **because("Again."))
    assert "No refund of this order is open" in again
    assert len(logged()) == 1
    assert list(sam.get(PURCHASES, {"refund": "open"}).context["cl"].result_list) == []


def test_a_look_and_a_release_are_asked_for_and_give_nothing_by_themselves(
    sam: Client, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sold = publish()
    bought = Buyer().purchase(sold, invoice_id=owe(sold).id)
    asked: list[Any] = []
    monkeypatch.setattr(hints, "ask_reconcile", asked.append)
    monkeypatch.setattr(purchase_admin, "ask_release", asked.append)

    act(sam, PURCHASES, "look_again", bought)
    act(sam, PURCHASES, "release_again", bought)

    assert asked == [bought.invoice_id, bought.id]
    assert logged() == [("sam", "look again", ""), ("sam", "release again", "")]
    assert not KeyRelease.objects.exists()
    assert money.Invoice.objects.get().state == InvoiceState.OPEN


def test_the_page_of_a_row_has_the_actions_beside_its_states(sam: Client) -> None:
    sold = publish()
    bought = Buyer().purchase(sold, invoice_id=owe(sold).id)

    found = [
        sam.get(path).content.decode()
        for path in (f"{PURCHASES}{bought.pk}/change/", f"{FILES}{sold.file.pk}/change/")
    ]
    page, file = (" ".join(each.split()) for each in found)

    for action in ("grant", "close_refund", "look_again", "release_again"):
        assert f'name="action" value="{action}"' in page
    assert 'name="_save"' not in page
    assert 'name="action"' not in file  # support only looks at files


def test_a_pause_by_staff_is_lifted_with_a_reason_and_the_file_stays_paused() -> None:
    rita, sold, path = member("moderator", "rita"), publish(), "/admin/unlock/paidfile/"
    refused = act(rita, path, "lift_pause", sold.file, **because("A mistake."))
    assert "Staff did not pause it" in refused
    act(rita, path, "pause", sold.file, **because("A complaint."))
    assert PaidFile.objects.get().state == FileState.PAUSED

    asked = act(rita, path, "lift_pause", sold.file)
    assert Measure.objects.get().lifted_at is None
    act(rita, path, "lift_pause", sold.file, **because("A mistake."))

    assert "until its creator resumes it" in asked
    assert Measure.objects.get().lifted_at is not None
    assert PaidFile.objects.get().state == FileState.PAUSED
    assert [who for who, _, _ in logged()] == ["rita", "rita"]
    assert logged()[-1][2] == "A mistake."


def test_a_notice_goes_out_again_where_there_is_an_address(sam: Client, settings: Settings) -> None:
    settings.HAS_MAIL = True
    sold = publish()
    notice = Notice.objects.create(
        creator=sold.file.creator, kind=NoticeKind.SOLD, topic="one", text="Sold.",
        mailed_at=NOW, created_at=NOW,
    )  # fmt: skip
    path = "/admin/unlock/notice/"

    assert "gets no e-mail" in act(sam, path, "mail_again", notice)
    assert Notice.objects.get().mail_due_at is None
    Creator.objects.update(email="maya@example.org", email_confirmed_at=NOW)
    act(sam, path, "mail_again", notice)

    assert mail.send_due(clock=timezone.now) == 1
    assert outbox.outbox[0].to == ["maya@example.org"]
    assert logged() == [("sam", "mail again", "")]
    assert Purchase.objects.count() == 0
