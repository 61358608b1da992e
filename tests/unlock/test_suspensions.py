"""A suspended creator: told why, one appeal, their own data, and not one right more."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core import mail as outbox
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.throttling import SimpleRateThrottle

from payments import models as money
from payments.states import InvoiceState, RefundReason
from tests.unlock.creating import Browser, derive, refusal, signed_in
from tests.unlock.sale import NOW, Buyer, owe, publish
from tests.unlock.test_bad_input import API, METHODS, NOWHERE, rows
from tests.unlock.vaulting import PASSWORD, log_in
from unlock import creators, mail, moderation_errors, second_factors, suspensions
from unlock.account_errors import SecondStepRequired
from unlock.models import AuditEntry, Creator, Measure, Notice, Report, Suspension
from unlock.moderation import Ruling
from unlock.states import Ground
from unlock.views import suspensions as views

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unlimited")]

RULING = Ruling(by="rita", reason="Three files of others.")
TEXT = "All three are mine, see the register of March."
WRONG_PLACES = ("/sell/", "/files/", "/sales/", "/notices/", "/decisions/", "/settings/")


def me(name: str = "maya") -> Creator:
    return Creator.objects.select_related("user").get(user__username=name)


def suspended(ruling: Ruling = RULING) -> tuple[Browser, Suspension]:
    """maya, shut out; and her browser after she logged in again with the right password."""
    signed_in("maya")
    row = suspensions.suspend(me(), ruling, now=NOW)
    browser, answer = log_in()
    assert refusal(answer) == (403, "account_suspended")
    return browser, row


def text_of(browser: Browser) -> str:
    answer = browser.client.get("/suspended/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def log() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("who", "action", "reason"))


def told() -> list[str]:
    return list(Notice.objects.order_by("created_at", "pk").values_list("text", flat=True))


# --- coming in ------------------------------------------------------------------------------------


def test_the_login_says_suspended_to_whoever_knows_the_password_and_wrong_to_everybody_else() -> (
    None
):
    signed_in("maya")
    suspensions.suspend(me(), RULING, now=NOW)

    stranger, answer = log_in("maya", "a guess")
    assert refusal(answer) == (401, "login_failed")
    assert stranger.client.get("/suspended/").status_code == 302
    assert Browser().client.get("/suspended/").headers["Location"] == "/login/"
    browser, answer = log_in()
    assert refusal(answer) == (403, "account_suspended")
    assert browser.client.get("/suspended/").status_code == 200


def test_the_second_step_stands_before_the_page_too(monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in("maya")
    suspensions.suspend(me(), RULING, now=NOW)

    def ask(*_: Any, **__: Any) -> None:
        raise SecondStepRequired("A code, please.")

    monkeypatch.setattr(second_factors, "check", ask)
    browser, answer = log_in()

    assert refusal(answer) == (401, "second_step_required")
    assert browser.client.get("/suspended/").status_code == 302


def test_the_page_states_the_reasons_as_the_law_wants_them_and_what_goes_on() -> None:
    browser, _ = suspended()
    shown = text_of(browser)

    for words in (
        "Since 1 March 2026", "Three files of others.", "the terms of this site",
        "a look by whoever runs this site", "a person, not a program",
        "for the whole account, wherever this site is opened, until it is lifted",
        "a body for out-of-court settlement, or to a court", 'id="appeal"', 'maxlength="2000"',
        "can still open what they bought", "goes to your payout as before",
        "No buyer waits for a refund", "/api/v1/suspension/export/", "Log out",
    ):  # fmt: skip
        assert words in shown, words
    assert "rita" not in shown


def test_a_report_and_the_law_are_named_where_they_led_to_it_and_no_reporter_is() -> None:
    signed_in("maya")
    report = Report.objects.create(
        reference="r", paid_file=publish(me()).file, kind="fraud", email="noor@example.org"
    )
    ruling = Ruling(by="rita", reason="A fraud.", ground=Ground.LAW, report=report)
    suspensions.suspend(me(), ruling, now=NOW)

    shown = text_of(log_in()[0])

    assert "a report of one of your files" in shown
    assert "the law, as the reason says" in shown
    assert "noor" not in shown


def test_whoever_was_suspended_before_there_were_reasons_may_appeal_as_well() -> None:
    signed_in("maya")
    Creator.objects.update(suspended_at=NOW)

    browser = log_in()[0]

    assert "No reason was written down for you" in text_of(browser)
    assert browser.post("suspension/appeal/", {"text": TEXT}).status_code == 200
    assert Suspension.objects.get().created_at == NOW


def test_refunds_that_are_owed_stand_there_with_what_pays_them() -> None:
    browser, _ = suspended()
    sold = publish(me())
    order = owe(sold, InvoiceState.PAID)
    Buyer().purchase(sold, invoice_id=order.id)
    money.Refund.objects.create(
        invoice=order, reason=RefundReason.AGREED, due_sat=3_000, asked_at=NOW, script="51",
        address="bchreg:qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
    )  # fmt: skip

    shown = text_of(browser)

    assert 'data-testid="owed"' in shown
    assert 'href="bchreg:' in shown
    assert "amount=0.00003" in shown


def test_everything_of_the_account_can_be_saved_and_nobody_elses() -> None:
    browser, _ = suspended()
    publish(me())

    answer = browser.get("suspension/export/")
    body = json.loads(b"".join(answer.streaming_content))  # type: ignore[attr-defined]

    assert (body["format"], body["username"], len(body["files"])) == ("kim-account-1", "maya", 1)
    assert refusal(Browser().get("suspension/export/")) == (401, "not_signed_in")
    assert refusal(signed_in("eve").get("suspension/export/")) == (401, "not_signed_in")


# --- nothing more ---------------------------------------------------------------------------------


def operations() -> list[tuple[str, str]]:
    own = {"/api/v1/suspension/appeal/", "/api/v1/suspension/export/"}
    return [
        (method, path)
        for path, each in API["paths"].items()
        for method in METHODS
        if method in each and path not in own
    ]


def answer_of(browser: Browser, method: str, path: str) -> tuple[int, Any]:
    answer = browser.call(method, path, None if method == "get" else {})
    kind = answer.headers.get("Content-Type", "")
    said = answer.json().get("error") if kind.startswith("application/json") else None
    return answer.status_code, said and said["code"]


def test_every_other_call_answers_a_suspended_creator_like_a_stranger_and_nothing_moves() -> None:
    sold = publish()
    browser, _ = suspended()
    theirs = publish(me())
    old = Client()
    old.force_login(me().user)  # a session that was open when it happened
    before, calls = rows(), operations()

    differing = {}
    for method, path in calls:
        for file in (sold.file.id, theirs.file.id):
            place = path.removeprefix("/api/v1/")
            for name in [part for part in place.split("/") if part.startswith("{")]:
                place = place.replace(name, str(file) if name == "{file_id}" else NOWHERE)
            if (method, place) == ("delete", "session/"):
                continue  # logging out; below
            mine, strangers = answer_of(browser, method, place), answer_of(Browser(), method, place)
            if mine != strangers:
                differing[f"{method} {place}"] = (mine, strangers)

    assert len(calls) > 80
    assert differing == {}
    assert rows() == before
    for path in WRONG_PLACES:
        for client in (browser.client, old):
            assert client.get(path).headers["Location"] == f"/login/?next={path}", path
    assert me().suspended_at == NOW


def test_the_page_closes_at_logout_with_the_hour_and_with_another_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser, _ = suspended()
    assert browser.delete("session/").status_code == 204
    assert browser.client.get("/suspended/").status_code == 302

    again = log_in()[0]
    later = timezone.now() + views.HOLDS
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert again.client.get("/suspended/").status_code == 302
    assert refusal(again.post("suspension/appeal/", {"text": TEXT})) == (401, "not_signed_in")
    monkeypatch.undo()

    third = log_in()[0]
    user = me().user
    user.set_password(derive("another one"))
    user.save()
    assert third.client.get("/suspended/").status_code == 302
    assert refusal(third.post("suspension/appeal/", {"text": TEXT})) == (401, "not_signed_in")
    assert Suspension.objects.get().appealed_at is None


def test_a_suspended_creator_cannot_come_back_by_their_words_or_log_in_as_themselves() -> None:
    browser, _ = suspended()

    body = {"username": "maya", "derived": derive(PASSWORD)}
    assert refusal(browser.post("session/", body)) == (403, "account_suspended")
    assert refusal(browser.get("session/")) == (401, "not_signed_in")
    assert "_auth_user_id" not in browser.client.session


def test_an_appeal_is_made_once_in_at_most_two_thousand_letters() -> None:
    browser, row = suspended()

    assert refusal(browser.post("suspension/appeal/", {"text": "no"})) == (400, "reason_missing")
    long = {"text": "x" * 2001}
    assert refusal(browser.post("suspension/appeal/", long)) == (400, "invalid")
    assert Suspension.objects.get().appealed_at is None
    assert browser.post("suspension/appeal/", {"text": "x" * 2000}).status_code == 200
    again = browser.post("suspension/appeal/", {"text": TEXT})
    assert refusal(again) == (409, "appeal_refused")

    row.refresh_from_db()
    assert row.appeal == "x" * 2000
    shown = text_of(browser)
    assert 'data-testid="appealed"' in shown
    assert 'id="appeal"' not in shown
    assert log() == [("rita", "suspend", "Three files of others."), ("maya", "appeal", "")]


def test_appeals_are_throttled(monkeypatch: pytest.MonkeyPatch) -> None:
    browser, _ = suspended()
    rates = {**SimpleRateThrottle.THROTTLE_RATES, "report": "2/hour"}
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", rates)

    codes = [browser.post("suspension/appeal/", {"text": "no"}).status_code for _ in range(3)]

    assert codes == [400, 400, 429]


def test_an_upheld_suspension_stands_and_its_answer_is_read_and_mailed(settings: Settings) -> None:
    settings.HAS_MAIL = True
    browser, row = suspended()
    Creator.objects.update(email="maya@example.org", email_confirmed_at=NOW)
    assert browser.post("suspension/appeal/", {"text": TEXT}).status_code == 200

    later = NOW + timedelta(minutes=1)
    suspensions.uphold(row.id, by="olga", answer="The register names others.", now=later)

    assert me().suspended_at == NOW
    shown = text_of(browser)
    assert "The register names others." in shown
    assert 'id="appeal"' not in shown
    assert refusal(browser.post("suspension/appeal/", {"text": TEXT})) == (409, "appeal_refused")
    assert refusal(log_in()[1]) == (403, "account_suspended")
    assert log()[-1] == ("olga", "appeal answered", "The register names others.")
    assert told()[-1] == (
        "Your appeal was answered, and your account stays suspended: The register names others."
    )
    assert mail.send_due(clock=lambda: NOW + timedelta(minutes=5)) == 1
    assert outbox.outbox[-1].to == ["maya@example.org"]
    assert "The register names others." in outbox.outbox[-1].body
    with pytest.raises(moderation_errors.ModerationRefused):
        suspensions.grant(row.id, by="olga", answer="No, after all.", now=NOW)
    assert me().suspended_at == NOW


def test_a_granted_appeal_lets_the_creator_in_again_and_the_next_suspension_can_be_appealed() -> (
    None
):
    browser, row = suspended()
    browser.post("suspension/appeal/", {"text": TEXT})

    later = NOW + timedelta(minutes=1)
    suspensions.grant(row.id, by="olga", answer="The register names you.", now=later)

    assert me().suspended_at is None
    shown = text_of(browser)
    assert "Your account is open again" in shown
    assert "The register names you." in shown
    assert refusal(browser.get("suspension/export/")) == (401, "not_signed_in")
    assert log_in()[1].status_code == 200
    assert log()[2:] == [
        ("olga", "appeal answered", "The register names you."),
        ("olga", "reinstate", "The register names you."),
    ]
    assert told() == [
        "This site suspended your account: Three files of others.",
        "The suspension of your account was lifted: The register names you.",
    ]
    suspensions.suspend(me(), RULING, now=NOW + timedelta(days=1))
    assert log_in()[0].post("suspension/appeal/", {"text": TEXT}).status_code == 200
    assert Suspension.objects.count() == 2


def test_what_was_said_to_a_refused_appeal_is_not_given_as_the_reason_of_a_later_end() -> None:
    browser, row = suspended()
    browser.post("suspension/appeal/", {"text": TEXT})
    later = NOW + timedelta(minutes=1)
    suspensions.uphold(row.id, by="olga", answer="The register names others.", now=later)

    suspensions.reinstate(me(), by="rita", reason="A month is over.", now=NOW + timedelta(days=30))

    page = text_of(browser)
    assert "Your account is open again" in page
    assert "The register names others." not in page
    assert 'id="leave"' not in page


def test_without_a_reason_or_an_appeal_nothing_is_decided() -> None:
    _, row = suspended()

    for verb in (suspensions.uphold, suspensions.grant):
        with pytest.raises(moderation_errors.ModerationRefused):
            verb(row.id, by="olga", answer="Why.", now=NOW)
    suspensions.appeal(me(), TEXT, now=NOW)
    for verb in (suspensions.uphold, suspensions.grant):
        with pytest.raises(moderation_errors.ReasonMissing):
            verb(row.id, by="olga", answer=" \n", now=NOW)

    row.refresh_from_db()
    assert (row.answered_at, row.lifted_at, me().suspended_at) == (None, None, NOW)
    assert len(log()) == 2


def test_suspending_twice_is_once_and_the_reason_stays_the_first() -> None:
    _, row = suspended()

    assert suspensions.suspend(me(), Ruling(by="olga", reason="Again."), now=NOW).pk == row.pk

    assert Suspension.objects.get().reason == "Three files of others."
    assert told() == ["This site suspended your account: Three files of others."]


def test_what_a_version_without_these_rows_lifted_does_not_stand_in_the_way() -> None:
    _, row = suspended()
    creators.reinstate(me())

    fresh = suspensions.suspend(me(), Ruling(by="olga", reason="Anew."), now=NOW)

    assert fresh.pk != row.pk
    assert suspensions.newest(me()) == fresh


def staff(group: str) -> Client:
    client = Client()
    user = get_user_model().objects.create_user(group, password="x" * 12, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)
    return client


@pytest.mark.parametrize("group", ["moderator", "support", "operator"])
@pytest.mark.parametrize("act", ["grant", "refuse", "lift"])
def test_a_moderator_decides_and_the_others_read(group: str, act: str) -> None:
    browser, row = suspended()
    browser.post("suspension/appeal/", {"text": TEXT})
    client, here = staff(group), f"/admin/unlock/suspension/{row.pk}"
    entries = AuditEntry.objects.count()

    listed = client.get("/admin/unlock/suspension/?appealed_at__isempty=0&answered_at__isempty=1")
    page = client.get(f"{here}/change/").content.decode()
    first = client.get("/admin/").content.decode()
    answer = client.post(f"{here}/decide/", {"act": act, "reason": "Looked at."})

    assert str(row.pk) in listed.content.decode()
    assert TEXT in page
    assert "Open appeals of suspended creators" in first
    may = group == "moderator"
    assert (f"{here}/decide/" in page) == may
    assert answer.status_code == (302 if may else 403)
    row.refresh_from_db()
    assert (row.answered_at is not None) == (may and act != "lift")
    assert (me().suspended_at is None) == (may and act != "refuse")
    assert AuditEntry.objects.count() - entries == {"grant": 2}.get(act, 1) * may
    assert not Measure.objects.exists()
