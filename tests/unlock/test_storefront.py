"""What buyers see around a file, over HTTP: descriptions, profile, the choices of its page, its card."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import Any

import pytest

from tests.unlock import sale
from tests.unlock.creating import Browser, b64, refusal, signed_in
from tests.unlock.test_showing import jpeg, webp
from unlock.models import Cover, Creator, Profile, Showcase
from unlock.states import FileState

pytestmark = pytest.mark.django_db


@pytest.fixture
def maya() -> Browser:
    return signed_in("maya")


def owner() -> Creator:
    return Creator.objects.get(user__username="maya")


def sold(**changes: Any) -> str:
    return str(sale.publish(owner(), **changes).file.id)


def covered(file_id: str) -> str:
    picture = jpeg()
    facts = {"media_type": "image/jpeg", "width": 16, "height": 9, "picture": picture}
    sha256 = hashlib.sha256(picture).hexdigest()
    Cover.objects.create(paid_file_id=file_id, sha256=sha256, **facts)
    return sha256


def page(file_id: str) -> str:
    answer = Browser().client.get(f"/f/{file_id}")
    assert answer.status_code == 200
    shown: str = answer.content.decode()
    return shown


def send(browser: Browser, path: str, picture: bytes, media_type: str) -> Any:
    return browser.client.put(
        f"/api/v1/{path}",
        picture,
        content_type=media_type,
        HTTP_X_CSRFTOKEN=browser.client.cookies["csrftoken"].value,
    )


# --- descriptions -------------------------------------------------------------------------------


def test_a_description_is_read_as_markdown_and_nothing_else_of_it_runs(maya: Browser) -> None:
    text = "# Nine\n\n**recordings** <img src=x onerror=alert(1)> [x](javascript:alert(1))"
    shown = page(sold(description=text))

    assert "<h2>Nine</h2>" in shown
    assert "<strong>recordings</strong> &lt;img src=x onerror=alert(1)&gt;" in shown
    assert "<img src=x" not in shown
    assert 'href="javascript' not in shown


def test_the_preview_says_what_the_page_will_say_and_keeps_nothing(maya: Browser) -> None:
    answer = maya.post("descriptions/preview/", {"text": "**a** <b>"})

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "nodes": [
                {"tag": "p", "children": [{"tag": "strong", "children": ["a"]}, " <b>"]},
                "\n",
            ]
        },
    )
    assert maya.post("descriptions/preview/", {"text": ""}).json() == {"nodes": []}
    secret = maya.post("descriptions/preview/", {"text": "https://x.example/f/1#1." + "A" * 22})
    assert refusal(secret) == (400, "link_secret_in_text")
    assert maya.post("descriptions/preview/", {"text": "a" * 20_001}).status_code == 400
    stranger = Browser().post("descriptions/preview/", {"text": "a"})
    assert refusal(stranger) == (401, "not_signed_in")


# --- profile --------------------------------------------------------------------------------------


def test_a_creators_words_and_picture_stand_on_the_pages_of_their_files(maya: Browser) -> None:
    file_id, picture = sold(), webp(160, 160)
    assert 'data-testid="maker"' not in page(file_id)

    said = {"about": "Ninety nights\nabove Tromsø <b>", "contact": "maya@example.org"}
    assert maya.put("profile/", said).status_code == 200
    assert send(maya, "profile/avatar/", picture, "image/webp").status_code == 200

    sha256 = hashlib.sha256(picture).hexdigest()
    assert maya.get("profile/").json() == {"username": "maya", **said, "avatar_sha256": sha256}
    shown = page(file_id)
    assert "Ninety nights\nabove Tromsø &lt;b&gt;" in shown
    link = '<a href="mailto:maya@example.org" rel="nofollow noopener noreferrer ugc">'
    assert link in " ".join(shown.split())
    assert f'src="/avatars/{sha256}"' in shown
    served = Browser().client.get(f"/avatars/{sha256}")
    assert (served.content, served["Content-Type"]) == (picture, "image/webp")
    assert served["Cache-Control"] == "public, max-age=31536000, immutable"
    assert served["Content-Security-Policy"].endswith("sandbox")

    assert maya.delete("profile/avatar/").status_code == 204
    assert Browser().client.get(f"/avatars/{sha256}").status_code == 404
    assert "/avatars/" not in page(file_id)


@pytest.mark.parametrize(
    ("contact", "href"),
    [
        ("https://maya.example/films", "https://maya.example/films"),
        ("javascript:alert(1)", None),
        ("http://maya.example", None),
        ("https://", None),
        ('"><script>@a.b', None),
        ("On Signal: maya.01", None),
    ],
)
def test_a_contact_is_a_link_only_where_it_is_an_address(
    maya: Browser, contact: str, href: str | None
) -> None:
    file_id = sold()
    assert maya.put("profile/", {"about": "", "contact": contact}).status_code == 200

    shown = page(file_id).partition('data-testid="maker"')[2]

    found = re.search(r'<p class="contact">\s*(?:<a href="([^"]*)")?', shown)
    assert found is not None
    assert found[1] == href
    assert "<script>@" not in shown


@pytest.mark.parametrize(
    ("about", "contact", "code"),
    [
        ("a" * 501, "", "text_invalid"),
        ("", "a" * 201, "text_invalid"),
        ("\u202egpj", "", "text_invalid"),
        ("", "https://kim.example/@maya#1." + "A" * 22, "link_secret_in_text"),
        ("a" * 1001, "", "invalid"),
    ],
)
def test_words_that_hide_or_leak_are_refused_and_nothing_moves(
    maya: Browser, about: str, contact: str, code: str
) -> None:
    maya.put("profile/", {"about": "before", "contact": "c"})

    answer = maya.put("profile/", {"about": about, "contact": contact})

    assert refusal(answer) == (400, code)
    assert Profile.objects.get().about == "before"


@pytest.mark.parametrize(
    "picture",
    [b"", webp(513, 10), webp() + b"PK\3\4", b"<svg/>", webp(160, 160) + b"\0" * 65_536],
)
def test_an_avatar_that_is_no_small_bare_picture_is_refused(maya: Browser, picture: bytes) -> None:
    assert refusal(send(maya, "profile/avatar/", picture, "image/webp")) == (400, "avatar_invalid")
    assert not Profile.objects.exclude(avatar_sha256="").exists()


def test_a_suspended_creators_picture_is_gone_and_no_name_finds_an_empty_one(
    maya: Browser,
) -> None:
    send(maya, "profile/avatar/", webp(16, 16), "image/webp")
    sha256 = Profile.objects.get().avatar_sha256
    Creator.objects.update(suspended_at=sale.NOW)

    assert Browser().client.get(f"/avatars/{sha256}").status_code == 404
    assert Browser().client.get("/avatars/").status_code == 404
    assert Browser().client.get(f"/avatars/{'0' * 64}").status_code == 404


# --- the choices of a page ------------------------------------------------------------------------


def test_a_file_says_how_it_is_shown_and_changes_one_choice_at_a_time(maya: Browser) -> None:
    file_id = sold()
    nothing = {"is_adult": False, "shows_contents": False, "has_card": False, "is_listed": False}
    assert maya.get(f"files/{file_id}/").json()["showcase"] == nothing

    changed = maya.patch(f"files/{file_id}/", {"showcase": {"is_adult": True}}).json()
    assert changed["showcase"] == {**nothing, "is_adult": True}
    changed = maya.patch(f"files/{file_id}/", {"showcase": {"shows_contents": True}}).json()
    assert changed["showcase"] == {**nothing, "is_adult": True, "shows_contents": True}
    maya.patch(f"files/{file_id}/", {"showcase": {"is_listed": True}, "title": "b"})
    assert maya.get(f"files/{file_id}/").json()["showcase"]["is_listed"] is False

    public = Browser().get(f"files/{file_id}/").json()["showcase"]
    assert public == {"is_adult": True, "shows_contents": True}
    assert maya.patch(f"files/{file_id}/", {"showcase": {"is_adult": "x"}}).status_code == 400
    stranger = signed_in("eve").patch(f"files/{file_id}/", {"showcase": {"is_adult": False}})
    assert stranger.status_code == 404
    assert Showcase.objects.get().is_adult is True


def test_a_draft_is_made_with_its_choices(maya: Browser) -> None:
    price = {"amount": "2.00", "currency": "EUR"}
    made = maya.post("files/", {"title": "a", "price": price, "showcase": {"is_adult": True}})

    assert made.json()["showcase"]["is_adult"] is True


def test_for_adults_cover_and_description_wait_behind_the_gate(maya: Browser) -> None:
    file_id = sold(description="**bare** words")
    covered(file_id)
    assert 'data-testid="adult-gate"' not in page(file_id)

    maya.patch(f"files/{file_id}/", {"showcase": {"is_adult": True, "has_card": True}})

    shown = page(file_id)
    assert 'data-testid="adult-gate"' in shown
    kept = "".join(re.findall(r"<template data-adult>.*?</template>", shown, re.DOTALL))
    open_part = re.sub(r"<template data-adult>.*?</template>", "", shown, flags=re.DOTALL)
    assert "<strong>bare</strong>" in kept
    assert 'data-testid="cover"' in kept
    assert "bare" not in open_part
    assert "/cover?v=" not in open_part
    assert re.search(r'<section[^>]*id="offer"[^>]*\shidden', shown)


# --- the card -----------------------------------------------------------------------------------


def card(file_id: str) -> dict[str, str]:
    pairs = r'<meta (?:property|name)="((?:og|twitter):[^"]+)"\s+content="([^"]*)">'
    return dict(re.findall(pairs, page(file_id)))


GENERIC = {
    "og:site_name": "kim",
    "og:type": "website",
    "og:title": "A file for sale",
    "og:description": "An encrypted file, sold by whoever made it.",
}


def test_the_card_names_nothing_unless_its_creator_says_so(maya: Browser, settings: Any) -> None:
    file_id = sold(title="Nordlys & more", description="long words")
    sha256 = covered(file_id)
    assert card(file_id) == GENERIC

    maya.patch(f"files/{file_id}/", {"showcase": {"has_card": True}})
    assert card(file_id) == {
        "og:site_name": "kim",
        "og:type": "website",
        "og:title": "Nordlys &amp; more",
        "og:description": "An encrypted file, sold by maya.",
        "og:image": f"{settings.KIM_PUBLIC_URL}/f/{file_id}/cover?v={sha256}",
        "og:image:width": "16",
        "og:image:height": "9",
        "twitter:card": "summary_large_image",
    }

    maya.patch(f"files/{file_id}/", {"showcase": {"is_adult": True}})
    assert card(file_id) == GENERIC


@pytest.mark.parametrize("state", [FileState.DRAFT, FileState.PAUSED, FileState.REMOVED])
def test_what_is_not_on_sale_has_the_card_of_nothing(maya: Browser, state: FileState) -> None:
    file_id = sold(title="Unreleased", state=state)
    Showcase.objects.create(paid_file_id=uuid.UUID(file_id), has_card=True)

    assert card(file_id) == GENERIC


def test_no_card_carries_a_price_or_an_address_that_loses_the_link(maya: Browser) -> None:
    file_id = sold()
    maya.patch(f"files/{file_id}/", {"showcase": {"has_card": True}})

    said = card(file_id)

    assert not {"og:url", "og:price:amount", "product:price:amount"} & set(said)
    assert not any("2.00" in value or "#" in value for value in said.values())
    assert b64(b"x") not in said
