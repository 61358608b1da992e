"""Nothing secret reaches a log: planted in every place of calls that fail, and found in no line."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.cache import cache
from django.test import Client
from django.utils.log import DEFAULT_LOGGING

from kim import logs
from kim.logs import scrub
from tests.unlock.creating import Browser, b64, derive, sign_up

LINK = "Li" * 11
SEED = "Se" * 21 + "x"
CLAIM = b64(b"claim of a purchase, 32 bytes ..")
PASSWORD = "correct horse battery"
DERIVED = derive(PASSWORD)
SIGNATURE = "5a" * 32
FILE = "6f1b2c3d-0000-4000-8000-000000000001"
PLANTED = (LINK, SEED, CLAIM, PASSWORD, DERIVED, SIGNATURE)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the configured handlers write, at the most talkative level that can be set."""
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    monkeypatch.setattr(sys, "stdout", out)
    logging.config.dictConfig(DEFAULT_LOGGING)  # as Django does, before ours
    logging.config.dictConfig(logs.configuration(level="DEBUG", as_json=True))
    yield out
    logging.config.dictConfig(DEFAULT_LOGGING)
    logging.config.dictConfig(configured.LOGGING)


@pytest.mark.parametrize(
    "text",
    [
        f"GET /f/{FILE}#1.{LINK}",
        f"GET /f/{FILE}%231.{LINK}",
        f"GET /p/{FILE}%231.{LINK}.{SEED}",
        f"https://kim.example/p/{FILE}#1.{LINK}.{SEED} is broken",
        f"the fragment is 1.{LINK}",
        f"Authorization: Claim {CLAIM}",
        f"authorization: claim {CLAIM}",
        f"{{'AUTHORIZATION': 'Claim {CLAIM}'}}",
        f"Bearer {CLAIM}",
        f"PUT /kim/c?partNumber=1&X-Amz-Signature={SIGNATURE}",
        f"?x-amz-signature={SIGNATURE}&x=1",
        f"kim-session={SEED}; csrftoken={SEED}",
        f'{{"username": "maya", "derived": "{DERIVED}"}}',
        f"{{'new_derived': '{DERIVED}'}}",
        f"username=maya&password={PASSWORD.replace(' ', '+')}&next=",
        f'{{"s":"{SEED}","seed": "{SEED}"}}',
        f'{{"password": "{PASSWORD.split(maxsplit=1)[0]}"}}',
    ],
)
def test_what_looks_secret_is_cut(text: str) -> None:
    said = scrub(text)

    assert "[cut]" in said
    for secret in (*PLANTED, PASSWORD.replace(" ", "+"), PASSWORD.split(maxsplit=1)[0]):
        assert secret not in said


@pytest.mark.parametrize(
    "text",
    [
        f"invoice {FILE} settled with 20000 sat",
        "version 1.2.3 of kim; 1.5 seconds; level=warning, errors=0, is=1",
        f"txid {'ab' * 32}:0",
        "GET /api/v1/files/ 404",
        "Claim refused",
        "KIM_S3_SECRET_KEY is not set.",
    ],
)
def test_what_an_operator_needs_stays(text: str) -> None:
    assert scrub(text) == text


def test_a_line_is_one_object_with_its_trace_cut(written: io.StringIO) -> None:
    try:
        raise ValueError(f"cannot open https://kim.example/f/{FILE}#1.{LINK}\n{CLAIM=}")  # noqa: TRY301
    except ValueError:
        logging.getLogger("kim.tried").exception(
            "failed: %s", f"Claim {CLAIM}", extra={"facts": {"link": f"#1.{LINK}", "sat": 5}}
        )

    lines = written.getvalue().splitlines()
    assert len(lines) == 1
    said = json.loads(lines[0])
    assert (said["level"], said["logger"], said["sat"]) == ("error", "kim.tried", "5")
    assert said["message"] == "failed: [cut]"
    assert LINK not in lines[0]


def call(client: Any, where: str) -> None:
    """Calls that go wrong, each with secrets in another place."""
    header = {"HTTP_AUTHORIZATION": f"Claim {CLAIM}", "HTTP_REFERER": f"{where}#1.{LINK}.{SEED}"}
    body = {
        "username": "maya", "derived": DERIVED, "password": PASSWORD, "s": SEED,
        "value": PASSWORD, "title": f"#1.{LINK}", "description": f"X-Amz-Signature={SIGNATURE}",
    }  # fmt: skip
    client.get(f"{where}%231.{LINK}.{SEED}", **header)
    client.get(f"{where}?X-Amz-Signature={SIGNATURE}&password=%22&link=%231.{LINK}", **header)
    for content in (json.dumps(body), json.dumps(body)[:-2], json.dumps([body])):
        for method in ("POST", "PUT", "PATCH"):
            client.generic(method, where, content, content_type="application/json", **header)
    client.post(where, body, **header)
    client.get(where, HTTP_HOST=f"1.{LINK}", **header)


@pytest.mark.django_db
def test_no_call_that_fails_leaves_a_secret_in_the_log(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.clear()
    maya, _ = sign_up("maya")
    browser = Browser()
    browser.client.force_login(maya.user)
    places = [
        f"/f/{FILE}", f"/p/{FILE}", "/nowhere", "/login/", "/admin/login/", "/static/x.js",
        "/api/v1/session/", "/api/v1/creators/", "/api/v1/payout/", "/api/v1/files/",
        f"/api/v1/files/{FILE}/secret/", f"/api/v1/files/{FILE}/purchases/",
        f"/api/v1/purchases/{FILE}/release/", "/api/v1/nowhere/",
    ]  # fmt: skip

    for client in (Client(raise_request_exception=False), browser.client):
        client.raise_request_exception = False
        for where in places:
            call(client, where)
    # And a crash of our own, in the middle of a call that carries all of it.
    from unlock import creators

    def crash(*given: Any, **named: Any) -> None:
        del given, named
        raise RuntimeError(f"lost with #1.{LINK} and Claim {CLAIM}")

    monkeypatch.setattr(creators, "recognise", crash)
    broken = browser.post("session/", {"username": "maya", "derived": DERIVED})
    assert broken.status_code == 500
    assert LINK not in broken.content.decode()
    cache.clear()

    said = written.getvalue()
    assert "RuntimeError" in said
    assert [secret for secret in PLANTED if secret in said] == []
    assert all(json.loads(line)["level"] for line in said.splitlines())


def test_nobody_writes_past_the_filter(written: io.StringIO) -> None:
    """Every handler of every logger is ours.

    But one: redis-py gives its logger of RESP3 pushes (cache invalidations, which we never ask for)
    a handler of its own as soon as anything connects.
    """
    names = [None, *(logging.root.manager.loggerDict.keys() - {"push_response"})]
    handlers = [
        (name, handler)
        for name in names
        for handler in logging.getLogger(name).handlers
        if isinstance(handler, logging.StreamHandler) and "pytest" not in type(handler).__module__
    ]

    unfiltered = [
        (name, handler)
        for name, handler in handlers
        if not isinstance(handler.formatter, logs.JsonFormatter | logs.PlainFormatter)
    ]
    assert unfiltered == []
