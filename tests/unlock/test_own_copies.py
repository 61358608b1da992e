"""A creator's own host: looked at when it is added, used after a full re-hash, one way out only."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from payments.amounts import Price
from tests.hosts import Host
from tests.stores import free_ports, send
from tests.unlock import creating, sale
from tests.unlock.creating import NOW, Browser, Sealed, refusal
from unlock import (
    container,
    copies,
    files,
    grants,
    locations,
    mending,
    offers,
    own_copies,
    storage,
)
from unlock.creator_errors import CopyUrlRefused, TooManyCopies
from unlock.errors import CopyUnavailable
from unlock.files import Draft
from unlock.models import Copy, Creator, PaidFile, Purchase
from unlock.states import CopyState, FileState, GrantKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings

    from unlock.storage import S3Store

pytestmark = pytest.mark.django_db


@pytest.fixture
def sealed() -> Sealed:
    return creating.seal(os.urandom(600_000))


@pytest.fixture
def host(sealed: Sealed) -> Iterator[Host]:
    with Host(sealed.body) as started:
        yield started


@pytest.fixture
def file(configured_store: S3Store, sealed: Sealed, settings: Settings) -> PaidFile:
    settings.KIM_REHASH_MBIT = 100_000
    maya = creating.creator()
    upload = creating.verified_upload(maya, sealed)
    asked = Draft(title="Nine", price=Price(Decimal("0.01"), "BCH"), upload=upload.id)
    return files.find(files.create(maya, asked, now=NOW).id)


def own_copy() -> Copy:
    return Copy.objects.exclude(url="").get()


def buyer_of(file: PaidFile) -> Purchase:
    PaidFile.objects.filter(id=file.id).update(
        state=FileState.PUBLISHED, h_s="ab" * 32, published_at=NOW
    )
    file.refresh_from_db()
    purchase = sale.Buyer().purchase(sale.Sold(file=file, secret=b"S" * 32))
    grants.give(purchase.id, GrantKind.SELFTEST, now=NOW)
    return purchase


def test_it_is_used_once_every_byte_was_compared(file: PaidFile, host: Host) -> None:
    purchase = buyer_of(file)

    added = own_copies.add(file, host.url, now=NOW)
    assert added.state == CopyState.CHECKING
    assert len(locations.sign(purchase.id, now=NOW)) == 1
    mending.tend(added.id, clock=lambda: NOW)

    assert own_copies.places(file)[1].state == CopyState.GOOD
    places = {each.url: each for each in locations.sign(purchase.id, now=NOW)}
    assert places[host.url].is_lasting
    assert places[host.url].expires_at == NOW + timedelta(hours=1)
    assert len(places) == 2
    assert copies.origin_of(host.url) in copies.origins(file.container_id)


def test_one_altered_byte_keeps_buyers_away(file: PaidFile, host: Host) -> None:
    host.mood = "altered"
    added = own_copies.add(file, host.url, now=NOW)

    mending.tend(added.id, clock=lambda: NOW)

    assert own_copies.places(file)[1].state == CopyState.DAMAGED
    assert (own_copy().verified_at, own_copy().wanted_at) == (None, None)
    assert copies.own(own_copy().container_id) == []


def test_a_good_one_that_is_altered_later_is_found_out(file: PaidFile, host: Host) -> None:
    added = own_copies.add(file, host.url, now=NOW)
    mending.tend(added.id, clock=lambda: NOW)
    host.mood = "altered"
    later = NOW + timedelta(hours=2)

    assert copies.complain(added.id, own_copy().container_id, now=later)
    mending.tend(added.id, clock=lambda: later)

    assert own_copy().damaged_at == later
    assert copies.own(own_copy().container_id) == []


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ("whole", "200 instead of 206"),
        ("error_in_200", "200 instead of 206"),
        ("forbidden", "It answers 403"),
        ("gone", "It answers 404"),
        ("redirecting", "not followed"),
        ("no_cors", "CORS"),
        ("larger", "another size"),
        ("wrong_range", "another range"),
        ("encoded", "Content-Encoding"),
        ("broken", "does not answer"),
        ("slow_down", "does not answer"),
        ("truncated", "does not answer"),
    ],
)
def test_what_browsers_could_not_use_is_refused_with_the_reason(
    file: PaidFile, host: Host, mood: str, said: str
) -> None:
    host.mood = mood

    with pytest.raises(CopyUrlRefused, match=said):
        own_copies.add(file, host.url, now=NOW)

    assert Copy.objects.count() == 1


def test_another_file_is_refused(file: PaidFile) -> None:
    other = creating.seal(os.urandom(600_000))

    with Host(other.body) as host, pytest.raises(CopyUrlRefused, match="Another file"):
        own_copies.add(file, host.url, now=NOW)


@pytest.mark.parametrize(
    "url",
    [
        "http://films.example/sealed.kim",
        "https://user:password@films.example/sealed.kim",
        "https://films.example/sealed.kim#x",
        "https://10.0.0.1/sealed.kim",
        "https://169.254.169.254/latest/meta-data",
        "https://films.internal/sealed.kim",
        "ftp://films.example/sealed.kim",
        "",
    ],
)
def test_what_is_no_public_https_address_is_refused(
    file: PaidFile, settings: Settings, url: str
) -> None:
    settings.KIM_NETWORK = "mainnet"
    settings.KIM_WEBHOOK_ALLOW_HTTP = True  # a wish for webhooks, not for this

    with pytest.raises(CopyUrlRefused):
        own_copies.add(file, url, now=NOW)


def test_loopback_is_for_play_money_only(file: PaidFile, host: Host, settings: Settings) -> None:
    settings.KIM_NETWORK = "mainnet"

    with pytest.raises(CopyUrlRefused):
        own_copies.add(file, host.url, now=NOW)

    assert host.asked == 0


def test_twice_is_once_and_five_are_enough(file: PaidFile, host: Host) -> None:
    first = own_copies.add(file, host.url, now=NOW)

    assert own_copies.add(file, host.url, now=NOW).id == first.id
    for number in range(2, own_copies.OWN_MAX + 1):
        own_copies.add(file, f"{host.url}?{number}", now=NOW)
    with pytest.raises(TooManyCopies):
        own_copies.add(file, f"{host.url}?6", now=NOW)


def test_a_host_that_is_away_is_asked_again_and_stays_good_until_then(
    file: PaidFile, host: Host
) -> None:
    added = own_copies.add(file, host.url, now=NOW)
    mending.tend(added.id, clock=lambda: NOW)
    copies.want([added.id], now=NOW)
    host.mood = "broken"

    mending.tend(added.id, clock=lambda: NOW)
    assert (own_copy().damaged_at, own_copy().wanted_at) == (None, NOW + mending.RETRY_OWN)

    copies.want([added.id], now=NOW)
    host.mood = "gone"
    mending.tend(added.id, clock=lambda: NOW)
    assert own_copy().damaged_at == NOW
    assert copies.own(own_copy().container_id) == []

    host.mood = "honest"
    later = NOW + mending.RETRY_OWN
    mending.tend(added.id, clock=lambda: later)
    assert (own_copy().damaged_at, own_copy().checked_at) == (None, later)


def test_a_stores_copy_is_mended_from_a_creators_host(file: PaidFile, host: Host) -> None:
    added = own_copies.add(file, host.url, now=NOW)
    mending.tend(added.id, clock=lambda: NOW)
    stored = Copy.objects.get(url="")
    storage.get(stored.store).delete(stored.object_key)
    assert list(copies.served(stored.container_id, now=NOW)) == []

    mending.tend(stored.id, clock=lambda: NOW)

    assert len(list(copies.served(stored.container_id, now=NOW))) == 1


def test_a_link_is_checked_at_a_creators_host_while_no_store_answers(
    file: PaidFile, host: Host, sealed: Sealed, configured_store: S3Store, settings: Settings
) -> None:
    added = own_copies.add(file, host.url, now=NOW)
    mending.tend(added.id, clock=lambda: NOW)
    live = offers.sign_ranges(file, segments=[1], now=NOW)
    assert host.url not in (live.header.signed.url, *live.header.others)

    dead = f"http://127.0.0.1:{free_ports(1)[0]}"
    settings.KIM_STORES = (replace(configured_store.config, endpoint=dead),)  # type: ignore[type-var]
    signed = offers.sign_ranges(file, segments=[1], now=NOW)

    core = container.CoreHeader.parse(sealed.body[: container.CORE_BYTES])
    (run,) = signed.segments
    spans = [
        (signed.header, 0, core.header_bytes),
        (signed.index, core.index_offset, core.index_bytes),
        (run.stretch, *core.segment_range(1)),
    ]
    for stretch, offset, size_bytes in spans:
        assert (stretch.signed.url, stretch.others) == (host.url, ())
        answer = send(stretch.signed, "GET")
        assert (answer.status, answer.body) == (206, sealed.body[offset : offset + size_bytes])
    purchase = buyer_of(file)
    (location,) = locations.sign(purchase.id, now=NOW)
    assert (location.url, location.is_lasting) == (host.url, True)

    copies.want([added.id], now=NOW)
    host.mood = "gone"
    mending.tend(added.id, clock=lambda: NOW)
    with pytest.raises(CopyUnavailable):  # the store's copy may well be good
        offers.sign_ranges(file, now=NOW)


def test_the_calls_are_for_the_creator_alone(configured_store: S3Store, sealed: Sealed) -> None:
    maya = creating.signed_in("maya")
    file = file_of(maya, sealed)
    with Host(sealed.body) as host:
        added = maya.post(f"files/{file}/copies/", {"url": host.url})

        assert added.status_code == 201
        assert set(added.json()) == {
            "id", "kind", "host", "url", "state", "size_bytes", "verified_at", "checked_at",
            "address",
        }  # fmt: skip
        listed = maya.get(f"files/{file}/copies/").json()["copies"]
        assert [(each["kind"], each["state"]) for each in listed] == [
            ("store", "good"),
            ("url", "checking"),
        ]
        eve = creating.signed_in("eve")
        one = f"files/{file}/copies/{added.json()['id']}/"
        assert refusal(eve.get(f"files/{file}/copies/")) == (404, "not_found")
        assert refusal(eve.post(f"files/{file}/copies/", {"url": host.url})) == (
            404,
            "not_found",
        )
        assert refusal(eve.delete(one)) == (404, "not_found")
        assert refusal(Browser().get(f"files/{file}/copies/")) == (401, "not_signed_in")
        stored = f"files/{file}/copies/{listed[0]['id']}/"
        assert refusal(maya.delete(stored)) == (404, "copy_missing")
        assert maya.delete(one).status_code == 204
    assert Copy.objects.count() == 1


def test_a_creator_takes_the_sealed_bytes_along_and_buys_nothing(
    configured_store: S3Store, sealed: Sealed
) -> None:
    maya, eve = creating.signed_in("maya"), creating.signed_in("eve")
    path = f"files/{file_of(maya, sealed)}/copies/"

    [plain] = maya.get(path).json()["copies"]
    [asked] = maya.get(f"{path}?with=address").json()["copies"]

    assert plain == {**asked, "address": ""}
    with urlopen(asked["address"], timeout=20) as answer:
        assert answer.read() == sealed.body
    assert refusal(eve.get(f"{path}?with=address")) == (404, "not_found")
    assert not Purchase.objects.exists()


def file_of(maya: Browser, sealed: Sealed) -> str:
    creator = Creator.objects.get(user__username="maya")
    upload = creating.verified_upload(creator, sealed)
    price = {"amount": "0.01", "currency": "BCH"}
    made = maya.post("files/", {"title": "Nine", "price": price, "upload": str(upload.id)})
    assert made.status_code == 201, made.content
    return str(made.json()["id"])


def test_a_buyers_complaint_is_heard_and_a_strangers_is_not(file: PaidFile, host: Host) -> None:
    noor = sale.Buyer()
    PaidFile.objects.filter(id=file.id).update(
        state=FileState.PUBLISHED, h_s="ab" * 32, published_at=NOW
    )
    file.refresh_from_db()
    purchase = noor.purchase(sale.Sold(file=file, secret=b"S" * 32))
    copy = Copy.objects.get()
    said = {"copy": str(copy.id), "offset": 2**18}
    path = f"/api/v1/purchases/{purchase.id}/complaints/"

    assert sale.Buyer().client.post(path, said, format="json").status_code == 404
    assert Copy.objects.get().wanted_at is None
    assert noor.client.post(path, said, format="json").status_code == 204
    assert Copy.objects.get().wanted_at is not None
    assert Copy.objects.get().damaged_at is None
