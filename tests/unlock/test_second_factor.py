"""The second step of a login: an app's codes and spare ones, each taken once."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from django.core.cache import cache
from django.db import connection

from tests.unlock.creating import NOW, Browser, b64, derive, refusal
from tests.unlock.vaulting import PASSWORD, R, log_in, recovery, sealed, with_vault
from unlock import second_factors
from unlock.account_errors import (
    SecondStepBusy,
    SecondStepOn,
    SecondStepRequired,
    SecondStepUnknown,
    SecondStepWrong,
)
from unlock.models import Creator, Notice, SecondFactor
from unlock.states import NoticeKind

pytestmark = pytest.mark.django_db

STEP = timedelta(seconds=30)


@pytest.fixture
def maya() -> Creator:
    with_vault("maya")
    return Creator.objects.select_related("user").get()


def switched_on(maya: Creator) -> tuple[pyotp.TOTP, tuple[str, ...]]:
    totp = pyotp.TOTP(second_factors.offer(maya, now=NOW).secret)
    return totp, second_factors.confirm(maya, totp.at(NOW), now=NOW)


def test_codes_are_those_of_rfc_6238() -> None:
    """Appendix B, SHA-1, cut to six digits."""
    totp = pyotp.TOTP(base64.b32encode(b"12345678901234567890").decode())
    assert [totp.at(at) for at in (59, 1111111109, 20000000000)] == ["287082", "081804", "353130"]


def test_it_is_off_until_a_code_of_the_app_comes_back(maya: Creator) -> None:
    offered = second_factors.offer(maya, now=NOW)

    assert not second_factors.is_on(maya)
    second_factors.check(maya, "", now=NOW)
    with pytest.raises(SecondStepWrong):
        second_factors.confirm(maya, "000000", now=NOW)
    assert not second_factors.is_on(maya)
    spare = second_factors.confirm(maya, pyotp.TOTP(offered.secret).at(NOW), now=NOW)

    assert second_factors.is_on(maya)
    assert len(set(spare)) == second_factors.spare_left(maya) == 10
    assert "maya" in offered.uri
    assert offered.uri.startswith("otpauth://totp/")
    assert offered.secret not in repr(offered)
    assert Notice.objects.get().kind == NoticeKind.ACCOUNT_CHANGED


def test_a_code_counts_once_and_within_half_a_minute(maya: Creator) -> None:
    totp, _ = switched_on(maya)
    later = NOW + 10 * STEP

    with pytest.raises(SecondStepRequired):
        second_factors.check(maya, "", now=later)
    for wrong in (
        totp.at(later - 2 * STEP),
        totp.at(later + 2 * STEP),
        "abc",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
    ):
        with pytest.raises(SecondStepWrong):
            second_factors.check(maya, wrong, now=later)
    code = totp.at(later)
    second_factors.check(maya, f" {code[:3]} {code[3:]}", now=later)
    for taken in (code, totp.at(later - STEP)):
        with pytest.raises(SecondStepWrong):
            second_factors.check(maya, taken, now=later)
    second_factors.check(maya, totp.at(later + STEP), now=later)


def test_the_code_that_switched_it_on_logs_nobody_in(maya: Creator) -> None:
    totp, _ = switched_on(maya)

    with pytest.raises(SecondStepWrong):
        second_factors.check(maya, totp.at(NOW), now=NOW)


def test_a_spare_code_counts_once(maya: Creator) -> None:
    _, spare = switched_on(maya)

    second_factors.check(maya, f"{spare[3][:5]}-{spare[3][5:].upper()}", now=NOW)
    with pytest.raises(SecondStepWrong):
        second_factors.check(maya, spare[3], now=NOW)

    assert second_factors.spare_left(maya) == 9
    second_factors.check(maya, spare[4], now=NOW)


def test_after_ten_wrong_codes_none_counts(maya: Creator) -> None:
    totp, _ = switched_on(maya)
    later = NOW + 10 * STEP
    for _ in range(10):
        with pytest.raises(SecondStepWrong):
            second_factors.check(maya, "000000", now=later)

    with pytest.raises(SecondStepBusy):
        second_factors.check(maya, totp.at(later), now=later)
    cache.clear()
    second_factors.check(maya, totp.at(later), now=later)


def test_a_second_seed_needs_the_first_to_be_off(maya: Creator) -> None:
    with pytest.raises(SecondStepUnknown):
        second_factors.confirm(maya, "000000", now=NOW)
    second_factors.offer(maya, now=NOW)
    totp, _ = switched_on(maya)

    with pytest.raises(SecondStepOn):
        second_factors.offer(maya, now=NOW)
    with pytest.raises(SecondStepOn):
        second_factors.confirm(maya, totp.at(NOW), now=NOW)
    later = NOW + 10 * STEP
    with pytest.raises(SecondStepWrong):
        second_factors.stop(maya, "000000", now=later)
    assert second_factors.is_on(maya)
    second_factors.stop(maya, totp.at(later), now=later)

    assert not second_factors.is_on(maya)


def test_neither_seed_nor_spare_codes_lie_open(maya: Creator) -> None:
    totp, spare = switched_on(maya)

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM unlock_secondfactor")
        rows = repr(
            [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in cursor]
        )
    assert totp.secret not in rows
    assert not [each for each in spare if each in rows]


# --- over HTTP ----------------------------------------------------------------------------------


def on_over_http() -> tuple[Browser, list[str]]:
    browser = with_vault()
    return browser, on_over_http_as(browser)


def attempt(**more: Any) -> tuple[Browser, Any]:
    browser = Browser()
    body = {"username": "maya", "derived": derive(PASSWORD), **more}
    return browser, browser.post("session/", body)


def test_a_login_asks_for_it_after_the_password() -> None:
    maya, spare = on_over_http()
    assert maya.get("second-step/").json() == {"is_on": True, "spare_left": 10}

    without, answer = attempt()
    assert refusal(answer) == (401, "second_step_required")
    assert refusal(without.get("session/")) == (401, "not_signed_in")
    assert refusal(attempt(code="000000")[1]) == (401, "second_step_wrong")
    assert refusal(attempt(derived=derive("guess"), code=spare[0])[1]) == (401, "login_failed")
    inside, answer = attempt(code=spare[0])

    assert answer.status_code == 200
    assert inside.get("second-step/").json() == {"is_on": True, "spare_left": 9}
    assert refusal(attempt(code=spare[0])[1]) == (401, "second_step_wrong")


def test_switching_it_on_or_off_asks_for_the_password() -> None:
    maya = with_vault()
    assert refusal(maya.post("second-step/", {"derived": derive("guess")})) == (
        403,
        "password_wrong",
    )
    assert not SecondFactor.objects.exists()

    eve, spare = with_vault("eve"), on_over_http_as(maya)
    off = {"derived": derive("guess"), "code": spare[0]}
    assert refusal(maya.post("second-step/removal/", off)) == (403, "password_wrong")
    assert maya.get("second-step/").json()["is_on"] is True
    assert eve.get("second-step/").json() == {"is_on": False, "spare_left": 0}
    off["derived"] = derive(PASSWORD)
    assert maya.post("second-step/removal/", off).status_code == 204

    assert attempt()[1].status_code == 200


def on_over_http_as(browser: Browser) -> list[str]:
    offered = browser.post("second-step/", {"derived": derive(PASSWORD)}).json()
    code = pyotp.TOTP(offered["secret"]).now()
    spare: list[str] = browser.put("second-step/", {"code": code}).json()["spare_codes"]
    return spare


def test_the_words_switch_it_off_and_say_so() -> None:
    """Who lost the phone is who needs this; the words open every file anyway."""
    on_over_http()
    asked = {
        "username": "maya",
        "recovery": b64(recovery(R)),
        "new_salt": b64(b"n" * 16),
        "new_derived": derive("battery staple"),
        "sealed_root": sealed(password="battery staple")["sealed_root"],
    }

    assert Browser().post("account-recoveries/", asked).status_code == 200

    assert log_in("maya", "battery staple")[1].status_code == 200
    told = Notice.objects.get(kind=NoticeKind.ACCOUNT_RECOVERED)
    assert "the second step is off" in told.text
