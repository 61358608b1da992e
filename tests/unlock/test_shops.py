"""Shops over HTTP: who gets the list, what is on it, and what leaves it."""

from __future__ import annotations

import os
from typing import Any
from uuid import UUID

import pytest

from tests.unlock import sale
from tests.unlock.creating import Browser, b64, refusal, signed_in
from unlock import container, shops
from unlock.container import shop as keys
from unlock.models import Cover, Creator, PaidFile, Profile, Showcase
from unlock.states import FileState

pytestmark = pytest.mark.django_db

ROOT = os.urandom(32)


@pytest.fixture
def maya() -> Browser:
    return signed_in("maya")


def owner(name: str = "maya") -> Creator:
    return Creator.objects.get(user__username=name)


def sold(**changes: Any) -> PaidFile:
    return sale.publish(owner(), **changes).file


def link_of(file: PaidFile) -> bytes:
    assert file.container is not None
    return container.derive_link_secret(ROOT, bytes(file.container.file_id))


def entry_of(file: PaidFile, *, generation: int = 0) -> dict[str, Any]:
    """As the creator's browser seals it."""
    key = keys.derive_shop_key(ROOT, generation=generation)
    sealed = keys.seal_entry(
        key, link_of(file), paid_file=file.id, generation=generation, gcm_iv=os.urandom(12)
    )
    return {"file": str(file.id), "entry": b64(sealed), "generation": file.generation}


def keep(browser: Browser, *files: PaidFile, generation: int = 0, **changes: Any) -> Any:
    key = keys.derive_shop_key(ROOT, generation=generation)
    body: dict[str, Any] = {
        "generation": generation,
        "access_hash": keys.hash_shop_proof(key),
        "files": [entry_of(file, generation=generation) for file in files],
        **changes,
    }
    return browser.put("shop/", body)


def enter(username: str = "maya", *, generation: int = 0, proof: str | None = None) -> Any:
    key = keys.derive_shop_key(ROOT, generation=generation)
    given = f"Shop {b64(keys.derive_shop_proof(key))}" if proof is None else proof
    client = Browser().client
    if given:
        client.credentials(HTTP_AUTHORIZATION=given)
    return client.get(f"/api/v1/shops/{username}/")


def titles(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [tile["title"] for tile in answer.json()["files"]]


def test_one_link_is_the_whole_shop(maya: Browser) -> None:
    first, second, hidden = sold(title="One"), sold(title="Two"), sold(title="Three")
    kept = keep(maya, first, second)
    assert (kept.status_code, kept.json()["is_open"]) == (200, True)

    said = enter().json()

    assert said["generation"] == 0
    key = keys.derive_shop_key(ROOT)
    opened = {
        tile["id"]: keys.open_entry(
            key,
            container.decode_b64url(tile["entry"]),
            paid_file=UUID(tile["id"]),
            generation=0,
        )
        for tile in said["files"]
    }
    assert opened == {str(file.id): link_of(file) for file in (first, second)}
    assert str(hidden.id) not in str(said)
    tile = next(each for each in said["files"] if each["title"] == "One")
    assert set(tile) == {
        "id", "title", "price", "selling", "payload_bytes", "is_adult", "cover", "entry",
    }  # fmt: skip
    assert (tile["price"], tile["is_adult"]) == ({"amount": "0.00010000", "currency": "BCH"}, False)
    assert maya.get(f"files/{first.id}/").json()["showcase"]["is_listed"] is True
    assert maya.get(f"files/{hidden.id}/").json()["showcase"]["is_listed"] is False


def test_without_the_whole_link_there_is_no_list_and_no_name_is_told_apart(maya: Browser) -> None:
    keep(maya, sold(title="Unguessable"))
    signed_in("eve")
    right = b64(keys.derive_shop_proof(keys.derive_shop_key(ROOT)))

    answers = [
        enter(proof=""),
        enter(proof="Shop"),
        enter(proof="Shop AAAA"),
        enter(proof=f"Shop {b64(b'x' * 32)}"),
        enter(proof=f"Shop {right}A"),
        enter(proof=f"Claim {right}"),
        enter(proof=f"Bearer {right}"),
        enter(generation=1),
        enter("eve"),
        enter("nobody"),
        enter("n%C3%B6body\u202e"),
        enter("a" * 3000),
    ]

    assert {refusal(answer) for answer in answers} == {(404, "shop_not_found")}
    assert len({answer.content for answer in answers}) == 1


def test_the_page_of_a_shop_shows_who_sells_and_nothing_that_is_listed(maya: Browser) -> None:
    keep(maya, sold(title="Unguessable"))
    maya.put("profile/", {"about": "Ninety nights", "contact": "maya@example.org"})
    visitor = Browser().client

    shown = visitor.get("/@maya")

    assert shown.status_code == 200
    assert b"Ninety nights" in shown.content
    assert b"Unguessable" not in shown.content
    assert (visitor.get("/@MAYA").status_code, visitor.get("/@MAYA")["Location"]) == (302, "/@maya")


def test_unknown_names_and_creators_without_a_shop_have_the_same_page(maya: Browser) -> None:
    keep(maya, sold())
    signed_in("eve")
    suspended = signed_in("noor")
    keep(suspended)
    Creator.objects.filter(user__username="noor").update(suspended_at=sale.NOW)
    visitor = Browser().client

    pages = [visitor.get(f"/@{name}") for name in ("eve", "noor", "nobody", "\u043caya", "-")]

    assert {page.status_code for page in pages} == {404}
    assert len({page.content for page in pages}) == 1


def test_only_what_is_on_sale_is_listed_and_what_is_for_adults_shows_no_cover(
    maya: Browser,
) -> None:
    shown, paused, adult = sold(title="A"), sold(title="B"), sold(title="C")
    for file in (shown, adult):
        facts = {"media_type": "image/webp", "width": 16, "height": 9, "picture": b"x"}
        Cover.objects.create(paid_file=file, sha256="ab" * 32, **facts)
    maya.patch(f"files/{adult.id}/", {"showcase": {"is_adult": True}})
    keep(maya, shown, paused, adult)
    PaidFile.objects.filter(pk=paused.pk).update(state=FileState.PAUSED)

    tiles = {tile["title"]: tile for tile in enter().json()["files"]}

    assert set(tiles) == {"A", "C"}
    assert tiles["A"]["cover"]["sha256"] == "ab" * 32
    assert (tiles["C"]["cover"], tiles["C"]["is_adult"]) == (None, True)
    assert maya.get(f"files/{adult.id}/").json()["showcase"]["is_adult"] is True


def test_the_whole_shop_is_replaced_at_once(maya: Browser) -> None:
    first, second = sold(title="One"), sold(title="Two")
    keep(maya, first, second)

    keep(maya, second)

    assert titles(enter()) == ["Two"]
    assert [each["file"] for each in maya.get("shop/").json()["files"]] == [str(second.id)]
    keep(maya)
    assert titles(enter()) == []
    assert maya.get("shop/").json() == {"is_open": True, "generation": 0, "files": [], "stale": 0}


def test_a_new_link_shuts_the_old_one_for_good(maya: Browser) -> None:
    file = sold(title="One")
    keep(maya, file)

    assert keep(maya, file, generation=1).status_code == 200

    assert refusal(enter(generation=0)) == (404, "shop_not_found")
    assert titles(enter(generation=1)) == ["One"]
    assert refusal(keep(maya, file, generation=0)) == (409, "shop_outdated")
    assert titles(enter(generation=1)) == ["One"]


def test_closed_it_lists_nothing_and_opens_again_with_the_same_link(maya: Browser) -> None:
    file = sold(title="One")
    keep(maya, file, generation=3)

    assert maya.delete("shop/").status_code == 204

    assert refusal(enter(generation=3)) == (404, "shop_not_found")
    assert maya.get("shop/").json() == {"is_open": False, "generation": 3, "files": [], "stale": 0}
    assert Browser().client.get("/@maya").status_code == 404
    keep(maya, file, generation=3)
    assert titles(enter(generation=3)) == ["One"]


def test_an_entry_of_an_older_link_is_not_shown_until_it_is_sealed_again(maya: Browser) -> None:
    file = sold(title="One")
    keep(maya, file)
    Showcase.objects.update(entry_generation=7)

    assert titles(enter()) == []
    assert maya.get("shop/").json()["stale"] == 1
    assert maya.get(f"files/{file.id}/").json()["showcase"]["is_listed"] is False
    keep(maya, file)
    assert titles(enter()) == ["One"]


def test_nobody_lists_what_is_not_theirs_not_published_or_twice(maya: Browser) -> None:
    mine = sold(title="One")
    keep(maya, mine)
    signed_in("eve")
    hers = sale.publish(owner("eve")).file
    draft, removed = sold(state=FileState.DRAFT), sold(state=FileState.REMOVED)

    for files in ((hers,), (draft,), (removed,), (mine, hers), (mine, mine)):
        assert refusal(keep(maya, *files)) == (400, "shop_entry_invalid")
    stale = [{**entry_of(mine), "generation": 5}]
    assert refusal(keep(maya, files=stale)) == (409, "shop_outdated")

    assert titles(enter()) == ["One"]


@pytest.mark.parametrize(
    "changes",
    [
        {"access_hash": "x"},
        {"access_hash": "AB" * 32},
        {"generation": -1},
        {"generation": 2**31},
        {"files": [{"file": "x"}]},
        {"files": "x"},
        {"files": [{"file": str(UUID(int=5)), "entry": b64(b"e" * 43), "generation": 0}]},
        {
            "files": [{"file": str(UUID(int=n)), "entry": b64(b"e" * 44), "generation": 0}
                      for n in range(shops.LISTED_MAX + 1)]
        },
    ],
)  # fmt: skip
def test_what_is_no_shop_is_refused_and_nothing_moves(
    maya: Browser, changes: dict[str, Any]
) -> None:
    keep(maya, sold(title="One"))

    body = {"generation": 0, "access_hash": "ab" * 32, "files": [], **changes}
    assert refusal(maya.put("shop/", body)) == (400, "invalid")
    assert titles(enter()) == ["One"]


def test_a_stranger_neither_reads_nor_keeps_nor_closes_it(maya: Browser) -> None:
    keep(maya, sold(title="One"))
    stranger = Browser()

    for answer in (stranger.get("shop/"), keep(stranger), stranger.delete("shop/")):
        assert refusal(answer) == (401, "not_signed_in")
    assert titles(enter()) == ["One"]


def test_the_database_holds_neither_the_shops_key_nor_a_link(maya: Browser) -> None:
    file = sold()
    keep(maya, file)
    key = keys.derive_shop_key(ROOT)

    row, profile = Showcase.objects.get(), Profile.objects.get()

    held = bytes(row.entry) + profile.shop_access_hash.encode()
    for secret in (key, link_of(file), keys.derive_shop_proof(key)):
        assert secret not in held
        assert secret.hex().encode() not in held
    assert len(bytes(row.entry)) == shops.ENTRY_BYTES
