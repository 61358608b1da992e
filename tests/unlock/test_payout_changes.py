"""A change of payout once files are on sale: told at once, done a day later, stopped until then."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from payments import payouts
from payments.errors import PayoutIsInvoice
from tests.unlock import sale
from tests.unlock.creating import NOW, Browser, b64, derive, refusal, signed_in
from tests.unlock.test_api_creators import address
from tests.unlock.test_second_factor import on_over_http_as
from tests.unlock.vaulting import R, log_in, recovery, sealed, with_vault
from tests.xpub import XPUB
from unlock import notices, payout_changes
from unlock.models import Creator, Notice, PayoutChange
from unlock.states import NoticeKind
from unlock.tasks.payouts import change_payouts

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

OLD, NEW, OTHER = address(b"\x11"), address(b"\x33"), address(b"\x55")
DAY = timedelta(days=1)


@pytest.fixture
def maya() -> Browser:
    """Somebody who sells: a payout, and a file that was published."""
    browser = with_vault("maya")
    assert browser.put("payout/", {"value": OLD}).status_code == 200
    sale.publish(row("maya"))
    return browser


def row(username: str) -> Creator:
    return Creator.objects.select_related("user").get(user__username=username)


def ask(browser: Browser, value: str = NEW, **more: Any) -> Any:
    return browser.put("payout/", {"value": value, "derived": derive("correct horse"), **more})


def in_force(username: str = "maya") -> str:
    payout = payouts.current(row(username).id)
    return "" if payout is None else payout.shown


def kinds() -> list[str]:
    return [notice.kind for notice in Notice.objects.order_by("created_at", "pk")]


def test_before_the_first_publication_a_change_is_done_at_once() -> None:
    noor = signed_in("noor")
    noor.put("payout/", {"value": OLD})

    said = ask(noor).json()

    assert said["shown"] == in_force("noor") == NEW
    assert "waiting" not in said
    assert not PayoutChange.objects.exists()


def test_once_a_file_was_published_it_waits_for_a_day_and_the_creator_is_told(
    maya: Browser,
) -> None:
    answer = ask(maya)

    said = answer.json()
    assert (answer.status_code, said["shown"], in_force()) == (200, OLD, OLD)
    assert said["waiting"]["shown"] == NEW
    kept = PayoutChange.objects.get()
    assert kept.due_at - kept.asked_at == DAY
    assert maya.get("payout/").json() == said
    told = Notice.objects.get()
    assert told.kind == NoticeKind.PAYOUT_WAITS
    assert NEW in told.text
    assert f"{kept.due_at:%d %B %Y, %H:%M} UTC" in told.text


def test_the_sweep_applies_what_is_due_once_and_nothing_sooner(maya: Browser) -> None:
    ask(maya)
    due_at = PayoutChange.objects.get().due_at

    assert payout_changes.apply_due(now=due_at - timedelta(seconds=1)) == 0
    assert in_force() == OLD
    assert payout_changes.apply_due(now=due_at) == 1
    assert payout_changes.apply_due(now=due_at) == 0

    assert in_force() == NEW
    assert "waiting" not in maya.get("payout/").json()
    assert len(maya.get("payout/").json()["recoveries"]) == 2
    assert kinds() == [NoticeKind.PAYOUT_WAITS] * 2


def test_the_task_of_beat_does_it(maya: Browser) -> None:
    ask(maya)
    PayoutChange.objects.update(due_at=timezone.now())

    change_payouts()

    assert in_force() == NEW


def test_any_browser_that_is_signed_in_stops_it(maya: Browser) -> None:
    ask(maya)
    elsewhere = log_in()[0]

    assert elsewhere.delete("payout/waiting/").status_code == 204
    assert elsewhere.delete("payout/waiting/").status_code == 204

    assert payout_changes.apply_due(now=timezone.now() + 2 * DAY) == 0
    assert in_force() == OLD
    assert "waiting" not in maya.get("payout/").json()
    assert kinds() == [NoticeKind.PAYOUT_WAITS] * 2


def test_another_creator_stops_nothing_and_a_stranger_is_told_to_sign_in(maya: Browser) -> None:
    ask(maya)

    assert signed_in("eve").delete("payout/waiting/").status_code == 204
    assert refusal(Browser().delete("payout/waiting/")) == (401, "not_signed_in")

    assert maya.get("payout/").json()["waiting"]["shown"] == NEW


def test_the_same_again_keeps_its_time_and_another_takes_its_place(maya: Browser) -> None:
    first = ask(maya).json()["waiting"]
    again = ask(maya, f" {NEW} ").json()["waiting"]
    other = ask(maya, OTHER).json()["waiting"]

    assert again == first
    assert other["shown"] == OTHER
    assert other["id"] != first["id"]
    assert PayoutChange.objects.filter(stopped_at=None).count() == 1
    assert payout_changes.apply_due(now=timezone.now() + 2 * DAY) == 1
    assert in_force() == OTHER


def test_the_present_address_again_asks_for_nothing(maya: Browser) -> None:
    assert maya.put("payout/", {"value": OLD}).status_code == 200

    assert not PayoutChange.objects.exists()


def test_a_change_needs_the_password_and_the_second_step(maya: Browser) -> None:
    assert refusal(maya.put("payout/", {"value": NEW})) == (403, "password_required")
    wrong = {"value": NEW, "derived": derive("guess")}
    assert refusal(maya.put("payout/", wrong)) == (403, "password_wrong")
    spare = on_over_http_as(maya)
    assert refusal(ask(maya)) == (401, "second_step_required")
    assert refusal(ask(maya, code="000000")) == (401, "second_step_wrong")
    assert not PayoutChange.objects.exists()

    assert ask(maya, code=spare[0]).json()["waiting"]["shown"] == NEW


def test_what_waits_is_sealed_and_goes_when_it_waits_no_more(maya: Browser) -> None:
    assert ask(maya, XPUB).json()["waiting"]["shown"] != XPUB

    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM unlock_payoutchange")
        [(value,)] = cursor.fetchall()
    assert XPUB not in value
    assert "xpub" not in value
    assert len(value) < 250
    payout_changes.apply_due(now=timezone.now() + 2 * DAY)

    assert PayoutChange.objects.get().value == ""
    current = payouts.current(row("maya").id)
    assert current is not None
    assert current.kind == "xpub"


def test_a_value_that_is_refused_by_then_is_stopped_and_told(
    maya: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(maya)

    def refuse(*_: Any, **__: Any) -> None:
        raise PayoutIsInvoice("This is the address of an order.")

    monkeypatch.setattr(payouts, "set_current", refuse)
    assert payout_changes.apply_due(now=timezone.now() + 2 * DAY) == 0

    assert PayoutChange.objects.get().stopped_at is not None
    assert in_force() == OLD
    assert "This is the address of an order." in Notice.objects.latest("created_at").text


def test_a_suspended_creators_change_waits_on(maya: Browser) -> None:
    ask(maya)
    Creator.objects.update(suspended_at=NOW)

    assert payout_changes.apply_due(now=timezone.now() + 2 * DAY) == 0
    assert in_force() == OLD


def test_coming_back_with_the_words_stops_what_a_thief_asked_for(maya: Browser) -> None:
    ask(maya)
    asked = {
        "username": "maya",
        "recovery": b64(recovery(R)),
        "new_salt": b64(b"n" * 16),
        "new_derived": derive("battery staple"),
        "sealed_root": sealed(password="battery staple")["sealed_root"],
    }

    assert Browser().post("account-recoveries/", asked).status_code == 200

    assert payout_changes.apply_due(now=timezone.now() + 2 * DAY) == 0
    assert in_force() == OLD


def test_an_instance_may_do_without_waiting(maya: Browser, settings: Settings) -> None:
    settings.KIM_PAYOUT_WAIT_SECONDS = 0

    assert ask(maya).json()["shown"] == in_force() == NEW


def test_nobody_switches_off_being_told_of_it(maya: Browser) -> None:
    muted = {"muted": [NoticeKind.PAYOUT_WAITS, NoticeKind.SOLD]}
    said = maya.put("notices/wishes/", muted).json()

    assert {each["kind"] for each in said["kinds"]} == set(NoticeKind) - notices.ALWAYS
    assert row("maya").muted == [NoticeKind.SOLD]
    ask(maya)
    assert kinds() == [NoticeKind.PAYOUT_WAITS]
