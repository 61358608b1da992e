"""The admin over every model of ours, with a row in every table: all of it opens, none of it tells.

One loop over the registry, so that a new model or column is looked at without a test of its own.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db.models import BinaryField, Model
from django.test import Client

from payments import models as money
from payments.states import InvoiceState, OutputChain, RefundReason
from tests.unlock.sale import NOW, Buyer, Sold, owe, publish
from unlock import creators, journal
from unlock import models as ours
from unlock.states import FileState, GrantKind, NoticeKind

pytestmark = pytest.mark.django_db

MARK = b"bytes that staff never see: "
ODD_WORDS = ("nine", "x" * 3000, "%", "'\"--", "\0", "٣", "00000000-0000", "<script>", "a b c")


def models() -> list[type[Model]]:
    return [
        *apps.get_app_config("unlock").get_models(),
        *apps.get_app_config("payments").get_models(),
    ]


def address(model: type[Model], rest: str = "") -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/{rest}"


@pytest.fixture
def staff() -> Client:
    cache.clear()
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("staff", password="x" * 12))
    return client


@pytest.fixture
def sold() -> Sold:
    """A file with one row of everything behind it, all of its bytes marked."""
    sold = publish(wrapped_key=MARK + b"wrapped")
    held, owner = sold.file.container, sold.file.creator
    assert held is not None
    invoice = owe(sold, InvoiceState.PAID)
    bought = Buyer().purchase(sold, invoice_id=invoice.id)
    ours.Upload.objects.create(
        creator=owner,
        container=held,
        copy=ours.Copy.objects.get(),
        multipart_id="m",
        part_bytes=8 * 2**20,
        part_count=1,
    )
    ours.Invitation.objects.create(code_hash="ab" * 32, note="for maya", used_by=owner)
    ours.Grant.objects.create(purchase=bought, kind=GrantKind.STAFF, reason="asked nicely")
    ours.GivenAgain.objects.create(old=bought, new=bought)
    ours.KeyRelease.objects.create(
        purchase=bought, sealed=MARK + b"sealed", wrapped_key=MARK + b"w", h_s=sold.file.h_s
    )
    ours.Cursor.objects.create(name="announcements", position=7)
    ours.Samples.objects.create(
        paid_file=sold.file, kind="text", content_id=held.content_id, entries=b""
    )
    ours.Audit.objects.create(container=held, nonce=b"")
    ours.Cover.objects.create(
        paid_file=sold.file,
        media_type="image/webp",
        width=1,
        height=1,
        picture=b"",
        sha256="ef" * 32,
    )
    ours.Failure.objects.create(purchase=bought, step="open", code="forged")
    hook = ours.Webhook.objects.create(creator=owner, url="https://shop.example/hook")
    ours.Delivery.objects.create(webhook=hook, kind="test", body="{}")
    ours.Notice.objects.create(
        creator=owner, kind=NoticeKind.SOLD, purchase=bought, topic="one", text="Sold."
    )
    ours.ApiToken.objects.create(
        creator=owner, name="shop", token_hash="ab" * 32, scopes=["files:read"], expires_at=NOW
    )
    ours.KeptAnswer.objects.create(
        creator=owner, key_hash="ab" * 32, request_hash="cd" * 32, sealed_body=MARK + b"kept"
    )
    ours.ClosedAccount.objects.create(creator=owner)
    ours.Instance.objects.create(name="Maya's shop", done_at=NOW)
    ours.Vault.objects.create(creator=owner, sealed_root=b"", recovery_hash="ab" * 32)
    ours.SecondFactor.objects.create(creator=owner, sealed_seed=b"")
    ours.EgressDay.objects.create(paid_file=sold.file, day=NOW.date())
    ours.StaffFactor.objects.create(
        user=get_user_model().objects.create_user("rita", is_staff=True), sealed_seed=b""
    )
    ours.SessionNote.objects.create(creator=owner, key_hash="cd" * 32, browser="Firefox")
    ours.PayoutChange.objects.create(creator=owner, value="bchreg:q", due_at=NOW)
    report = ours.Report.objects.create(
        reference="r", paid_file=sold.file, kind="fraud", text="A fraud.", segment=0,
        proof=MARK + b"row", sealed_key=MARK + b"key",
    )  # fmt: skip
    ours.Measure.objects.create(
        paid_file=sold.file, report=report, kind="pause", reason="A fraud.", lifted_at=NOW
    )
    ours.Suspension.objects.create(creator=owner, reason="A fraud.", lifted_at=NOW)
    ours.Block.objects.create(kind="content", value="ab" * 32, reason="A fraud.")
    ours.Quota.objects.create(creator=owner, max_files=9)
    ours.InvitationUse.objects.create(invitation=ours.Invitation.objects.get(), creator=owner)
    journal.note(report, "acted", who="rita", now=NOW)
    ours.Pricing.objects.create(paid_file=sold.file, stock=9)
    ours.Profile.objects.create(creator=owner, about="Ninety nights", shop_access_hash="ab" * 32)
    ours.Showcase.objects.create(paid_file=sold.file, is_adult=True)
    ours.Version.objects.create(paid_file=sold.file, container=held, number=1, generation=0)
    ours.Erasure.objects.create(paid_file=sold.file)
    ours.SealingKey.objects.create(kind="field", fingerprint="ab" * 8)
    ours.DiscountCode.objects.create(
        paid_file=sold.file, code_hash="ac" * 32, sealed_code=b"", note="for friends", percent=50
    )
    _add_money(invoice)
    for model in models():  # whatever is bytes, in whatever table, carries the mark
        for column in model._meta.fields:
            if isinstance(column, BinaryField):
                for row in model._default_manager.all():
                    own = MARK + f"{row.pk}".encode()
                    model._default_manager.filter(pk=row.pk).update(**{column.name: own})
    return sold


def _add_money(invoice: money.Invoice) -> None:
    raw = MARK + b"raw"
    forward = money.Forward.objects.create(
        payout=invoice.payout, txid="cd" * 32, raw=raw, value_sat=9, fee_sat=1, created_at=NOW
    )
    paid = money.ChainTransaction.objects.create(txid="ab" * 32, raw=raw, first_seen_at=NOW)
    money.Output.objects.create(
        invoice=invoice,
        transaction=paid,
        vout=0,
        value_sat=10_000,
        chain=OutputChain.BLOCK,
        first_seen_at=NOW,
        forward=forward,
    )
    money.HeaderPage.objects.create(start_height=0, raw=raw)
    money.Terms.objects.create(owner=invoice.payout.owner)
    money.Refund.objects.create(
        invoice=invoice, reason=RefundReason.OVER, due_sat=3_000, asked_at=NOW
    )
    rate = {"currency": "EUR", "rate": Decimal(400), "at": NOW}
    money.RateSample.objects.create(source="kraken", **rate)
    money.Rate.objects.create(sources=["kraken"], **rate)
    money.ManualRate.objects.create(owner=invoice.payout.owner, **rate)
    money.Counter.objects.get_or_create(name="events", defaults={"value": 1})
    money.Heartbeat.objects.create(name="daemon", at=NOW, detail={"tip": 1})


def disguises(secret: bytes) -> list[str]:
    """What bytes could look like on a page."""
    return [
        secret.decode(),
        secret.hex(),
        base64.b64encode(secret).decode()[:-4],
        base64.urlsafe_b64encode(secret).decode()[:-4],
    ]


def pages(staff: Client) -> Iterator[tuple[str, Any]]:
    """Every list (plain, searched, filtered, ordered) and every page of every row."""
    for model in models():
        plain = staff.get(address(model))
        yield address(model), plain
        links = re.findall(r'href="(\?[^"]+)"', plain.content.decode())
        shown = dict.fromkeys(html.unescape(link) for link in links)
        tries = [*list(shown)[::3], "?p=99", "?o=9.-1", "?e=1"]
        for link in tries:
            yield address(model, link), staff.get(address(model, link), follow=True)
        for row in model._default_manager.all():
            key = quote(row.pk)
            for rest in (f"{key}/change/", f"{key}/history/"):
                yield address(model, rest), staff.get(address(model, rest), follow=True)


def test_there_is_a_row_in_every_table(sold: Sold) -> None:
    empty = [model.__name__ for model in models() if not model._default_manager.exists()]

    assert empty == []


def test_every_page_opens_and_shows_no_bytes(sold: Sold, staff: Client) -> None:
    seen = 0
    for where, page in pages(staff):
        assert page.status_code == 200, where
        text = page.content.decode()
        for form in disguises(MARK):
            assert form not in text, where
        assert "&lt;memory at" not in text, where
        seen += 1

    assert seen > 100


def test_every_list_can_be_searched_for_anything(sold: Sold, staff: Client) -> None:
    for model in models():
        registered = admin.site._registry[model]
        assert registered.search_fields or model in {
            money.HeaderPage,
            money.Heartbeat,
            money.Counter,
        }, model
        for word in ODD_WORDS:
            assert staff.get(address(model), {"q": word}).status_code == 200, (model, word)


def test_no_field_of_ours_can_be_written_by_hand(sold: Sold, staff: Client) -> None:
    for model in set(models()) - {ours.Instance}:  # which has the operator's own words
        for row in model._default_manager.all():
            key = quote(row.pk)
            page = staff.get(address(model, f"{key}/change/")).content.decode()
            before = model._default_manager.filter(pk=row.pk).values().get()
            fields = {column.name: "1" for column in model._meta.fields}

            assert 'name="_save"' not in page, model
            assert staff.post(address(model, f"{key}/change/"), fields).status_code == 403, model
            deleted = staff.post(address(model, f"{key}/delete/"), {"post": "yes"})
            assert deleted.status_code == 403, model
            chosen = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
            staff.post(address(model), chosen)
            assert model._default_manager.filter(pk=row.pk).values().get() == before, model


def test_what_staff_do_to_files_and_creators_stays_written_down(sold: Sold, staff: Client) -> None:
    file, owner = sold.file, sold.file.creator
    files, people = address(ours.PaidFile), address(ours.Creator)
    on_file = {"_selected_action": [str(file.id)], "confirmed": "yes", "reason": "a complaint"}
    on_owner = {"_selected_action": [str(owner.id)], "confirmed": "yes", "reason": "a complaint"}

    staff.post(files, {"action": "pause", **on_file})
    assert ours.PaidFile.objects.get().state == FileState.PAUSED
    staff.post(files, {"action": "remove", **on_file})
    assert ours.PaidFile.objects.get().state == FileState.REMOVED
    staff.post(people, {"action": "suspend", **on_owner})
    assert ours.Creator.objects.get().suspended_at is not None
    # An account that its creator closed stays closed.
    staff.post(people, {"action": "reinstate", **on_owner})
    assert ours.Creator.objects.get().suspended_at is not None
    ours.ClosedAccount.objects.all().delete()
    staff.post(people, {"action": "reinstate", **on_owner})
    assert ours.Creator.objects.get().suspended_at is None

    kept = list(LogEntry.objects.order_by("pk").values_list("object_id", "change_message"))
    assert kept == [
        (str(file.id), "paused: a complaint"),
        (str(file.id), "removed: a complaint"),
        (str(owner.id), "suspended: a complaint"),
        (str(owner.id), "reinstated: a complaint"),
    ]
    assert set(LogEntry.objects.values_list("user__username", flat=True)) == {"staff"}
    history = staff.get(address(ours.PaidFile, f"{file.id}/history/")).content.decode()
    assert "removed: a complaint" in history
    # Whoever bought keeps what they bought.
    assert ours.KeyRelease.objects.count() == ours.Purchase.objects.count() == 1


def test_creators_and_strangers_see_nothing_of_it(sold: Sold) -> None:
    stranger, creator = Client(), Client()
    creator.force_login(sold.file.creator.user)

    for client in (stranger, creator):
        for model in models():
            for rest in ("", "add/", "1/change/"):
                page = client.get(address(model, rest))
                assert page.status_code == 302, (model, rest)
                assert page.headers["Location"].startswith("/admin/login/")


def test_a_creators_derived_value_is_no_staff_login(staff: Client) -> None:
    from tests.unlock.creating import sign_up

    maya, derived = sign_up("maya")
    client = Client()

    tried = {"username": "maya", "password": creators._as_text(derived)}
    assert client.post("/admin/login/", tried).status_code == 200
    assert "_auth_user_id" not in client.session
    assert not maya.user.is_staff
