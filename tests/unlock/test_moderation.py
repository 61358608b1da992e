"""Decisions: what each does, what it leaves alone, and that all of it is written down for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection, transaction
from django.test import Client
from pytest_django.fixtures import Settings

from payments import invoices
from payments import models as money
from payments.states import InvoiceState
from tests.unlock.creating import Browser, refusal, seal, signed_in
from tests.unlock.sale import NOW, Buyer, Sold, owe, publish
from tests.unlock.test_api_files import deposit, draft, published, run_selftest, upload
from unlock import (
    files,
    holds,
    journal,
    keys,
    live,
    locations,
    moderation,
    storage,
    suspensions,
)
from unlock.creator_errors import MoveRefused
from unlock.errors import NotForSale, ObjectMissing
from unlock.models import (
    AuditEntry,
    Block,
    Copy,
    Creator,
    Grant,
    KeyRelease,
    Measure,
    Notice,
    PaidFile,
    Report,
)
from unlock.moderation import Ruling
from unlock.moderation_errors import (
    AppealRefused,
    ContentBlocked,
    FileTakenDown,
    HeldBack,
    ModerationRefused,
    PayoutBlocked,
    ReasonMissing,
)
from unlock.moderation_rows import AppendOnlyError
from unlock.purchases import begin
from unlock.states import FileState, GrantKind, NoticeKind, ReportState

pytestmark = pytest.mark.django_db

RULING = Ruling(by="rita", reason="It is somebody else's song.")


def told(sold: Sold) -> list[str]:
    rows = Notice.objects.filter(creator=sold.file.creator, kind=NoticeKind.MODERATED)
    return list(rows.order_by("created_at", "pk").values_list("text", flat=True))


def log() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("who", "action", "reason"))


def goes_back(bill: money.Invoice) -> bool:
    """Whether what came, or comes, is owed back."""
    return money.Invoice.objects.get(pk=bill.pk).refund_due_at is not None


def state(sold: Sold) -> str:
    return PaidFile.objects.get(pk=sold.file.pk).state


# --- pausing --------------------------------------------------------------------------------------


def test_what_moderation_paused_its_creator_cannot_resume_until_it_is_lifted() -> None:
    sold = publish()

    made = moderation.pause(sold.file.id, RULING, now=NOW)

    assert state(sold) == FileState.PAUSED
    with pytest.raises(HeldBack):
        files.resume(sold.file.id, creator=sold.file.creator, now=NOW)
    assert state(sold) == FileState.PAUSED
    later = NOW + timedelta(minutes=1)
    moderation.restore(made.id, by="rita", reason="It was theirs.", now=later)
    assert state(sold) == FileState.PAUSED
    assert told(sold) == [
        "This site took “Nine recordings” off sale: It is somebody else's song.",
        (
            "The decision about “Nine recordings” was lifted: It was theirs. You can sell it again"
            " on your files page."
        ),
    ]
    assert log() == [
        ("rita", "pause", "It is somebody else's song."),
        ("rita", "restore", "It was theirs."),
    ]


def test_without_a_reason_nothing_is_decided() -> None:
    sold = publish()

    for verb in (
        moderation.pause,
        lambda *each, **more: moderation.remove(*each, deletes=True, **more),
    ):
        with pytest.raises(ReasonMissing):
            verb(sold.file.id, Ruling(by="rita", reason=" \n "), now=NOW)

    assert state(sold) == FileState.PUBLISHED
    assert (Measure.objects.count(), AuditEntry.objects.count(), told(sold)) == (0, 0, [])


def test_a_draft_cannot_be_paused_and_nothing_is_written() -> None:
    draft_of = publish(state=FileState.DRAFT)

    with pytest.raises(MoveRefused):
        moderation.pause(draft_of.file.id, RULING, now=NOW)

    assert (Measure.objects.count(), AuditEntry.objects.count()) == (0, 0)


# --- removing -------------------------------------------------------------------------------------


def test_a_removal_calls_open_orders_off_and_what_was_seen_goes_back() -> None:
    sold = publish()
    waiting, seen, paid = (
        owe(sold, each) for each in (InvoiceState.OPEN, InvoiceState.SEEN, InvoiceState.PAID)
    )
    purchases = [Buyer().purchase(sold, invoice_id=each.id) for each in (waiting, seen, paid)]

    moderation.remove(sold.file.id, RULING, deletes=True, now=NOW)

    assert state(sold) == FileState.REMOVED
    standings = [keys.standing_of(each.id, now=NOW) for each in purchases]
    said = [live.state_of(each, None, now=NOW) for each in standings]
    assert [each.is_withdrawn for each in said] == [True, True, False]
    assert [each.is_payable for each in said] == [False, False, False]
    assert [goes_back(each) for each in (waiting, seen, paid)] == [True, True, False]
    with pytest.raises(NotForSale):
        begin(Buyer().order(sold), now=NOW)
    assert log() == [("rita", "remove and delete", "It is somebody else's song.")]
    assert told(sold) == ["This site removed “Nine recordings”: It is somebody else's song."]


def test_money_that_arrives_after_the_removal_becomes_a_refund_too() -> None:
    sold = publish()
    bill = owe(sold)
    Buyer().purchase(sold, invoice_id=bill.id)

    moderation.remove(sold.file.id, RULING, deletes=True, now=NOW)

    status = invoices.status_of(bill.id, now=NOW)
    assert (status.is_withdrawn, status.settled_at) == (True, None)
    assert goes_back(bill)


def test_who_bought_is_served_after_a_removal_that_keeps_the_copies_and_not_after_one_that_deletes() -> (
    None
):
    kept, deleted = publish(), publish()
    buyers = []
    for sold in (kept, deleted):
        bought = Buyer().purchase(sold, invoice_id=owe(sold, InvoiceState.PAID).id)
        buyers.append(bought)

    moderation.remove(kept.file.id, RULING, deletes=False, now=NOW)
    moderation.remove(deleted.file.id, RULING, deletes=True, now=NOW)

    assert (holds.is_closed(kept.file.id), holds.is_closed(deleted.file.id)) == (False, True)
    assert keys.standing_of(buyers[0].id, now=NOW).is_open
    with pytest.raises(FileTakenDown):
        locations.sign(buyers[1].id, now=NOW)


@pytest.mark.usefixtures("configured_store")
def test_the_copies_go_after_the_grace_and_until_then_it_can_be_restored(
    settings: Settings,
) -> None:
    settings.KIM_TAKEDOWN_GRACE_HOURS = 48
    said = published(signed_in("maya"), seal())
    made = moderation.remove(said["id"], RULING, deletes=True, now=NOW)
    copy = Copy.objects.get()
    store = storage.get(copy.store)

    assert made.deletes_at == NOW + timedelta(hours=48)
    assert moderation.delete_due(now=NOW + timedelta(hours=47)) == 0
    assert store.head(copy.object_key).size_bytes == copy.size_bytes
    moderation.restore(made.id, by="rita", reason="It was theirs.", now=NOW)
    assert moderation.delete_due(now=NOW + timedelta(days=9)) == 0
    assert store.head(copy.object_key).size_bytes == copy.size_bytes
    file = PaidFile.objects.get()
    assert (file.state, file.removed_reason) == (FileState.PAUSED, "")

    again = moderation.remove(said["id"], RULING, deletes=True, now=NOW)
    assert moderation.delete_due(now=NOW + timedelta(hours=48)) == 1
    assert moderation.delete_due(now=NOW + timedelta(hours=48)) == 0
    with pytest.raises(ObjectMissing):
        store.head(copy.object_key)
    with pytest.raises(ModerationRefused):
        moderation.restore(again.id, by="rita", reason="It was theirs.", now=NOW)
    assert PaidFile.objects.get().state == FileState.REMOVED
    assert log()[-1] == ("system", "copies deleted", "")


def test_the_tombstone_says_why_and_the_buyers_page_of_the_file_says_do_not_pay() -> None:
    sold = publish()
    moderation.remove(sold.file.id, RULING, deletes=True, now=NOW)

    page = Client().get(f"/f/{sold.file.id}").content.decode()

    assert "It is somebody else&#x27;s song." in page
    assert "Do not pay for it any more." in page
    assert "Nobody can load it here any more." in page
    assert "Nine recordings" not in page


def test_what_its_creator_removed_before_is_moderated_all_the_same() -> None:
    sold = publish()
    seen = owe(sold, InvoiceState.SEEN)
    Buyer().purchase(sold, invoice_id=seen.id)
    files.remove(sold.file.id, creator=sold.file.creator, now=NOW)
    assert not goes_back(seen)

    moderation.remove(sold.file.id, RULING, deletes=True, now=NOW)

    assert PaidFile.objects.get().removed_reason == "It is somebody else's song."
    assert goes_back(seen)


# --- strikes, blocks, creators --------------------------------------------------------------------


def test_strikes_count_what_is_in_force() -> None:
    sold = publish()
    other = publish(sold.file.creator)
    made = moderation.remove(sold.file.id, RULING, deletes=True, now=NOW)
    moderation.pause(
        other.file.id, Ruling(by="rita", reason="To be looked at.", is_strike=False), now=NOW
    )
    assert moderation.strikes_of(sold.file.creator_id) == 1

    moderation.restore(made.id, by="rita", reason="It was theirs.", now=NOW)
    assert moderation.strikes_of(sold.file.creator_id) == 0


@pytest.mark.usefixtures("configured_store")
def test_a_blocked_content_is_not_published_and_the_same_file_sealed_again_is() -> None:
    maya = signed_in("maya")
    film, again = seal(b"the same words"), seal(b"the same words")
    made = draft(maya, upload=upload(maya, film))
    deposit(maya, made["id"], film)
    moderation.block_content(files.find(made["id"]), RULING, now=NOW)
    tested = run_selftest(maya, made["id"])

    refused = maya.post(f"files/{made['id']}/publication/", {"selftest": tested, "passed": True})

    assert refusal(refused) == (409, "content_blocked")
    assert PaidFile.objects.get().state == FileState.DRAFT
    with pytest.raises(ModerationRefused):
        moderation.block_content(files.find(made["id"]), RULING, now=NOW)
    assert film.content_id != again.content_id  # what the page of moderators says
    moderation.unblock(Block.objects.get().pk, by="rita", now=NOW)
    holds.check_content(film.content_id)
    assert [each[1] for each in log()] == ["block content", "unblock"]


def test_a_blocked_payout_takes_all_of_its_creator_off_sale_and_lets_nothing_back() -> None:
    sold = publish()
    other = publish(sold.file.creator)
    stranger = publish()
    owe(sold)  # makes the payout

    moderation.block_payout(sold.file.creator, RULING, now=NOW)

    assert [state(each) for each in (sold, other, stranger)] == ["paused", "paused", "published"]
    shown = Block.objects.get().value
    with pytest.raises(PayoutBlocked):
        holds.check_payout(shown)
    Measure.objects.update(lifted_at=NOW)
    with pytest.raises(PayoutBlocked):
        files.resume(sold.file.id, creator=sold.file.creator, now=NOW)
    with pytest.raises(ModerationRefused):
        moderation.block_payout(sold.file.creator, RULING, now=NOW)
    with pytest.raises(ModerationRefused):
        moderation.block_payout(stranger.file.creator, RULING, now=NOW)


def test_a_suspended_creators_buyers_are_served_and_nothing_more_is_sold() -> None:
    sold = publish()
    bought = Buyer().purchase(sold, invoice_id=owe(sold, InvoiceState.PAID).id)

    ruling = Ruling(by="rita", reason="Three strikes.")
    suspensions.suspend(sold.file.creator, ruling, now=NOW)

    assert keys.standing_of(bought.id, now=NOW).is_open
    assert not holds.is_closed(sold.file.id)
    with pytest.raises(NotForSale):
        begin(Buyer().order(sold), now=NOW)
    suspensions.reinstate(sold.file.creator, by="rita", reason="They wrote.", now=NOW)
    assert Creator.objects.get(pk=sold.file.creator_id).suspended_at is None
    assert log() == [("rita", "suspend", "Three strikes."), ("rita", "reinstate", "They wrote.")]


# --- reports and appeals --------------------------------------------------------------------------


def a_report(sold: Sold, **columns: Any) -> Report:
    number = Report.objects.count()
    return Report.objects.create(
        reference=f"ref-{number}", paid_file=sold.file, kind="fraud", text="A fraud.", **columns
    )


def test_a_report_is_decided_once_and_its_page_says_how() -> None:
    sold = publish()
    row = a_report(sold, email="noor@example.org")

    moderation.dismiss(row.id, by="rita", statement="It is what it says.", now=NOW)

    row.refresh_from_db()
    assert (row.state, row.decided_by, row.mail_due_at) == (ReportState.DISMISSED, "rita", NOW)
    page = Client().get("/reports/ref-0").content.decode()
    assert "Nothing was done to the file" in page
    assert "It is what it says." in page
    with pytest.raises(ModerationRefused):
        moderation.act(row.id, by="rita", statement="It is a fraud.", now=NOW)
    assert state(sold) == FileState.PUBLISHED


def test_a_creator_appeals_once_and_a_granted_appeal_restores_the_file() -> None:
    maya, eve = signed_in("maya"), signed_in("eve")
    owner = Creator.objects.get(user__username="maya")
    sold = publish(owner)
    made = moderation.remove(sold.file.id, RULING, deletes=True, now=NOW)
    path, said = f"decisions/{made.id}/appeal/", {"text": "I wrote this song myself in March."}

    assert refusal(eve.post(path, said)) == (409, "appeal_refused")
    assert refusal(Browser().post(path, said)) == (401, "not_signed_in")
    assert refusal(maya.post(path, {"text": "no"})) == (400, "reason_missing")
    assert maya.post(path, said).status_code == 200
    assert refusal(maya.post(path, said)) == (409, "appeal_refused")

    kept = Measure.objects.get()
    assert kept.appeal == "I wrote this song myself in March."
    page = maya.client.get("/decisions/").content.decode()
    assert "It is somebody else&#x27;s song." in page
    assert 'data-testid="appealed"' in page
    moderation.grant_appeal(made.id, by="olga", answer="The register names you.", now=NOW)
    assert state(sold) == FileState.PAUSED
    assert moderation.strikes_of(owner.id) == 0
    with pytest.raises(ModerationRefused):
        moderation.refuse_appeal(made.id, by="olga", answer="No.", now=NOW)


def test_a_refused_appeal_leaves_the_decision_and_tells_its_creator() -> None:
    sold = publish()
    made = moderation.remove(sold.file.id, RULING, deletes=True, now=NOW)
    moderation.appeal(sold.file.creator, made.id, "I wrote it myself.", now=NOW)

    moderation.refuse_appeal(made.id, by="olga", answer="The register says otherwise.", now=NOW)

    assert state(sold) == FileState.REMOVED
    answer = "Your appeal about “Nine recordings” was answered: The register says otherwise."
    assert answer in told(sold)
    with pytest.raises(AppealRefused):
        moderation.appeal(sold.file.creator, made.id, "But I did write it.", now=NOW)


# --- the audit log --------------------------------------------------------------------------------


def test_an_entry_is_never_changed_or_deleted_by_the_model_or_the_database() -> None:
    sold = publish()
    entry = journal.note(sold.file, "pause", who="rita", reason="A reason.", now=NOW)

    for change in (
        lambda: AuditEntry.objects.update(reason="x"),
        lambda: AuditEntry.objects.all().delete(),
        entry.delete,
        entry.save,
    ):
        with pytest.raises(AppendOnlyError):
            change()
    for statement in ("UPDATE unlock_auditentry SET reason = 'x'", "DELETE FROM unlock_auditentry"):
        with (
            pytest.raises(DatabaseError, match="written once"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert log() == [("rita", "pause", "A reason.")]


def test_the_log_is_exported_whole_and_starts_no_formula() -> None:
    sold = publish(title="=HYPERLINK(1)")
    journal.note(sold.file, "pause", who="rita", reason="@a, “b”", now=NOW)

    text = b"".join(journal.csv_lines()).decode()

    assert text == (
        "at,who,action,subject,subject_id,title,reason\r\n"
        f"2026-03-01T12:00:00+00:00,rita,pause,paidfile,{sold.file.id},'=HYPERLINK(1),"
        '"\'@a, “b”"\r\n'
    )


def test_a_grant_and_its_key_survive_a_removal() -> None:
    sold = publish()
    bought = Buyer().purchase(sold)
    Grant.objects.create(purchase=bought, kind=GrantKind.STAFF)
    KeyRelease.objects.create(purchase=bought, sealed=b"s", wrapped_key=b"w", h_s=sold.file.h_s)

    moderation.remove(sold.file.id, RULING, deletes=True, now=NOW)

    assert (Grant.objects.count(), KeyRelease.objects.count()) == (1, 1)


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("rita", password="x" * 12))
    return client


def test_a_moderator_decides_in_the_queue_and_all_open_reports_of_the_file_with_it(
    staff: Client,
) -> None:
    sold = publish()
    row, alike, other = a_report(sold), a_report(sold), a_report(publish())
    page = staff.get(f"/admin/unlock/report/{row.id}/change/").content.decode()
    assert "Decide the 1 other open reports of this file alike" in page
    form = {
        "act": "remove", "deletes": "on", "block_content": "on", "suspend": "on", "alike": "on",
        "ground": "law", "reason": "It is somebody else's song.", "statement": "Removed, thank you.",
    }  # fmt: skip

    done = staff.post(f"/admin/unlock/report/{row.id}/decide/", form, follow=True)

    assert "removed, its copies are deleted later, content blocked, creator suspended" in (
        done.content.decode()
    )
    made = Measure.objects.get()
    assert (made.kind, made.ground, made.report_id, made.decided_by) == (
        "remove", "law", row.id, "rita",
    )  # fmt: skip
    states = dict(Report.objects.values_list("pk", "state"))
    assert states == {row.pk: "acted", alike.pk: "acted", other.pk: "open"}
    assert Report.objects.get(pk=row.pk).statement == "Removed, thank you."
    assert Creator.objects.get(pk=sold.file.creator_id).suspended_at is not None
    assert [each[1] for each in log()] == [
        "remove and delete", "block content", "suspend", "acted", "acted",
    ]  # fmt: skip


def test_a_decision_that_cannot_be_whole_is_not_made_at_all(staff: Client) -> None:
    sold = publish()
    row = a_report(sold)
    Block.objects.create(kind="content", value=sold.file.container.content_id, reason="x")  # type: ignore[union-attr]
    form = {"act": "remove", "deletes": "on", "block_content": "on", "reason": "A song."}

    page = staff.post(f"/admin/unlock/report/{row.id}/decide/", form, follow=True).content.decode()

    assert "It is blocked already." in page
    assert state(sold) == FileState.PUBLISHED
    assert (Measure.objects.count(), AuditEntry.objects.count()) == (0, 0)
    assert Report.objects.get().state == ReportState.OPEN


def test_a_content_blocked_while_it_is_checked_is_told_by_its_check() -> None:
    sold = publish()
    moderation.block_content(sold.file, RULING, now=NOW)
    with pytest.raises(ContentBlocked):
        holds.check_sale(sold.file)
