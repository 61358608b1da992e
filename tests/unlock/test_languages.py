"""Which language a page is in, and that a program's answers say so."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings

BOTH = override_settings(LANGUAGES=[("en", "English"), ("de", "Deutsch")])
GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}

pytestmark = pytest.mark.django_db


def language(client: Client, path: str = "/login/", **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert "Accept-Language" in answer["Vary"]
    return str(answer["Content-Language"])


def test_a_page_is_in_the_language_that_the_browser_asks_for(client: Client) -> None:
    with BOTH:
        assert language(client, **GERMAN) == "de"
        assert language(client, **{"Accept-Language": "fr"}) == "en"
        assert language(client) == "en"
        assert b'<html lang="de">' in client.get("/login/", headers=GERMAN).content


def test_the_persons_own_choice_comes_first(client: Client) -> None:
    client.cookies["kim-language"] = "en"
    with BOTH:
        assert language(client, **GERMAN) == "en"
    client.cookies["kim-language"] = "xx<script>"
    with BOTH:
        assert language(client, **GERMAN) == "de"


def test_staff_pages_stay_english(client: Client) -> None:
    with BOTH:
        assert language(client, "/admin/login/", **GERMAN) == "en"


def test_a_page_loads_the_texts_of_its_language_before_its_modules(client: Client) -> None:
    with BOTH:
        german = client.get("/login/", headers=GERMAN).content.decode()
        english = client.get("/login/").content.decode()
    assert german.index("js/texts/de/first.js") < german.index("js/texts/de/rest.js")
    assert german.index("js/texts/de/rest.js") < german.index("js/pages/login.js")
    assert "js/texts/de" not in english
