"""Small promises that a table makes (docs/asvs.md), each held to here."""

from __future__ import annotations

import json
import math
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from django.apps import apps
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from tests.unlock.creating import Browser, derive, refusal, signed_in
from tests.unlock.sale import publish
from tests.unlock.test_staff import staff
from tests.unlock.vaulting import log_in
from unlock import creators, mail, one_time_codes, reports, tokens
from unlock.models import AuditEntry, Creator, Report, SessionNote
from unlock.reports import Said
from unlock.scopes import Scope
from unlock.states import ReportKind
from unlock.urls_pages import urlpatterns

ROOT = Path(__file__).resolve().parents[2]


# --- sessions -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_every_page_of_creators_and_staff_has_a_way_to_log_out() -> None:
    maya, root = signed_in("maya"), Client()
    root.force_login(get_user_model().objects.create_superuser("root"))
    plain = [str(each.pattern) for each in urlpatterns if "<" not in str(each.pattern)]
    looked = 0

    for path in plain:
        answer = maya.client.get(f"/{path}")
        is_page = answer.status_code == 200 and answer.headers["Content-Type"].startswith(
            "text/html"
        )
        if is_page and not path.startswith("x/"):
            looked += 1
            assert "data-logout" in answer.content.decode(), path
    every = [
        f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for label in ("unlock", "payments")
        for model in apps.get_app_config(label).get_models()
    ]
    for path in ("/admin/", *every):
        assert 'action="/admin/logout/"' in root.get(path).content.decode(), path

    assert looked >= 8
    assert len(every) > 40


@pytest.mark.django_db
def test_staff_are_logged_out_once_they_asked_for_nothing_for_long(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.KIM_STAFF_IDLE_MINUTES = 60
    rita, start = Client(), timezone.now()
    rita.force_login(get_user_model().objects.create_superuser("root"))
    said = []
    for minutes in (0, 59, 118, 179):
        monkeypatch.setattr(timezone, "now", lambda at=start + timedelta(minutes=minutes): at)
        said.append(rita.get("/admin/").status_code)

    assert said == [200, 200, 200, 302]
    assert rita.get("/admin/unlock/report/").status_code == 302
    assert "_auth_user_id" not in rita.session


@pytest.mark.django_db
def test_a_creators_session_ends_a_fortnight_after_its_last_use_and_at_last_anyhow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    maya, idle, start = signed_in("maya"), log_in("maya")[0], timezone.now()
    said = []
    for days in (13, 26, 39, 52, 65, 78, 89, 91):
        monkeypatch.setattr(timezone, "now", lambda at=start + timedelta(days=days): at)
        said.append(maya.get("session/").status_code)
        if days == 26:
            assert refusal(idle.get("session/")) == (401, "not_signed_in")

    assert said == [200] * 7 + [401]


@pytest.mark.django_db
@pytest.mark.parametrize("group", ["moderator", "support", "operator"])
def test_moderators_end_a_creators_sessions_with_a_reason(group: str) -> None:
    browsers = [signed_in("maya"), log_in("maya")[0]]
    other, client = signed_in("eve"), staff(group)
    maya = Creator.objects.get(user__username="maya")
    form = {"action": "sign_out", "_selected_action": [str(maya.pk)]}

    client.post("/admin/unlock/creator/", form)  # only asks why
    assert not SessionNote.objects.exclude(ended_at=None).exists()
    client.post("/admin/unlock/creator/", {**form, "confirmed": "yes", "reason": "A lost laptop."})

    may = group == "moderator"
    assert [each.get("session/").status_code for each in browsers] == [401 if may else 200] * 2
    assert other.get("session/").status_code == 200
    kept = list(AuditEntry.objects.values_list("action", "subject_id", "reason"))
    assert kept == ([("sign out", str(maya.pk), "A lost laptop.")] if may else [])
    assert log_in("maya")[1].status_code == 200


# --- random ---------------------------------------------------------------------------------------


def bits(text: str, alphabet: int) -> float:
    return len(text) * math.log2(alphabet)


@pytest.mark.django_db
def test_what_must_not_be_guessed_has_128_bits_and_repeats_nothing() -> None:
    maya = signed_in("maya")
    me, now = Creator.objects.get(user__username="maya"), timezone.now()
    said = Said(kind=ReportKind.FRAUD, text="A fraud, it is.", source="192.0.2.1")
    reports.make(publish(me).file.id, said, now=now)
    made = [
        tokens.make(me, name=f"t{n}", scopes=[Scope.FILES_READ], days=1, now=now) for n in (1, 2)
    ]

    assert len({each[1] for each in made}) == 2
    assert bits(made[0][1].removeprefix(tokens.PREFIX), 64) >= 128
    assert bits(creators.new_code(), 64) >= 128
    assert bits(Report.objects.get().reference, 64) >= 128
    assert bits(maya.client.cookies["kim-session"].value, 36) >= 128
    assert len({creators.new_code() for _ in range(1000)}) == 1000
    source = (ROOT / "static/js/crypto/bytes.js").read_text()
    assert "crypto.getRandomValues" in source
    for script in (ROOT / "static/js/crypto").glob("*.js"):
        assert "Math.random" not in script.read_text(), script


def test_one_time_codes_have_twenty_bits_and_more() -> None:
    spare = set(one_time_codes._LETTERS)

    assert bits("x" * one_time_codes.SPARE_LETTERS, len(spare)) >= 20
    assert bits("0" * mail.CODE_DIGITS, 10) >= 20


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_of_twins_in_a_body_the_last_counts_and_an_address_never_stands_in_for_it() -> None:
    signed_in("maya")
    browser, right, wrong = Browser(), derive("correct horse"), derive("a guess")

    def send(body: str, query: str = "") -> Any:
        client: Any = browser.client
        token = client.cookies["csrftoken"].value
        place = f"/api/v1/session/{query}"
        return client.generic(
            "POST", place, body, content_type="application/json", HTTP_X_CSRFTOKEN=token
        )

    twins = '{"username": "maya", "derived": "%s", "derived": "%s"}'
    assert refusal(send(twins % (right, wrong))) == (401, "login_failed")
    assert (
        send(f'{{"username": "maya", "derived": "{wrong}"}}', f"?derived={right}").status_code
        == 401
    )
    assert send("{}", f"?username=maya&derived={right}").status_code == 400
    assert send(twins % (wrong, right)).status_code == 200


_POLLUTE = """
const evil = '{"__proto__": {"own": 1}, "constructor": {"prototype": {"own": 1}}, "rows": [{"__proto__": {"own": 1}}]}';
globalThis.document = { cookie: '', querySelector: () => null };
globalThis.location = { href: 'https://kim.example/', origin: 'https://kim.example' };
globalThis.fetch = async () => new Response(evil, { headers: { 'Content-Type': 'application/json' } });
const api = await import(%s);
const answers = [await api.get('x/'), await api.post('x/'), await api.put('x/', {}), await api.patch('x/', {})];
const copies = answers.map((each) => ({ ...each }));
console.log(JSON.stringify({ own: {}.own ?? null, list: [].own ?? null, count: copies.length }));
"""


def test_an_answer_with_proto_in_it_changes_no_other_object() -> None:
    module = (ROOT / "static/js/net/api.js").as_uri()
    argv = ("node", "--input-type=module", "-e", _POLLUTE % json.dumps(module))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"own": None, "list": None, "count": 4}
    # Nobody merges deeply, and nobody writes through a prototype.
    bad = re.compile(r"__proto__|\bfor \(.* in |Object\.setPrototypeOf|\.prototype\[")
    for script in (ROOT / "static/js").rglob("*.js"):
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", script.read_text(), flags=re.DOTALL)
        assert not bad.search(code), script


# --- where a message ends -------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[tuple[int, list[str]]]:
    """uvicorn as deploy/ starts it, in front of an application that notes what it is asked."""
    asked: list[str] = []

    async def note(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        while (await receive()).get("more_body"):
            pass
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
        )
        await send({"type": "http.response.body", "body": b""})

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = uvicorn.Config(
        note, host="127.0.0.1", port=port, lifespan="off", proxy_headers=False,
        log_config=None,  # it would give its loggers handlers of its own, for the rest of the run
    )  # fmt: skip
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    for _ in range(200):
        if running.started:
            break
        threading.Event().wait(0.02)
    yield port, asked
    running.should_exit = True
    thread.join(10)


BODY = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        [b"Content-Length: %d" % len(BODY), b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Content-Length: %d" % len(BODY)],
        [b"Content-Length: 5", b"Content-Length: %d" % len(BODY)],
        [b"Content-Length: %d" % len(BODY), b"Content-Length: 5"],
        [b"Content-Length: 5, %d" % len(BODY)],
        [b"Content-Length: +5"],
        [b"Content-Length: -1"],
        [b"Content-Length: 0x5"],
        [b"Transfer-Encoding: chunked, identity"],
        [b"Transfer-Encoding: xchunked", b"Content-Length: 5"],
        [b"Transfer-Encoding : chunked", b"Content-Length: 5"],
        [b"Transfer-Encoding:\x0bchunked", b"Content-Length: 5"],
    ],
)
def test_a_request_whose_end_is_not_clear_is_refused_and_nothing_behind_it_is_read(
    server: tuple[int, list[str]], headers: list[bytes]
) -> None:
    port, asked = server
    head = b"\r\n".join([b"POST /first HTTP/1.1", b"Host: x", *headers])
    said = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
        wire.sendall(head + b"\r\n\r\n" + BODY)
        while chunk := wire.recv(65536):  # until it is closed
            said += chunk

    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1 ") == 1
    assert "/smuggled" not in asked
