"""The buyer's side for programs and foreign pages: any origin, no cookie, and 402 for JSON."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from kim import origins
from tests.unlock import sale
from unlock.showing_rows import Samples
from unlock.states import FileState

FOREIGN = "https://shop.example"


def names(resolver: URLResolver | None = None) -> set[str]:
    found: set[str] = set()
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            found |= names(entry)
        elif isinstance(entry, URLPattern) and entry.name:
            found.add(entry.name)
    return found


def test_every_name_that_is_open_to_all_is_a_route() -> None:
    assert set(origins.METHODS) <= names()


@pytest.mark.django_db
def test_a_foreign_page_may_ask_before_it_orders(client: Client) -> None:
    sold = sale.publish()

    asked = client.options(
        f"/api/v1/files/{sold.file.id}/purchases/",
        headers={
            "Origin": FOREIGN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )

    assert asked.status_code == 204
    assert asked.headers["Access-Control-Allow-Origin"] == "*"
    assert asked.headers["Access-Control-Allow-Methods"] == "POST"
    assert asked.headers["Access-Control-Allow-Headers"] == "authorization, content-type"
    assert "Access-Control-Allow-Credentials" not in asked.headers
    assert "Set-Cookie" not in asked.headers


@pytest.mark.django_db
def test_answers_and_refusals_of_the_buyers_side_are_readable_anywhere(client: Client) -> None:
    sold = sale.publish()
    buyer = sale.Buyer()
    purchase = buyer.purchase(sold)
    paths = {
        f"/api/v1/files/{sold.file.id}/": 200,
        f"/api/v1/purchases/{purchase.id}/": 401,
        f"/api/v1/contents/{'ab' * 32}/": 404,
        f"/f/{sold.file.id}": 200,
    }

    for path, status in paths.items():
        answer = client.get(path, headers={"Origin": FOREIGN})
        assert answer.status_code == status, path
        assert answer.headers["Access-Control-Allow-Origin"] == "*", path
        assert "Access-Control-Allow-Credentials" not in answer.headers, path


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/api/v1/session/", "/api/v1/files/", "/api/v1/sales/", "/api/v1/payout/", "/login/"]
)
def test_a_creators_calls_are_for_our_own_pages(client: Client, path: str) -> None:
    asked = {"Origin": FOREIGN, "Access-Control-Request-Method": "POST"}

    for answer in (
        client.get(path, headers={"Origin": FOREIGN}),
        client.options(path, headers=asked),
    ):
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Access-Control-Allow-Methods" not in answer.headers


@pytest.mark.django_db
def test_a_file_page_asked_for_json_answers_402_with_the_offer(client: Client) -> None:
    file = sale.publish().file

    answer = client.get(f"/f/{file.id}", headers={"Accept": "application/json"})

    assert answer.status_code == 402
    assert answer.headers["Content-Type"] == "application/json"
    assert "Accept" in answer.headers["Vary"]
    said = answer.json()
    (wanted,) = said["accepts"]
    base = f"{settings.KIM_PUBLIC_URL}/api/v1/files/{file.id}/"
    assert said["x402Version"] == 2
    assert said["error"]["code"] == "payment_required"
    assert said["resource"]["url"] == f"{settings.KIM_PUBLIC_URL}/f/{file.id}"
    assert (wanted["scheme"], wanted["network"], wanted["asset"]) == (
        "kim-purchase", f"bch:{settings.KIM_NETWORK}", "BCH",
    )  # fmt: skip
    assert (wanted["amount"], wanted["payTo"]) == ("10000", None)
    assert wanted["extra"]["price"] == {"amount": "0.00010000", "currency": "BCH"}
    assert wanted["extra"]["purchases"] == f"{base}purchases/"
    assert file.container is not None
    assert said["offer"]["content_id"] == file.container.content_id
    assert len(said["offer"]["copies"]) == 1
    assert said["sample_ranges"] == []


@pytest.mark.django_db
def test_what_may_be_looked_at_unpaid_is_told_as_ranges(client: Client) -> None:
    file = sale.publish().file
    assert file.container is not None
    Samples.objects.create(
        paid_file=file, content_id=file.container.content_id, kind="text",
        entries=bytes(40), created_at=sale.NOW,
    )  # fmt: skip

    said = client.get(f"/f/{file.id}", headers={"Accept": "application/json"}).json()

    assert said["sample_ranges"] == [[2**18, 1000 + 32]]


@pytest.mark.django_db
@pytest.mark.parametrize("accept", ["*/*", "text/html,application/xhtml+xml,*/*;q=0.8", ""])
def test_browsers_and_whoever_takes_anything_get_the_page(client: Client, accept: str) -> None:
    file = sale.publish().file

    answer = client.get(f"/f/{file.id}", headers={"Accept": accept} if accept else {})

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Accept" in answer.headers["Vary"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        (FileState.DRAFT, 404, "not_found"),
        (FileState.PAUSED, 409, "not_for_sale"),
        (FileState.REMOVED, 410, "removed"),
    ],
)
def test_what_is_not_sold_asks_for_no_payment(
    client: Client, state: FileState, status: int, code: str
) -> None:
    file = sale.publish(state=state).file

    answer = client.get(f"/f/{file.id}", headers={"Accept": "application/json"})

    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert file.title not in answer.content.decode()


@pytest.mark.django_db
def test_an_unknown_file_is_not_there_in_json_either(client: Client) -> None:
    answer = client.get(
        "/f/00000000-0000-4000-8000-000000000005", headers={"Accept": "application/json"}
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
