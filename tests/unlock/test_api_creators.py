"""The creator's API over HTTP: sessions, CSRF, payouts, limits, and who may see what."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model

from payments import addresses
from payments.states import Network
from tests.unlock.creating import Browser, b64, derive, refusal, signed_in
from tests.xpub import XPUB
from unlock.models import Creator

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db


def address(byte: bytes) -> str:
    script = bytes.fromhex("76a914") + byte * 20 + bytes.fromhex("88ac")
    return addresses.encode(script, Network.REGTEST)


# --- sign-up and session ------------------------------------------------------------------------


def test_signing_up_signs_in_and_logging_out_ends_it() -> None:
    maya = Browser()
    assert refusal(maya.get("session/")) == (401, "not_signed_in")

    made = maya.sign_up("Maya")
    assert (made.status_code, made.json()) == (201, {"username": "maya"})
    assert maya.get("session/").json() == {"username": "maya"}

    assert maya.delete("session/").status_code == 204
    assert refusal(maya.get("session/")) == (401, "not_signed_in")


def test_a_login_in_another_browser_needs_only_name_and_password() -> None:
    signed_in("maya")
    other = Browser()

    parameters = other.post("login-parameters/", {"username": "maya"}).json()
    answer = other.post("session/", {"username": "maya", "derived": derive("correct horse")})

    assert parameters == {
        "salt": b64(b"s" * 16),
        "memory_kib": 65536,
        "passes": 3,
        "parallelism": 1,
        "scheme": 1,
    }
    assert (answer.status_code, answer.json()) == (200, {"username": "maya"})
    assert other.get("session/").json() == {"username": "maya"}


def test_an_unknown_name_answers_like_a_known_one() -> None:
    signed_in("maya")
    known = Browser().post("login-parameters/", {"username": "maya"}).json()
    unknown = Browser().post("login-parameters/", {"username": "nobody"}).json()

    assert {key: type(value) for key, value in known.items()} == {
        key: type(value) for key, value in unknown.items()
    }
    assert len(unknown["salt"]) == len(known["salt"])
    for name in ("maya", "nobody"):
        answer = Browser().post("session/", {"username": name, "derived": derive("wrong")})
        assert refusal(answer) == (401, "login_failed")


def test_a_taken_name_and_a_closed_door_are_told_apart(settings: Settings) -> None:
    signed_in("maya")

    assert refusal(Browser().sign_up("maya")) == (409, "username_taken")
    assert refusal(Browser().sign_up("admin")) == (400, "username_invalid")
    settings.KIM_SIGNUP = "closed"
    assert refusal(Browser().sign_up("noor")) == (403, "signup_closed")

    assert Creator.objects.count() == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "creators/"),
        ("post", "session/"),
        ("post", "login-parameters/"),
        ("delete", "session/"),
        ("put", "session/password/"),
        ("put", "payout/"),
        ("post", "payouts/preview/"),
        ("post", "uploads/"),
        ("post", "files/"),
    ],
)
@pytest.mark.parametrize("is_signed_in", [False, True])
def test_no_unsafe_call_works_without_the_csrf_token(
    method: str, path: str, *, is_signed_in: bool
) -> None:
    browser = signed_in("maya") if is_signed_in else Browser()
    browser.client.cookies["csrftoken"] = "a" * 32

    answer = browser.call(method, path, {}, HTTP_X_CSRFTOKEN="b" * 32)

    assert refusal(answer) == (403, "forbidden")


def test_the_session_id_changes_when_somebody_signs_in() -> None:
    maya = Browser()
    maya.sign_up("maya")
    first = maya.client.cookies["kim-session"].value
    maya.delete("session/")

    maya.post("session/", {"username": "maya", "derived": derive("correct horse")})

    assert maya.client.cookies["kim-session"].value not in {first, ""}


def test_staff_are_no_creators_and_creators_no_staff() -> None:
    get_user_model().objects.create_superuser("root-of-it", password="staff password")
    staff = Browser()
    staff.client.login(username="root-of-it", password="staff password")
    maya = signed_in("maya")

    assert refusal(staff.get("files/")) == (401, "not_signed_in")
    assert maya.client.get("/admin/").status_code == 302


def test_a_suspended_creator_is_signed_out_at_once() -> None:
    maya = signed_in("maya")
    Creator.objects.update(suspended_at="2026-03-01T12:00:00Z")

    assert refusal(maya.get("files/")) == (401, "not_signed_in")
    assert refusal(maya.get("session/")) == (401, "not_signed_in")


def test_changing_the_password_keeps_this_session_and_ends_the_others() -> None:
    maya, elsewhere = signed_in("maya"), Browser()
    elsewhere.post("session/", {"username": "maya", "derived": derive("correct horse")})
    change = {
        "derived": derive("correct horse"),
        "new_salt": b64(b"n" * 16),
        "new_derived": derive("battery staple"),
    }

    wrong = maya.put("session/password/", {**change, "derived": derive("guess")})
    assert refusal(wrong) == (403, "password_wrong")
    assert maya.put("session/password/", change).status_code == 204

    assert maya.get("session/").status_code == 200
    assert refusal(elsewhere.get("session/")) == (401, "not_signed_in")
    answer = Browser().post("session/", {"username": "maya", "derived": derive("battery staple")})
    assert answer.status_code == 200


def test_sign_ups_and_logins_from_one_address_are_limited(settings: Settings) -> None:
    signed_in("maya")
    for _ in range(19):
        Browser().post("session/", {"username": "maya", "derived": derive("guess")})
    Browser().post("session/", {"username": "maya", "derived": derive("guess")})

    answer = Browser().post("session/", {"username": "maya", "derived": derive("correct horse")})

    assert refusal(answer) == (429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) > 0
    assert refusal(Browser().get("session/")) == (401, "not_signed_in")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "maya"},
        {"username": "maya", "salt": "short", "derived": derive("x")},
        {"username": "maya", "salt": b64(b"s" * 16), "derived": b64(b"d" * 31)},
        {"username": "maya", "salt": b64(b"s" * 16), "derived": derive("x") + "="},
        {"username": ["maya"], "salt": b64(b"s" * 16), "derived": derive("x")},
        {"username": "may\0a", "salt": b64(b"s" * 16), "derived": derive("x")},
        [],
        "text",
        None,
        7,
    ],
)
def test_a_malformed_sign_up_is_refused_with_a_code(body: Any) -> None:
    browser = Browser()

    answer = browser.call("post", "creators/", body)

    assert refusal(answer) == (400, "invalid")
    assert not get_user_model().objects.exists()


def test_half_a_character_is_refused_with_a_code() -> None:
    browser = Browser()
    body = f'{{"username": "\\ud800", "salt": "{b64(b"s" * 16)}", "derived": "{derive("x")}"}}'

    answer = browser.client.post(
        "/api/v1/creators/",
        data=body.encode(),
        content_type="application/json",
        HTTP_X_CSRFTOKEN=browser.token,
    )

    assert refusal(answer) == (400, "invalid")


def test_what_is_not_json_is_refused_with_a_code() -> None:
    browser = Browser()

    answer = browser.client.post(
        "/api/v1/creators/",
        data=b"{not json",
        content_type="application/json",
        HTTP_X_CSRFTOKEN=browser.token,
    )

    assert refusal(answer) == (400, "not_json")


# --- payouts ------------------------------------------------------------------------------------


def test_before_the_first_payout_there_is_only_a_suggestion(settings: Settings) -> None:
    settings.KIM_SUGGESTED_PAYOUT = address(b"\x22")

    answer = signed_in("maya").get("payout/")

    assert (answer.status_code, answer.json()) == (200, {"suggested": address(b"\x22")})


def test_the_first_payout_needs_no_password_and_brings_its_recovery_kit() -> None:
    maya = signed_in("maya")

    answer = maya.put("payout/", {"value": address(b"\x11")})

    said = answer.json()
    assert answer.status_code == 200
    assert (said["kind"], said["shown"], said["network"]) == (
        "address",
        address(b"\x11"),
        "regtest",
    )
    assert said["floor_sat"] == 2000
    assert said["recovery"]["payee"] == "76a914" + "11" * 20 + "88ac"
    assert len(said["recovery"]["seed"]) >= 22
    assert maya.get("payout/").json() == said


def test_another_payout_needs_the_password_and_the_same_one_does_not() -> None:
    maya = signed_in("maya")
    first = maya.put("payout/", {"value": address(b"\x11")}).json()

    assert maya.put("payout/", {"value": address(b"\x11")}).json() == first
    other = {"value": address(b"\x33")}
    assert refusal(maya.put("payout/", other)) == (403, "password_required")
    wrong = {**other, "derived": derive("guess")}
    assert refusal(maya.put("payout/", wrong)) == (403, "password_wrong")
    assert maya.get("payout/").json() == first

    changed = maya.put("payout/", {**other, "derived": derive("correct horse")}).json()
    assert changed["shown"] == address(b"\x33")
    assert changed["id"] != first["id"]


def test_every_recovery_kit_stays_to_be_had_whatever_the_payout_is_now() -> None:
    maya, derived = signed_in("maya"), derive("correct horse")
    values = [address(b"\x11"), address(b"\x33"), XPUB, address(b"\x11")]

    said = [maya.put("payout/", {"value": value, "derived": derived}).json() for value in values]

    assert said[2]["recovery"] is None
    first, second, fourth = said[0]["recovery"], said[1]["recovery"], said[3]["recovery"]
    beside = said[2]["recoveries"][0]  # the xpub's forwarders
    assert said[0]["recoveries"] == [first]
    assert said[2]["recoveries"] == [beside, second, first]
    assert said[3]["recoveries"] == [fourth, beside, second, first]
    assert len({kit["seed"] for kit in said[3]["recoveries"]}) == 4
    assert maya.get("payout/").json() == said[3]
    assert signed_in("eve").put("payout/", {"value": values[1]}).json()["recoveries"][1:] == []


def test_a_payout_that_cannot_be_is_refused_before_it_is_kept() -> None:
    maya = signed_in("maya")
    words = "abandon " * 11 + "about"

    for path in ("payouts/preview/", "payout/"):
        call = maya.post if path == "payouts/preview/" else maya.put
        assert refusal(call(path, {"value": words})) == (400, "secret_given")
        assert refusal(call(path, {"value": "hello"})) == (400, "bad_address")

    assert maya.get("payout/").json() == {"suggested": None}


def test_a_preview_warns_and_keeps_nothing() -> None:
    maya = signed_in("maya")

    said = maya.post("payouts/preview/", {"value": address(b"\x11")}).json()

    assert (said["kind"], said["shown"], said["first_addresses"]) == (
        "address",
        address(b"\x11"),
        [],
    )
    assert [warning["code"] for warning in said["warnings"]] == ["exchange_address"]
    assert maya.get("payout/").json() == {"suggested": None}


# --- limits -------------------------------------------------------------------------------------


def test_the_limits_are_told_to_anybody() -> None:
    said = Browser().get("limits/").json()

    assert said.pop("currencies")[:2] == ["BCH", "EUR"]
    assert said == {
        "max_file_bytes": 100 * 2**30,
        "part_bytes_min": 8 * 2**20,
        "presign_batch": 20,
        "network": "regtest",
        "confirmations": [1, 2, 6, 10],
        "floor_sat": {"address": 2000, "xpub": 1000},
        "signup": "open",
        "title_max": 200,
        "description_max": 20000,
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "files/"),
        ("post", "files/"),
        ("get", "payout/"),
        ("put", "payout/"),
        ("post", "payouts/preview/"),
        ("post", "uploads/"),
        ("put", "session/password/"),
    ],
)
def test_a_stranger_is_told_to_sign_in(method: str, path: str) -> None:
    assert refusal(Browser().call(method, path, {})) == (401, "not_signed_in")


def test_nothing_that_logs_in_is_written_to_the_database() -> None:
    maya = signed_in("maya")
    maya.put("payout/", {"value": address(b"\x11")})
    derived = hashlib.sha256(b"correct horse").digest()

    user = get_user_model().objects.get()
    stored = repr(list(type(user).objects.values())) + repr(list(Creator.objects.values()))

    assert b64(derived) not in stored
    assert derived.hex() not in stored
