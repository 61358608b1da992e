"""Cookies, static files, error pages and bodies too large: what every browser may rely on."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from kim import sessions
from tests.environment import _DEFAULTS
from tests.unlock.creating import Browser, b64, derive, refusal, signed_in

ROOT = Path(__file__).resolve().parents[2]
POLICY = "default-src 'none'"


def cookie(browser: Browser) -> str:
    kept = browser.client.cookies.get("kim-session")
    return "" if kept is None else kept.value


# --- sessions -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites() -> None:
    maya = signed_in("maya")
    kept = maya.client.cookies["kim-session"]

    assert kept["httponly"] is True
    assert kept["samesite"] == "Lax"
    assert kept["path"] == "/"
    assert kept["domain"] == ""
    assert maya.client.cookies["csrftoken"]["samesite"] == "Lax"


@pytest.mark.django_db
def test_signing_in_takes_no_session_that_was_there_before() -> None:
    signed_in("maya")
    session = Client().session
    session["planted"] = True
    session.save()
    browser = Browser()
    browser.client.cookies["kim-session"] = session.session_key or ""

    browser.post("session/", {"username": "maya", "derived": derive("correct horse")})

    assert cookie(browser) not in {"", session.session_key}
    assert not Session.objects.filter(session_key=sessions.kept(str(session.session_key))).exists()
    assert browser.get("session/").json() == {"username": "maya"}


@pytest.mark.django_db
def test_signing_out_ends_the_session_on_the_server_too() -> None:
    maya = signed_in("maya")
    key = cookie(maya)

    assert maya.delete("session/").status_code == 204

    assert not Session.objects.filter(session_key=sessions.kept(key)).exists()
    thief = Browser()
    thief.client.cookies["kim-session"] = key
    assert refusal(thief.get("session/")) == (401, "not_signed_in")


@pytest.mark.django_db
def test_whoever_reads_the_table_of_sessions_is_signed_in_as_nobody() -> None:
    maya = signed_in("maya")
    key = cookie(maya)

    assert (len(key), key.isalnum(), key) == (32, True, key.lower())  # 165 bits
    (row,) = Session.objects.all()
    assert row.session_key == sessions.kept(key)
    assert key not in row.session_key + row.session_data
    thief = Browser()
    thief.client.cookies["kim-session"] = row.session_key
    assert refusal(thief.get("session/")) == (401, "not_signed_in")
    assert maya.get("session/").json() == {"username": "maya"}


@pytest.mark.django_db
def test_a_new_password_ends_every_other_session_and_renews_this_one() -> None:
    maya, elsewhere = signed_in("maya"), Browser()
    elsewhere.post("session/", {"username": "maya", "derived": derive("correct horse")})
    before = cookie(maya)
    change = {
        "derived": derive("correct horse"),
        "new_salt": b64(b"n" * 16),
        "new_derived": derive("battery staple"),
    }

    assert maya.put("session/password/", change).status_code == 204

    assert refusal(elsewhere.get("files/")) == (401, "not_signed_in")
    assert refusal(elsewhere.post("files/", {})) == (401, "not_signed_in")
    assert maya.get("files/").status_code == 200
    assert cookie(maya) != before
    stolen = Browser()
    stolen.client.cookies["kim-session"] = before
    assert refusal(stolen.get("files/")) == (401, "not_signed_in")


# --- headers ------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/static/{version}/js/net/api.js", 200),
        ("/static/{version}/nothing.js", 404),
        ("/static/{version}/../../kim/settings.py", 404),
        ("/nowhere", 404),
        ("/f/00000000-0000-0000-0000-000000000000", 404),
        ("/api/v1/nowhere/", 404),
        ("/sell/", 302),
        ("/admin/login/", 200),
    ],
)
def test_static_files_and_error_pages_carry_the_policy_too(
    path: str, status: int, client: Client, settings: Any
) -> None:
    version = settings.STATIC_URL.strip("/").partition("/")[2]

    answer = client.get(path.replace("{version}", version))

    assert answer.status_code == status
    assert POLICY in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    referrer = "same-origin" if path.startswith("/admin/") else "no-referrer"
    assert answer.headers["Referrer-Policy"] == referrer
    is_kept = path.startswith("/static/") and status == 200
    wanted = "max-age=31536000, public" if is_kept else "no-store"
    assert wanted in answer.headers["Cache-Control"]
    answer.close()


@pytest.mark.django_db
def test_a_crash_a_bad_host_and_a_missing_token_carry_it_as_well(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unlock.views import pages

    def crash(*given: object) -> None:
        raise RuntimeError("broken on purpose")

    strict = Client(enforce_csrf_checks=True)
    client.raise_request_exception = False
    monkeypatch.setattr(pages, "creator_of", crash)
    answers = {
        500: client.get("/"),
        400: client.get("/login/", HTTP_HOST="evil.example"),
        403: strict.post("/admin/login/", {"username": "x"}),
        413: client.post("/login/", "x" * 300_000, content_type="text/plain"),
    }

    for status, answer in answers.items():
        assert answer.status_code == status
        assert POLICY in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "<style" not in answer.content.decode()
        assert "Traceback" not in answer.content.decode()
        assert "broken on purpose" not in answer.content.decode()


# --- bodies, at the server's edge ---------------------------------------------------------------


def ask(chunks: list[bytes]) -> tuple[list[dict[str, Any]], int]:
    """What the ASGI application sends, and how many chunks of an endless body it read."""
    from kim.asgi import application

    sent: list[dict[str, Any]] = []
    taken = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        if taken >= len(chunks):
            await asyncio.Event().wait()  # the browser waits for its answer
        taken += 1
        more = taken < len(chunks)
        return {"type": "http.request", "body": chunks[taken - 1], "more_body": more}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "root_path": "",
        "path": "/api/v1/limits/", "raw_path": b"/api/v1/limits/", "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"transfer-encoding", b"chunked")],
        "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 8000),
    }  # fmt: skip
    asyncio.run(application(scope, receive, send))
    return sent, taken


@pytest.mark.django_db(transaction=True)
def test_a_body_without_a_length_is_cut_off_before_it_fills_the_disk() -> None:
    sent, taken = ask([b"x" * 65536] * 10_000)

    assert taken == 17  # one chunk beyond a megabyte
    assert [message.get("status") for message in sent] == [413, None]
    assert b'"code":"too_large"' in sent[1]["body"]


@pytest.mark.django_db(transaction=True)
def test_a_body_of_an_ordinary_size_passes() -> None:
    sent, taken = ask([b"{}", b""])

    assert taken == 2
    assert sent[0]["status"] == 403  # read, and refused for its missing token


# --- https --------------------------------------------------------------------------------------


def manage(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("KIM_")}
    https = {
        "DJANGO_SETTINGS_MODULE": "kim.settings",
        "KIM_PUBLIC_URL": "https://kim.example",
        "KIM_TRUSTED_PROXIES": "1",
        "KIM_ELECTRUM_SERVERS": "a.example:50002:s:operator=Ann,b.example:50002:s:operator=Bo",
        "KIM_SECRET_KEY": "Xq3-" + "abcdefghijklmnopqrstuvwxyz0123456789" * 2,
    }
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env={**bare, **_DEFAULTS, **https, **changes},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_over_https_cookies_are_bound_to_the_host_and_never_sent_in_the_clear() -> None:
    code = (
        "from django.conf import settings as s\n"
        "print(s.SESSION_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_NAME,"
        " s.CSRF_COOKIE_SECURE, s.LANGUAGE_COOKIE_NAME, s.SECURE_HSTS_SECONDS, s.SECURE_PROXY_SSL_HEADER)"
    )

    behind, bare = (
        manage("shell", "-v0", "-c", code),
        manage("shell", "-v0", "-c", code, KIM_TRUSTED_PROXIES="0"),
    )

    flags = "__Host-session True __Host-csrftoken True __Host-kim-language 31536000"
    assert behind.stdout.strip() == f"{flags} ('HTTP_X_FORWARDED_PROTO', 'https')", behind.stderr
    assert bare.stdout.strip() == f"{flags} None"
