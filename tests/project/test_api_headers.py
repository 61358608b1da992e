"""What every answer of the API tells of its limits, and of calls that are going to go."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from rest_framework.throttling import SimpleRateThrottle

from kim import deprecations
from kim.deprecations import Going

pytestmark = pytest.mark.django_db

SINCE = datetime(2027, 1, 1, tzinfo=UTC)
PAGE = "https://kim.example/docs"


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    every = dict.fromkeys(SimpleRateThrottle.THROTTLE_RATES)
    rates = {**every, "any": "3/minute", "login": "2/minute"}
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", rates)
    cache.clear()


@pytest.mark.usefixtures("limited")
def test_an_answer_tells_what_is_left_of_every_limit_that_counted_it(client: Client) -> None:
    first, second = (
        client.post("/api/v1/login-parameters/", {"username": "x"}, "application/json")
        for _ in range(2)
    )

    assert first.headers["RateLimit-Policy"] == '"any";q=3;w=60, "login";q=2;w=60'
    assert first.headers["RateLimit"] == '"any";r=2;t=60, "login";r=1;t=60'
    assert re.fullmatch('"any";r=1;t=\\d+, "login";r=0;t=\\d+', second.headers["RateLimit"])


@pytest.mark.usefixtures("limited")
def test_a_refusal_for_the_rate_tells_it_too(client: Client) -> None:
    answers = [client.get("/api/v1/limits/") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    left = [answer.headers["RateLimit"].partition(";t=")[0] for answer in answers]
    assert left == ['"any";r=2', '"any";r=1', '"any";r=0', '"any";r=0']
    reset = int(answers[-1].headers["RateLimit"].partition(";t=")[2])
    assert abs(reset - int(answers[-1].headers["Retry-After"])) <= 2


def test_what_is_not_limited_says_nothing(client: Client) -> None:
    assert "RateLimit" not in client.get("/healthz").headers


def test_nothing_is_deprecated_now(client: Client) -> None:
    assert dict(deprecations.ROUTES) == {}
    answer = client.get("/api/v1/limits/")
    assert not {"Deprecation", "Sunset"} & set(answer.headers)


def test_a_call_that_is_going_says_since_when_until_when_and_what_instead(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    going = Going(since=SINCE, until=SINCE + timedelta(days=365), page=PAGE)
    monkeypatch.setattr(deprecations, "ROUTES", {"limits": going})

    answer = client.get("/api/v1/limits/")

    assert answer.headers["Deprecation"] == "@1798761600"
    assert answer.headers["Sunset"] == "Sat, 01 Jan 2028 00:00:00 GMT"
    assert answer.headers["Link"] == f'<{PAGE}>; rel="deprecation"; type="text/html"'
    assert "Deprecation" not in client.get("/api/v1/rates/").headers


def test_less_than_a_year_of_notice_is_refused() -> None:
    with pytest.raises(ValueError, match="a year"):
        Going(since=SINCE, until=SINCE + timedelta(days=364), page=PAGE)
