"""Which routes there are, and the policies that differ; every header of every route: test_headers_exact.py."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import IntConverter, UUIDConverter
from pytest_django.fixtures import Settings

from kim.env import StoreConfig
from tests.unlock import sale
from unlock import storage

# The service worker, the player's frame and what is missing there: each stricter in its own way.
UNDER_X = {
    "/x/sw.js": {"default-src": "'none'", "frame-ancestors": "'none'"},
    "/x/play": {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "media-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    },
    "/x/d/some": {"default-src": "'none'", "frame-ancestors": "'self'", "sandbox": ""},
    "/x/v/some": {"default-src": "'none'", "frame-ancestors": "'self'", "sandbox": ""},
}


def routes(resolver: URLResolver | None = None, prefix: str = "/") -> Iterator[str]:
    """Every route as a path, its arguments filled in with something of the right form."""
    for entry in (resolver or get_resolver()).url_patterns:
        here = prefix + _filled(entry)
        if isinstance(entry, URLResolver):
            yield from routes(entry, here)
        elif isinstance(entry, URLPattern):
            yield here


def _filled(entry: URLPattern | URLResolver) -> str:
    route = str(entry.pattern)
    for name, converter in entry.pattern.converters.items():
        kind = {UUIDConverter: str(uuid.UUID(int=5)), IntConverter: "5"}.get(
            type(converter), "some"
        )
        for spelling in (
            f"<uuid:{name}>",
            f"<int:{name}>",
            f"<str:{name}>",
            f"<path:{name}>",
            f"<{name}>",
        ):
            route = route.replace(spelling, kind)
    return route.replace("^", "").replace("$", "")


def plain_routes() -> list[str]:
    return sorted({route for route in routes() if "(" not in route and "\\" not in route})


def policy_of(response: HttpResponseBase) -> dict[str, str]:
    parts = response.headers.get("Content-Security-Policy", "").split(";")
    return {name: value for name, _, value in (part.strip().partition(" ") for part in parts)}


def test_there_are_routes_to_check() -> None:
    found = plain_routes()

    assert {"/", "/signup/", "/healthz", "/api/v1/rates/"} <= set(found)
    assert len(found) > 40


@pytest.mark.django_db  # a page names its instance
@pytest.mark.parametrize("route", UNDER_X)
def test_what_stands_under_x_has_exactly_its_own_policy(client: Client, route: str) -> None:
    response = client.get(route, HTTP_HOST="127.0.0.1")
    given = policy_of(response)

    if route == "/x/sw.js":
        assert given.pop("require-trusted-types-for") == "'script'"
        assert response.headers["Cache-Control"] == "no-cache"
        assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert given == UNDER_X[route]


@pytest.mark.parametrize("kind", ["d", "v"])
def test_without_a_worker_nothing_under_x_looks_like_a_file(client: Client, kind: str) -> None:
    response = client.get(f"/x/{kind}/AAAAAAAAAAAAAAAAAAAAAA", HTTP_HOST="127.0.0.1")

    assert response.status_code == 404
    assert response.content.startswith(b"incomplete")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Content-Disposition" not in response.headers


@pytest.mark.django_db
def test_a_page_that_does_not_exist_carries_them_too(client: Client) -> None:
    response = client.get("/nowhere", HTTP_HOST="127.0.0.1")

    assert response.status_code == 404
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.django_db
def test_a_page_that_does_not_exist_in_the_api_says_so_in_json(client: Client) -> None:
    response = client.get("/api/v1/nowhere/", HTTP_HOST="127.0.0.1")

    assert response.status_code == 404
    assert response.json() == {
        "error": {
            "code": "not_found",
            "message": "There is nothing here.",
            "hint": "Check the link.",
        }
    }


@pytest.mark.django_db
def test_localhost_is_sent_to_the_one_public_origin(client: Client) -> None:
    response = client.get("/signup/?a=1", HTTP_HOST="localhost:8000")

    assert response.status_code == 301
    assert response.headers["Location"] == "http://127.0.0.1:8000/signup/?a=1"


def connects(client: Client, path: str) -> str:
    """What the page at ``path`` may fetch from."""
    policy = client.get(path, HTTP_HOST="127.0.0.1").headers["Content-Security-Policy"]
    return dict(part.strip().split(" ", 1) for part in policy.split(";"))["connect-src"]


@pytest.fixture
def three_stores(settings: Settings) -> None:
    names = ("main", "second", "third")
    settings.KIM_STORES = tuple(
        StoreConfig(
            name, f"http://inside:{number}", f"https://{name}.example", "kim", "r", "a", "s"
        )
        for number, name in enumerate(names)
    )


@pytest.mark.django_db
def test_a_page_about_a_file_lists_the_hosts_of_its_verified_copies_and_no_other(
    client: Client, three_stores: None
) -> None:
    sold = sale.publish()
    held = sold.file.container
    assert held is not None
    held.copies.update(store="main")
    own = {"store": "url", "url": "https://films.example:8443/a/sealed.kim?x=1"}
    held.copies.create(object_key="a", size_bytes=1, verified_at=sale.NOW, store="second")
    held.copies.create(object_key="b", size_bytes=1, verified_at=None, store="third")
    held.copies.create(object_key="c", size_bytes=1, verified_at=sale.NOW, **own)
    purchase = sale.Buyer().purchase(sold)
    hosts = "'self' https://films.example:8443 https://main.example https://second.example"

    assert connects(client, f"/f/{sold.file.id}") == hosts
    assert connects(client, f"/p/{purchase.id}") == hosts


@pytest.mark.django_db
def test_pages_without_a_file_list_what_uploads_need_or_nothing(
    client: Client, three_stores: None
) -> None:
    for path in ("/", "/signup/", "/recover/", "/open/", "/nowhere", "/api/v1/rates/", "/admin/"):
        assert connects(client, path) == "'self'"

    client.force_login(sale.publish().file.creator.user)
    stores = "'self' https://main.example https://second.example https://third.example"
    assert connects(client, "/sell/") == stores
    assert connects(client, "/settings/") == "'self'"


@pytest.mark.django_db
def test_an_order_that_may_come_back_by_its_ticket_may_lie_in_any_store(
    client: Client, three_stores: None
) -> None:
    assert connects(client, f"/p/{uuid.UUID(int=5)}").count("https://") == 3


def test_a_bucket_in_the_host_name_is_listed_as_the_browser_reaches_it(settings: Settings) -> None:
    at = "https://s3.eu-central-1.amazonaws.com"
    settings.KIM_STORES = (StoreConfig("aws", at, at, "films", "r", "a", "s", is_path_style=False),)

    signed = storage.primary().sign_object("key", size_bytes=1, now=sale.NOW)

    (origin,) = storage.origins()
    assert origin == "https://films.s3.eu-central-1.amazonaws.com"
    assert signed.url.startswith(origin + "/key?")
