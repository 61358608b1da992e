"""Rate limits: each kind of call has its own, counted by the address that may be believed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle

from tests.unlock.creating import Browser, b64, derive, refusal, sign_up
from tests.unlock.sale import Buyer, order_body, publish
from unlock.models import Creator, Purchase
from unlock.visitors import client_of

pytestmark = pytest.mark.django_db

Limit = Callable[..., None]


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Limit:
    """``limit(login="1/minute")``; everything else is unlimited."""

    def set_rates(**rates: str) -> None:
        every = dict.fromkeys(SimpleRateThrottle.THROTTLE_RATES)
        monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {**every, **rates})

    return set_rates


def is_limited(answer: Any) -> bool:
    """Refused for the rate, in the one shape, with a time to wait."""
    if answer.status_code != 429:
        return False
    assert refusal(answer) == (429, "too_many_requests")
    wait = int(answer.headers["Retry-After"])
    assert 0 < wait <= 61
    assert str(wait) in answer.json()["error"]["hint"]
    return True


def test_sign_ups_are_limited(limit: Limit) -> None:
    limit(signup="2/minute")

    answers = [Browser().sign_up(name) for name in ("maya", "noor", "eve")]

    assert [is_limited(answer) for answer in answers] == [False, False, True]
    assert Creator.objects.count() == 2


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("session/", "post"),
        ("login-parameters/", "post"),
        ("session/password/", "put"),
        ("payout/", "put"),
    ],
)
def test_guesses_at_a_password_are_limited_wherever_one_is_asked_for(
    path: str, method: str, limit: Limit
) -> None:
    maya, _ = sign_up("maya")
    browser = Browser()
    browser.client.force_login(maya.user)
    limit(login="3/minute")
    guess = {"username": "maya", "derived": derive("guess"), "value": "bchreg:q"}

    answers = [browser.call(method, path, guess) for _ in range(4)]

    assert [is_limited(answer) for answer in answers] == [False, False, False, True]
    assert browser.get("payout/").status_code == 200  # looking is no guess


def test_all_guesses_count_together(limit: Limit) -> None:
    sign_up("maya")
    limit(login="2/minute")
    browser = Browser()

    browser.post("login-parameters/", {"username": "maya"})
    browser.post("session/", {"username": "maya", "derived": derive("guess")})
    answer = browser.post("session/", {"username": "maya", "derived": b64(b"d" * 32)})

    assert is_limited(answer)
    assert "kim-session" not in browser.client.cookies


def test_the_login_of_staff_is_limited_too(limit: Limit) -> None:
    get_user_model().objects.create_superuser("staff", password="staff password")
    limit(login="2/minute")
    client = Client()
    good = {"username": "staff", "password": "staff password"}

    for _ in range(2):
        tried = client.post("/admin/login/", {"username": "staff", "password": "guess"})
        assert tried.status_code == 200
    answer = client.post("/admin/login/", good)

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "Try again in" in answer.content.decode()
    assert client.get("/admin/login/").status_code == 200
    assert client.get("/admin/").status_code == 302
    cache.clear()
    assert client.post("/admin/login/", good).status_code == 302
    assert client.get("/admin/").status_code == 200


def test_orders_are_limited_and_a_refused_one_leaves_nothing(limit: Limit) -> None:
    limit(purchase="1/minute")
    sold = publish()
    first, second = Buyer(), Buyer()
    place = f"/api/v1/files/{sold.file.id}/purchases/"

    first.client.post(place, {"buyer_key": "?"}, format="json")
    answer = second.client.post(place, order_body(second), format="json")

    assert is_limited(answer)
    assert Purchase.objects.count() == 0


def test_signing_addresses_of_parts_and_ranges_is_limited(limit: Limit) -> None:
    limit(presign="2/minute")
    maya, _ = sign_up("maya")
    browser = Browser()
    browser.client.force_login(maya.user)

    browser.post("uploads/", {})
    browser.post(f"uploads/{publish().file.id}/parts/", {"numbers": [1]})
    answers = [
        browser.post("uploads/", {}),
        browser.post(f"uploads/{publish().file.id}/parts/", {"numbers": [1]}),
        Browser().get(f"files/{publish().file.id}/ranges/"),
    ]

    assert all(is_limited(answer) for answer in answers)


def test_everything_together_is_limited(limit: Limit) -> None:
    limit(any="2/minute")

    answers = [APIClient().get(f"/api/v1/{path}/") for path in ("limits", "rates", "session")]

    assert [is_limited(answer) for answer in answers] == [False, False, True]


# --- whom a limit counts ------------------------------------------------------------------------


def limits_of(address: str, forwarded: str) -> bool:
    """Whether a call that came over these addresses is refused."""
    answer = APIClient().get("/api/v1/limits/", REMOTE_ADDR=address, HTTP_X_FORWARDED_FOR=forwarded)
    return is_limited(answer)


def hops(settings: Any, count: int) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": count}


def test_without_a_proxy_nobody_is_believed(limit: Limit, settings: Any) -> None:
    hops(settings, 0)
    limit(any="1/minute")

    assert not limits_of("192.0.2.1", "203.0.113.1")
    assert limits_of("192.0.2.1", "203.0.113.2")
    assert limits_of("192.0.2.1", "203.0.113.3, 203.0.113.4")
    assert not limits_of("192.0.2.2", "203.0.113.1")


def test_behind_one_proxy_the_last_address_is_the_clients(limit: Limit, settings: Any) -> None:
    hops(settings, 1)
    limit(any="1/minute")

    assert not limits_of("10.0.0.1", "203.0.113.1")
    assert limits_of("10.0.0.1", "198.51.100.7, 203.0.113.1")  # what came with it is made up
    assert limits_of("10.0.0.1", "198.51.100.8, 198.51.100.9, 203.0.113.1")
    assert not limits_of("10.0.0.1", "203.0.113.1, 203.0.113.2")


def test_behind_two_proxies_the_last_but_one_is_the_clients(limit: Limit, settings: Any) -> None:
    hops(settings, 2)
    limit(any="1/minute")

    assert not limits_of("10.0.0.1", "203.0.113.1, 10.0.0.2")
    assert limits_of("10.0.0.1", "198.51.100.7, 203.0.113.1, 10.0.0.3")
    assert not limits_of("10.0.0.1", "203.0.113.2, 10.0.0.2")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("unix:", "unix:"),
        ("", ""),
    ],
)
def test_an_ipv6_client_is_counted_by_its_network(address: str, counted: str) -> None:
    assert client_of(address) == counted
