"""Every route, every method, both kinds of instance: the headers are exactly these, on refusals too."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from django.core.cache import cache
from django.http.response import HttpResponseBase
from django.test import Client
from pytest_django.fixtures import Settings

from kim import asgi
from tests import deployed
from tests.project.test_headers import plain_routes
from unlock import instances, markdown

pytestmark = pytest.mark.django_db

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
HSTS = "max-age=31536000; includeSubDomains; preload"
PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " media-src 'self' blob:; connect-src {connects}; worker-src 'self'; frame-src 'self';"
    " manifest-src 'self'; object-src 'none'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
TYPED = "; require-trusted-types-for 'script'; trusted-types kim-url"
FIXED = {
    "Permissions-Policy": (
        "clipboard-write=(self), fullscreen=(self), screen-wake-lock=(self), accelerometer=(), browsing-topics=(),"
        " camera=(), clipboard-read=(), display-capture=(), encrypted-media=(), gamepad=(),"
        " geolocation=(), gyroscope=(), hid=(), idle-detection=(), keyboard-map=(),"
        " local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(),"
        " publickey-credentials-create=(), publickey-credentials-get=(),"
        " serial=(), storage-access=(), sync-xhr=(), usb=(), window-management=(),"
        " xr-spatial-tracking=()"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
NONE = "default-src 'none'; frame-ancestors 'none'"
FOR_FRAMES = {"X-Frame-Options": "SAMEORIGIN"}
MISSING = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'self'; sandbox",
    **FOR_FRAMES,
}
STAFF = {  # Django's own word on keeping; and a form's Origin, which is null under no-referrer
    "Cache-Control": "max-age=0, no-cache, no-store, must-revalidate, private",
    "Referrer-Policy": "same-origin",
}
NOT_STAFF_YET = ("/admin/jsi18n/", "/admin/password_change/", "/admin/password_change/done/")
# What differs where a GET or HEAD is answered, each for a reason that its view tells.
OWN = {
    "/x/sw.js": {
        "Content-Security-Policy": f"{NONE}; require-trusted-types-for 'script'",
        "Cache-Control": "no-cache",
    },
    "/x/play": {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self';"
            " base-uri 'none'; form-action 'none'; frame-ancestors 'self';"
            " require-trusted-types-for 'script'; trusted-types 'none'"
        ),
        **FOR_FRAMES,
    },
    "/x/d/some": MISSING,
    "/x/v/some": MISSING,
    "/embed/1/button.js": {
        "Content-Security-Policy": NONE,
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "public, max-age=31536000, immutable",
    },
}
# Their pages load bytes: an order that is not here may come back by its ticket, from any store.
LOADING = (f"/p/{uuid.UUID(int=5)}", "/library/")


@pytest.fixture(params=["http", "https"])
def instance(
    request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """How it is asked, and what is expected beyond FIXED: as tests run it, and as deploy/ does."""
    cache.clear()
    if request.param == "http":
        return {"HTTP_HOST": "127.0.0.1"}
    written = deployed.settings_of(monkeypatch, deployed.environment())
    for name in set(written) - {"DATABASES", "CACHES", "LOGGING", "PASSWORD_HASHERS"}:
        if getattr(settings, name, None) != written[name]:
            setattr(settings, name, written[name])
    return {"HTTP_HOST": deployed.DOMAIN, "HTTP_X_FORWARDED_PROTO": "https"}


def expected(route: str, method: str, *, is_https: bool, connects: str) -> dict[str, str]:
    is_staff = route.startswith("/admin/")
    return {
        **FIXED,
        "Content-Security-Policy": PAGE.format(connects=connects) + ("" if is_staff else TYPED),
        **(OWN.get(route, {}) if method in ("GET", "HEAD") else {}),
        **({"Strict-Transport-Security": HSTS} if is_https else {}),
        **(STAFF if is_staff else {}),
        **({"Cache-Control": "no-store"} if route in NOT_STAFF_YET else {}),
    }


def given(response: HttpResponseBase) -> dict[str, str]:
    names = (*FIXED, "Content-Security-Policy", "Strict-Transport-Security")
    return {name: response.headers[name] for name in names if name in response.headers}


def is_typed(response: HttpResponseBase) -> bool:
    """A body says what it is, and a text in which letters; JSON has only one kind of them (RFC 8259)."""
    kind = response.headers.get("Content-Type", "")
    has_body = response.streaming or bool(getattr(response, "content", b""))
    return not has_body or kind == "application/json" or kind.endswith("charset=utf-8")


def test_every_route_answers_every_method_with_exactly_these(
    instance: dict[str, str], settings: Settings
) -> None:
    client = Client(raise_request_exception=False)
    is_https = "HTTP_X_FORWARDED_PROTO" in instance
    store = settings.KIM_STORES[0].public_endpoint
    wrong: dict[str, Any] = {}
    untyped: list[str] = []
    answered = 0

    for route in (*plain_routes(), "/nowhere", "/api/v1/nowhere/", "/static/none.js"):
        for method in METHODS if is_https else ("GET",):  # the same code answers both
            response = client.generic(method, route, **instance)  # type: ignore[arg-type]
            reads = route in LOADING and method in ("GET", "HEAD")
            connects = f"'self' {store}" if reads else "'self'"
            wanted = expected(route, method, is_https=is_https, connects=connects)
            answered += 1
            if not is_typed(response):
                untyped.append(f"{method} {route}")
            if given(response) != wanted:
                wrong[f"{method} {route} {response.status_code}"] = {
                    name: (given(response).get(name), wanted.get(name))
                    for name in {*given(response), *wanted}
                    if given(response).get(name) != wanted.get(name)
                }
            response.close()

    assert wrong == {}
    assert untyped == []
    assert answered > (2_000 if is_https else 250)


@pytest.fixture
def public(instance: dict[str, str]) -> dict[str, str]:
    if "HTTP_X_FORWARDED_PROTO" not in instance:
        pytest.fail("for https only")
    return instance


EARLY: dict[str, tuple[int, dict[str, Any]]] = {
    "a body too large": (
        413,
        {"method": "POST", "path": "/api/v1/session/", "data": b"x" * 300_000},
    ),
    "a host that is none": (400, {"method": "GET", "path": "/", "HTTP_HOST": "evil.example"}),
    "a form of another site": (403, {"method": "POST", "path": "/api/v1/session/", "data": b"{}"}),
    "no such method": (405, {"method": "PUT", "path": "/.well-known/kim.json"}),
    "another spelling of us": (301, {"method": "GET", "path": "/", "HTTP_HOST": "localhost"}),
    "a preflight": (
        204,
        {
            "method": "OPTIONS",
            "path": "/api/v1/rates/",
            "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET",
        },
    ),
}


@pytest.mark.parametrize("instance", ["https"], indirect=True)
@pytest.mark.parametrize("name", EARLY)
def test_what_is_refused_early_carries_them_too(public: dict[str, str], name: str) -> None:
    status, asked = EARLY[name]
    method, path = asked["method"], asked["path"]
    more = {key: value for key, value in asked.items() if key not in ("method", "path")}
    client = Client(raise_request_exception=False, enforce_csrf_checks=status == 403)

    response = client.generic(
        method, path, more.pop("data", b""), "application/json", **{**public, **more}
    )

    assert response.status_code == status
    assert given(response) == expected(path, method, is_https=True, connects="'self'")


@pytest.mark.parametrize("instance", ["https"], indirect=True)
def test_a_failure_of_ours_carries_them_and_tells_nothing(
    public: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(text: str) -> str:
        raise RuntimeError(f"at /srv/kim/secret with the key 7: {text}")

    said = instances.Said(name="kim", terms="Be kind.")
    monkeypatch.setattr(instances, "said", lambda: said)
    monkeypatch.setattr(markdown, "to_html", crash)
    response = Client(raise_request_exception=False).get("/terms", **public)  # type: ignore[arg-type]

    assert response.status_code == 500
    assert given(response) == expected("/terms", "GET", is_https=True, connects="'self'")
    for told in (b"RuntimeError", b"/srv/kim", b"Traceback", b"key 7"):
        assert told not in response.content


@pytest.mark.parametrize("instance", ["https"], indirect=True)
def test_a_static_file_is_kept_for_ever_and_carries_the_rest(
    public: dict[str, str], settings: Settings
) -> None:
    path = f"{settings.STATIC_URL}js/pages/offer.js"
    wanted = expected(path, "GET", is_https=True, connects="'self'")
    kept = {**wanted, "Cache-Control": "max-age=31536000, public, immutable"}

    response = Client().get(path, **public)  # type: ignore[arg-type]
    refused = Client().post(path, **public)  # type: ignore[arg-type]

    assert (response.status_code, given(response)) == (200, kept)
    assert (refused.status_code, given(refused)) == (405, wanted)


@pytest.mark.parametrize("instance", ["https"], indirect=True)
def test_a_body_without_end_is_cut_off_with_them(public: dict[str, str]) -> None:
    """The server's own refusal, where Django has none: chunks that never say how long they are."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * 400_000, "more_body": True}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(dict(message))

    headers = [(b"host", deployed.DOMAIN.encode()), (b"x-forwarded-proto", b"https")]
    scope = {"type": "http", "method": "POST", "path": "/api/v1/session/", "headers": headers}
    asyncio.run(asgi.application({**scope, "query_string": b""}, receive, send))

    said = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    wanted = expected("/api/v1/session/", "POST", is_https=True, connects="'self'")
    assert sent[0]["status"] == 413
    assert {name: said.get(name.lower()) for name in wanted} == wanted
    assert said["connection"] == "close"
