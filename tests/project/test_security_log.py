"""Logins, changes of who may come in, and refusals each leave one line that names no secret."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from tests.project.test_headers import plain_routes
from tests.project.test_logs import written
from tests.unlock.creating import Browser, derive, refusal, signed_in
from unlock.models import Creator

__all__ = ["written"]
pytestmark = pytest.mark.django_db


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    said = [json.loads(line) for line in out.getvalue().splitlines()]
    names = ("event", "route", "method", "status", "account")
    return [{n: each[n] for n in names} for each in said if each["logger"] == "kim.security_log"]


def test_a_login_and_a_refused_one_are_noted_without_what_was_typed(written: io.StringIO) -> None:
    cache.clear()
    signed_in("maya")
    number = str(Creator.objects.get().user_id)
    body = {"username": "typed-password-here", "derived": derive("wrong")}
    assert refusal(Browser().post("session/", body))[0] == 401
    good = {"username": "maya", "derived": derive("correct horse")}
    Browser().post("session/", good)

    door = {"event": "door", "method": "POST"}
    assert lines(written) == [
        {**door, "route": "creators", "status": "201", "account": number},
        {**door, "route": "session", "status": "401", "account": ""},
        {**door, "route": "session", "status": "200", "account": number},
    ]
    assert "typed-password-here" not in written.getvalue()


def test_every_kind_of_refusal_is_noted_and_an_ordinary_page_is_not(written: io.StringIO) -> None:
    cache.clear()
    client = Client()
    client.get("/login/")
    client.get("/api/v1/sales/")
    client.post("/api/v1/session/", b"x" * 300_000, "application/json")
    client.get("/", HTTP_HOST="evil.example")

    refused = {"event": "refused", "account": ""}
    assert lines(written) == [
        {**refused, "route": "api-sales", "method": "GET", "status": "401"},
        {**refused, "route": "none", "method": "POST", "status": "413"},
        {**refused, "route": "none", "method": "GET", "status": "400"},
    ]


def test_trace_is_not_answered() -> None:
    """TRACE would give a page the headers that scripts may not see."""
    cache.clear()
    client = Client(raise_request_exception=False)

    told = {}
    for route in (each for each in plain_routes() if not each.startswith("/admin/")):
        answer = client.generic("TRACE", route, HTTP_X_ECHO="echo-this-header")
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        if answer.status_code < 300 or b"echo-this-header" in body:
            told[route] = answer.status_code

    assert told == {}


def test_what_is_logged_cannot_begin_a_line_of_its_own(written: io.StringIO) -> None:
    forged = 'x\n{"level": "error", "message": "forged"}\r\n\u2028'
    Client().generic("BREW\n", f"/{forged}", HTTP_USER_AGENT=forged)
    logging.getLogger("kim.tried").warning("said: %s", forged)

    assert [json.loads(each)["level"] for each in written.getvalue().splitlines()] == ["warning"]
