"""Tricks with names, paths, headers and guesses: each has one exact answer, and nothing moves."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from tests.unlock.creating import Browser, b64, derive, refusal, sign_up, signed_in
from tests.unlock.sale import publish
from unlock import creators
from unlock import mail as messages
from unlock.creator_errors import MailFailed
from unlock.models import Creator, Invitation, PaidFile

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unlimited")]


# --- names that look like others ------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "m\u0430ya",  # a Cyrillic a
        "may\u0430",
        "\uff4daya",  # full width
        "ma\u200bya",  # nothing in the middle
        "maya\u202e",
        "ma\u0301ya",
        "m\u00e4ya",
        "\u2133aya",
        "maya.",
        "ma ya",
        "ma__ya",
        "-maya",
    ],
)
def test_a_name_that_looks_like_anothers_is_nobodys(name: str) -> None:
    sign_up("maya")
    body = {"username": name, "salt": b64(b"s" * 16), "derived": derive("x")}

    assert refusal(Browser().post("creators/", body)) == (400, "username_invalid")
    assert [each.user.get_username() for each in Creator.objects.all()] == ["maya"]


@pytest.mark.parametrize("name", ["MAYA", " maya ", "Maya"])
def test_the_same_name_in_other_letters_is_taken(name: str) -> None:
    sign_up("maya")
    body = {"username": name, "salt": b64(b"s" * 16), "derived": derive("x")}

    assert refusal(Browser().post("creators/", body)) == (409, "username_taken")
    assert Creator.objects.count() == 1


# --- headers through titles -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "title",
    [
        "Nights\r\nSet-Cookie: kim-session=x",
        "Nights\nBcc: everybody@example.org",
        "Ni\x0bghts",
        "Nights\x85x",
        "exe.\u202efdp",
    ],
)
def test_a_title_that_would_begin_a_line_or_turn_it_round_is_refused(title: str) -> None:
    maya = signed_in("maya")
    body = {"title": title, "price": {"amount": "2.00", "currency": "EUR"}}

    assert refusal(maya.post("files/", body)) == (400, "text_invalid")
    assert PaidFile.objects.count() == 0


def test_files_to_save_have_names_that_no_title_is_part_of() -> None:
    maya = signed_in("maya")
    owner = Creator.objects.get()
    publish(owner, title='a"; filename="evil.exe')

    answer = maya.client.get("/api/v1/sales/export/")

    name = answer.headers["Content-Disposition"]
    assert name.startswith('attachment; filename="kim-')
    assert name.isascii()
    assert "evil" not in name
    assert name.count('"') == 2


def test_a_subject_with_a_line_break_is_never_sent() -> None:
    with pytest.raises(MailFailed, match="BadHeaderError"):
        messages.send("maya@example.org", subject="Sold\nBcc: all@example.org", text="x")

    assert mail.outbox == []


# --- forged headers -------------------------------------------------------------------------------


FORGED = {
    "HTTP_X_FORWARDED_HOST": "evil.example",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_PREFIX": "/evil",
    "HTTP_X_FORWARDED_SERVER": "evil.example",
    "HTTP_FORWARDED": "for=1.2.3.4;host=evil.example;proto=https",
    "HTTP_X_ORIGINAL_URL": "/admin/",
    "HTTP_X_REWRITE_URL": "/admin/",
    "HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE",
    "HTTP_X_REAL_IP": "10.0.0.1",
}


@pytest.mark.parametrize("path", ["/", "/login/", "/api/v1/limits/", "/.well-known/kim.json"])
def test_a_forged_header_changes_no_byte_of_an_answer(path: str) -> None:
    def asked(**headers: str) -> tuple[int, bytes]:
        client = Client()
        client.cookies["csrftoken"] = "A" * 32
        answer = client.get(path, **headers)  # type: ignore[arg-type]
        return answer.status_code, answer.content

    assert asked(**FORGED) == asked()


def test_a_method_is_what_was_sent_and_not_what_a_header_says() -> None:
    maya = signed_in("maya")

    answer = maya.call("get", "session/", None, HTTP_X_HTTP_METHOD_OVERRIDE="DELETE")

    assert answer.json() == {"username": "maya"}
    assert maya.get("session/").json() == {"username": "maya"}


# --- paths ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/static/../kim/settings.py",
        "/static/%2e%2e/kim/settings.py",
        "/static/..%2f..%2fetc/passwd",
        "/static/....//etc/passwd",
        "{static}../../kim/settings.py",
        "{static}%2e%2e/manage.py",
        "{static}js/pages/offer.js/..",
        "{static}source/../../manage.py",
        "{static}",
        "/etc/passwd",
        "/.git/config",
        "/.env",
        "/f/../admin/",
        "/avatars/..%2f..%2fetc%2fpasswd",
        "/@..%2fadmin",
        "/x/d/..%2fsw.js",
        "/f/%00",
        "/api/v1/files/..%2f..%2fadmin/",
        "/api/v1/shops/%2e%2e/",
    ],
)
def test_a_path_that_climbs_finds_nothing(path: str, settings: Any) -> None:
    answer = Client().get(path.format(static=settings.STATIC_URL))

    assert answer.status_code in {401, 404}
    for told in (b"KIM_SECRET_KEY", b"root:", b"django.setup", b"repositoryformatversion"):
        assert told not in answer.content


@pytest.mark.parametrize(
    "path",
    ["//evil.example/", "/%2f%2fevil.example", "/\\evil.example", "/login/?next=//evil.example"],
)
def test_nobody_is_sent_to_another_site(path: str) -> None:
    answer = Client().get(path)

    assert "evil.example" not in answer.headers.get("Location", "")
    assert answer.status_code in {200, 404}


def test_after_the_login_of_staff_nobody_is_sent_elsewhere(settings: Any) -> None:
    answer = Client().get("/admin/login/?next=https://evil.example/")

    assert answer.status_code == 200
    assert b'href="https://evil.example' not in answer.content
    assert b'action="https://evil.example' not in answer.content


# --- guesses --------------------------------------------------------------------------------------


def test_an_invitation_has_128_random_bits_and_a_guess_tells_nothing(settings: Any) -> None:
    settings.KIM_SIGNUP = "invite"
    codes = {creators.new_code() for _ in range(50)}
    Invitation.objects.create(code_hash=creators.hash_invitation("used"))
    maya = {"username": "maya", "salt": b64(b"s" * 16), "derived": derive("x")}
    assert Browser().post("creators/", {**maya, "invitation": "used"}).status_code == 201

    said = set()
    for guess in ("x", "used", "used ", "' OR 1=1 --", min(codes)):
        body = {"username": "noor", "salt": b64(b"s" * 16), "derived": derive("x")}
        answer = Browser().post("creators/", {**body, "invitation": guess})
        said.add((answer.status_code, answer.content))

    assert all(len(code) == 22 for code in codes)  # 16 bytes, base64url
    assert len(codes) == 50
    assert len(said) == 1, said
    ((status, content),) = said  # used up, unknown, of another instance: alike
    assert status == 403, content
    assert Creator.objects.count() == 1


def test_a_name_is_not_told_from_none_by_the_answers_of_login_and_recovery() -> None:
    sign_up("maya")

    def told(name: str) -> list[tuple[int, Any]]:
        asked = Browser()
        login = asked.post("session/", {"username": name, "derived": derive("wrong")})
        again = asked.post(
            "account-recoveries/",
            {
                "username": name,
                "recovery": b64(b"v" * 32),
                "new_salt": b64(b"n" * 16),
                "new_derived": derive("new"),
                "sealed_root": b64(b"r" * 60),
                "recovery_hash": "ab" * 32,
            },
        )
        salt = asked.post("login-parameters/", {"username": name}).json()
        return [
            (login.status_code, login.json()),
            (again.status_code, again.json()),
            (len(salt["salt"]), sorted(salt)),
        ]

    assert told("maya") == told("nobody-here")
