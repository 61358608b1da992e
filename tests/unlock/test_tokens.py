"""Tokens for programs: told once, scoped, ended; and never for what could take an account over."""

from __future__ import annotations

import hashlib
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle

from kim import logs
from tests.unlock import sale
from tests.unlock.creating import Browser, b64, derive, refusal, signed_in
from tests.unlock.test_second_factor import on_over_http_as
from tests.unlock.vaulting import R, recovery, sealed, with_vault
from unlock import creators, scopes, tokens
from unlock.models import ApiToken, Creator, Notice, PaidFile
from unlock.scopes import Scope
from unlock.states import NoticeKind
from unlock.token_errors import ScopeMissing
from unlock.views.sessions import AnyoneView

pytestmark = pytest.mark.django_db

METHODS = ("get", "post", "put", "patch", "delete")
EVERY = list(Scope)


def ask(browser: Browser, **more: Any) -> Any:
    body = {"name": "shop", "scopes": ["files:read"], "derived": derive("correct horse"), **more}
    return browser.post("tokens/", body)


def program(token: str) -> APIClient:
    """No cookie, no CSRF token, the checks on: as curl is."""
    client = APIClient(enforce_csrf_checks=True)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.fixture
def maya() -> Browser:
    return signed_in("maya")


def made(browser: Browser, *held: str) -> APIClient:
    return program(ask(browser, scopes=held or EVERY).json()["token"])


def creators_calls() -> list[tuple[str, str]]:
    """(route, METHOD) of every call that a creator's session reaches."""

    def walk(resolver: URLResolver) -> Any:
        for entry in resolver.url_patterns:
            if isinstance(entry, URLResolver):
                yield from walk(entry)
            else:
                yield entry

    found = []
    for entry in walk(get_resolver()):
        view = getattr(entry.callback, "view_class", None)
        if isinstance(view, type) and issubclass(view, AnyoneView):
            found += [(entry.name, name.upper()) for name in METHODS if hasattr(view, name)]
    return sorted(found)


# --- what a token is ------------------------------------------------------------------------------


def test_a_token_is_told_once_and_kept_as_a_hash(maya: Browser) -> None:
    answer = ask(maya, scopes=["files:write", "files:write", "sales:read"], days=30)

    said = answer.json()
    assert answer.status_code == 201
    assert said["token"].startswith("kim_")
    assert len(said["token"]) == len("kim_") + 43
    assert said["scopes"] == ["files:write", "sales:read"]
    row = ApiToken.objects.get()
    assert row.token_hash == hashlib.sha256(b"kim token" + said["token"].encode()).hexdigest()
    assert row.expires_at - row.created_at == timedelta(days=30)
    assert said["token"] not in str(ApiToken.objects.values().get())
    listed = maya.get("tokens/").json()
    assert listed["tokens"] == [{name: said[name] for name in said if name != "token"}]
    assert listed["scopes"] == EVERY
    told = Notice.objects.get()
    assert (told.kind, "shop" in told.text) == (NoticeKind.ACCOUNT_CHANGED, True)
    assert said["token"] not in told.text


def test_making_one_needs_the_password_and_the_second_step(maya: Browser) -> None:
    assert refusal(ask(maya, derived=derive("guess"))) == (403, "password_wrong")
    on_over_http_as(maya)
    assert refusal(ask(maya)) == (401, "second_step_required")
    assert refusal(ask(maya, code="000000")) == (401, "second_step_wrong")

    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""}, {"name": "x" * 61}, {"scopes": []}, {"scopes": ["payout:write"]},
        {"days": 0}, {"days": 367}, {"derived": None}, {"name": "\u202egnp"},
    ],
)  # fmt: skip
def test_a_wrong_wish_makes_none(maya: Browser, wrong: dict[str, Any]) -> None:
    assert ask(maya, **wrong).status_code == 400
    assert not ApiToken.objects.exists()


def test_there_are_twenty_at_most(maya: Browser) -> None:
    creator, now = Creator.objects.get(), timezone.now()
    for _ in range(tokens.PER_CREATOR):
        tokens.make(creator, name="t", scopes=[Scope.FILES_READ], days=1, now=now)

    assert refusal(ask(maya)) == (409, "too_many_tokens")
    one = maya.get("tokens/").json()["tokens"][0]["id"]
    assert maya.delete(f"tokens/{one}/").status_code == 204
    assert maya.delete(f"tokens/{one}/").status_code == 204  # repeating is no error
    assert ask(maya).status_code == 201


# --- what it opens --------------------------------------------------------------------------------


def test_a_program_needs_no_cookie_and_no_csrf_token(maya: Browser) -> None:
    client = made(maya, "files:write")

    answer = client.post(
        "/api/v1/files/",
        {"title": "Nine", "price": {"amount": "2.00", "currency": "EUR"}},
        format="json",
    )

    assert answer.status_code == 201
    assert not answer.cookies
    assert client.get(f"/api/v1/files/{answer.json()['id']}/").json()["state"] == "draft"
    assert client.get("/api/v1/session/").json() == {"username": "maya"}


def test_every_call_of_a_creator_says_which_scope_it_needs() -> None:
    listed = {(route, method) for route, calls in scopes.ROUTES.items() for method in calls}

    assert set(creators_calls()) == listed
    assert set(scopes.TOLD_ONCE) | scopes.UNKEPT <= set(scopes.ROUTES)


def test_what_could_take_an_account_over_is_closed_to_every_token() -> None:
    closed = {route for route, calls in scopes.ROUTES.items() if set(calls.values()) == {None}}

    assert closed >= {
        "password", "sessions", "session-note", "second-step", "second-step-removal", "vault",
        "account-recoveries", "tokens", "token", "payout", "payout-gap", "payout-waiting",
        "payout-preview", "notice-email", "notice-email-code", "creators", "login-parameters",
    }  # fmt: skip
    assert scopes.needed("notice-wishes", "PUT") is None
    assert scopes.needed("somewhere-new", "GET") is None


PLACES = {
    "file_id": "00000000-0000-0000-0000-000000000000",
    "content_id": "ab" * 32,
}


@pytest.mark.parametrize(("route", "method"), creators_calls())
def test_a_token_reaches_exactly_what_its_scopes_say(
    route: str, method: str, maya: Browser
) -> None:
    """Refused for the scope before anything is looked at; with it, for another reason or not at all."""
    from django.urls import reverse

    pattern = get_resolver().reverse_dict.getlist(route)[0][0][0]
    wanted = {name: PLACES.get(name, PLACES["file_id"]) for name in pattern[1]}
    path = reverse(route, kwargs=wanted)
    needed = scopes.needed(route, method)

    def call(*held: str) -> str:
        _row, token = tokens.make(
            Creator.objects.get(user__username="maya"),
            name="t",
            scopes=[Scope(each) for each in held],
            days=1,
            now=timezone.now(),
        )
        answer = program(token).generic(method, path, "{}", content_type="application/json")
        code = "" if answer.status_code < 400 else answer.json()["error"]["code"]
        return code if code in {"token_refused", "scope_missing", "not_signed_in"} else ""

    if needed is None:
        assert call(*EVERY) == "token_refused"
    elif needed == scopes.ANY:
        assert call() == ""
    else:
        others = [each for each in EVERY if needed not in scopes.expand([each])]
        assert call(*others) == "scope_missing"
        assert call(needed) == ""


def test_writing_includes_reading_and_reading_no_writing() -> None:
    scopes.check(["files:write"], route="api-files", method="GET")
    scopes.check(["files:read"], route="api-files", method="HEAD")

    with pytest.raises(ScopeMissing):
        scopes.check(["files:read"], route="api-files", method="POST")


def test_a_program_tries_its_own_file_with_token_and_claim(maya: Browser) -> None:
    sold = sale.publish(Creator.objects.get())
    buyer = sale.Buyer()
    client = made(maya, "files:write")
    key = {"buyer_key": b64(buyer.keys.public_key)}
    path = f"/api/v1/files/{sold.file.id}/selftest/"

    assert refusal(client.post(path, key, format="json")) == (401, "claim_missing")
    answer = client.post(path, key, format="json", HTTP_KIM_CLAIM=b64(buyer.claim))

    assert answer.status_code == 201
    assert buyer.client.get(f"/api/v1/purchases/{answer.json()['purchase']}/").status_code == 200


# --- and when it opens nothing --------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        "",
        "kim_",
        "kim_" + "A" * 43,
        "x" * 5000,
        "kim_\udc80".encode("utf-8", "replace").decode(),
        "é",
    ],
)
def test_what_is_no_token_is_refused_and_no_cookie_is_read_in_its_place(
    given: str, maya: Browser
) -> None:
    answer = maya.call("get", "files/", HTTP_AUTHORIZATION=f"Bearer {given}")

    assert refusal(answer) == (401, "token_unknown")


def test_an_ended_or_expired_one_stops(maya: Browser) -> None:
    client = made(maya)
    row = ApiToken.objects.get()

    ApiToken.objects.update(expires_at=timezone.now())
    assert refusal(client.get("/api/v1/files/")) == (401, "token_expired")
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(days=1))
    assert client.get("/api/v1/files/").status_code == 200
    assert maya.delete(f"tokens/{row.id}/").status_code == 204
    assert refusal(client.get("/api/v1/files/")) == (401, "token_unknown")
    assert maya.get("tokens/").json()["tokens"] == []


@pytest.mark.parametrize("how", ["suspended", "closed", "staff"])
def test_the_tokens_of_somebody_who_is_out_stop(how: str, maya: Browser) -> None:
    client, creator = made(maya), Creator.objects.select_related("user").get()

    if how == "suspended":
        creators.suspend(creator, now=timezone.now())
    else:
        creator.user.is_active = how != "closed"
        creator.user.is_staff = how == "staff"
        creator.user.save()

    assert refusal(client.get("/api/v1/files/")) == (401, "token_unknown")


def test_anothers_token_is_not_there(maya: Browser) -> None:
    eve = signed_in("eve")
    client = made(maya)
    hers = ApiToken.objects.get().id

    assert refusal(eve.delete(f"tokens/{hers}/")) == (404, "token_missing")
    assert eve.get("tokens/").json()["tokens"] == []
    assert client.get("/api/v1/files/").status_code == 200


def test_who_comes_back_with_the_words_ends_every_token() -> None:
    client = made(with_vault("maya"))
    words = {
        "username": "maya", "recovery": b64(recovery(R)), "new_salt": b64(b"t" * 16),
        "new_derived": derive("other"), "sealed_root": sealed(R, password="other")["sealed_root"],
    }  # fmt: skip

    answer = Browser().post("account-recoveries/", words)

    assert answer.status_code == 200, answer.content
    assert refusal(client.get("/api/v1/files/")) == (401, "token_unknown")


def test_a_token_reaches_no_page(maya: Browser) -> None:
    answer = made(maya).get("/files/")

    assert answer.status_code == 302


def test_last_used_is_kept_to_within_an_hour(maya: Browser) -> None:
    client = made(maya)
    client.get("/api/v1/files/")
    first = ApiToken.objects.get().used_at
    client.get("/api/v1/files/")
    assert first is not None
    assert ApiToken.objects.get().used_at == first

    ApiToken.objects.update(used_at=first - timedelta(hours=2))
    client.get("/api/v1/files/")
    later = ApiToken.objects.get().used_at
    assert later is not None
    assert later >= first


def test_guesses_at_tokens_are_limited_and_good_ones_are_not(
    maya: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = made(maya)
    every = dict.fromkeys(SimpleRateThrottle.THROTTLE_RATES)
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {**every, "login": "3/minute"})
    cache.clear()

    guesses = [program("kim_" + letter * 43).get("/api/v1/files/") for letter in "abcd"]

    assert [answer.status_code for answer in guesses] == [401, 401, 401, 429]
    assert [client.get("/api/v1/files/").status_code for _ in range(5)] == [200] * 5


def test_a_token_is_cut_out_of_every_log(maya: Browser, caplog: pytest.LogCaptureFixture) -> None:
    token = ask(maya).json()["token"]
    caplog.set_level(logging.DEBUG)

    program(token).get("/api/v1/files/")
    program(token[:-1] + "!").get("/api/v1/nowhere/")

    assert token not in caplog.text
    for line in (f"got {token}", f"Authorization: Bearer {token}", f'"token": "{token}"'):
        assert token not in logs.scrub(line)
    assert logs.scrub("kim_stack started") == "kim_stack started"
    assert PaidFile.objects.count() == 0
