"""The browsers a creator is signed in with: seen, named, and signed out from any of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.unlock.creating import NOW, Browser, b64, creator, derive, refusal
from tests.unlock.vaulting import PASSWORD, log_in, recovery, saving, sealed, with_vault
from unlock import account_sessions
from unlock.models import SessionNote

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
    " Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0"
)
CHROME = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/138.0.0.0 Mobile Safari/537.36"
)


def listed(browser: Browser) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = browser.get("sessions/").json()["sessions"]
    return said


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox on Windows"),
        (SAFARI, "Safari on iPhone"),
        (EDGE, "Edge on macOS"),
        (CHROME, "Chrome on Android"),
        ("curl/8.5.0", "A browser"),
        ("", "A browser"),
        ("<script>Firefox</script>" * 100, "Firefox"),
    ],
)
def test_a_browser_has_a_short_name(user_agent: str, name: str) -> None:
    assert account_sessions.browser_of(user_agent) == name


def test_a_login_is_listed_with_its_browser_and_which_one_this_is() -> None:
    maya = with_vault()
    elsewhere = Browser()
    elsewhere.client.credentials(HTTP_USER_AGENT=FIREFOX)
    elsewhere.post("session/", {"username": "maya", "derived": derive(PASSWORD)})

    here, there = listed(maya), listed(elsewhere)

    assert [each["browser"] for each in here] == ["Firefox on Windows", "A browser"]
    assert [each["is_this"] for each in here] == [False, True]
    assert [each["is_this"] for each in there] == [True, False]
    assert set(here[0]) == {"id", "browser", "created_at", "seen_at", "is_this"}
    assert listed(with_vault("eve"))[0]["is_this"] is True
    assert len(listed(with_vault("noor"))) == 1


def test_no_address_and_no_session_key_is_kept() -> None:
    maya = with_vault()
    key = maya.client.cookies["kim-session"].value

    rows = repr(list(SessionNote.objects.values()))

    assert key not in rows
    assert "127.0.0.1" not in rows


def test_one_is_signed_out_from_another_and_its_pages_with_it() -> None:
    maya, lost = with_vault(), log_in()[0]
    that = next(each for each in listed(maya) if not each["is_this"])

    assert maya.delete(f"sessions/{that['id']}/").status_code == 204
    assert maya.delete(f"sessions/{that['id']}/").status_code == 204

    assert refusal(lost.get("session/")) == (401, "not_signed_in")
    assert lost.client.get("/settings/").status_code == 302
    assert lost.client.get("/login/").status_code == 200
    assert [each["is_this"] for each in listed(maya)] == [True]


def test_a_browser_that_was_signed_out_logs_in_again_and_is_listed_once() -> None:
    maya, other = with_vault(), log_in()[0]
    maya.delete("sessions/")

    for _ in range(2):
        other.post("session/", {"username": "maya", "derived": derive(PASSWORD)})

    assert other.get("session/").status_code == 200
    assert len(listed(maya)) == 2


def test_all_others_are_signed_out_at_once() -> None:
    maya, *others = with_vault(), log_in()[0], log_in()[0]

    assert maya.delete("sessions/").status_code == 204

    assert [refusal(each.get("vault/")) for each in others] == [(401, "not_signed_in")] * 2
    assert len(listed(maya)) == 1


def test_nobody_signs_out_another_creators_browser() -> None:
    maya, eve = with_vault(), with_vault("eve")

    assert eve.delete(f"sessions/{listed(maya)[0]['id']}/").status_code == 204
    assert eve.delete("sessions/").status_code == 204

    assert maya.get("session/").status_code == 200
    assert refusal(Browser().get("sessions/")) == (401, "not_signed_in")


def test_logging_out_takes_it_off_the_list() -> None:
    maya, other = with_vault(), log_in()[0]

    other.delete("session/")

    assert len(listed(maya)) == 1


def test_a_new_password_leaves_this_browser_on_the_list_alone() -> None:
    maya = with_vault()
    first = listed(maya)[0]["id"]
    log_in()
    change = {
        "derived": derive(PASSWORD),
        "new_salt": b64(b"n" * 16),
        "new_derived": derive("battery staple"),
        "vault": sealed(password="battery staple"),
    }

    assert maya.put("session/password/", change).status_code == 204

    assert [(each["id"], each["is_this"]) for each in listed(maya)] == [(first, True)]


def test_saving_the_vault_again_signs_nobody_out() -> None:
    maya, other = with_vault(), log_in()[0]

    assert maya.put("vault/", saving()).status_code == 200

    assert other.get("session/").status_code == 200
    assert len(listed(maya)) == 2


def test_the_words_leave_the_browser_that_brought_them_alone() -> None:
    with_vault()
    log_in()
    back = Browser()
    asked = {
        "username": "maya",
        "recovery": b64(recovery(b"R" * 32)),
        "new_salt": b64(b"n" * 16),
        "new_derived": derive("battery staple"),
        "sealed_root": sealed(password="battery staple")["sealed_root"],
    }

    assert back.post("account-recoveries/", asked).status_code == 200

    assert [each["is_this"] for each in listed(back)] == [True]


def test_it_is_refreshed_once_an_hour_at_most() -> None:
    maya = with_vault()
    recently = timezone.now() - timedelta(minutes=59)
    SessionNote.objects.update(seen_at=recently)

    maya.get("session/")
    assert SessionNote.objects.get().seen_at == recently
    SessionNote.objects.update(seen_at=timezone.now() - timedelta(minutes=61))
    maya.get("session/")

    assert timezone.now() - SessionNote.objects.get().seen_at < timedelta(minutes=1)


def test_a_session_from_before_gets_its_note_when_it_is_seen() -> None:
    maya = creator()
    client = Client()
    client.force_login(maya.user)
    assert not SessionNote.objects.exists()

    client.get("/settings/", HTTP_USER_AGENT=SAFARI)
    client.get("/settings/", HTTP_USER_AGENT=SAFARI)

    assert SessionNote.objects.get().browser == "Safari on iPhone"


def test_what_is_over_is_neither_listed_nor_kept_for_ever() -> None:
    maya = creator()
    for days in (1, 15, 61):
        at = NOW - timedelta(days=days)
        account_sessions.begin(maya, f"key {days}", browser="A browser", now=at)

    assert [note.seen_at for note in account_sessions.open_of(maya, now=NOW)] == [
        NOW - timedelta(days=1)
    ]
    assert account_sessions.prune(now=NOW) == 1
    assert SessionNote.objects.count() == 2
