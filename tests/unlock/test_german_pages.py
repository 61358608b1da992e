"""German pages: whole, with the markup of the English ones; and the switch between the two."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.conf import settings
from django.test import Client

from tests.unlock import sale

ROOT = Path(__file__).resolve().parents[2]
GERMAN, ENGLISH = {"Accept-Language": "de"}, {"Accept-Language": "en"}
FOR_ANYBODY = ("/", "/signup/", "/login/", "/recover-account/", "/recover/", "/library/", "/open/")
FOR_CREATORS = ("/sell/", "/files/", "/sales/", "/settings/", "/notices/", "/decisions/")
OUR_OWN = ("admin/", "components.html")  # for staff, and for whoever works on the pages
SPOKEN = ("aria-label", "placeholder", "title", "alt")

# The same in both languages: names, and what is typed or pasted.
NAMES = {
    *(
        "kim",
        "BCH",
        "UTC",
        "EUR",
        "regtest",
        "Markdown:",
        "· kim",
        "Paytaca",
        "Cashonize",
        "Electron Cash",
    ),
    *("film.kim · film.kim-licence.json", "https://files.example/sealed.kim"),
    *("https://example.com/kim", "https://…/f/…#1.…", "/.well-known/kim.json"),
    '{"seed": "…", "payee": "…", "max_fee_sat": 600}',
}
_SILENT = {"code", "pre", "script", "style"}
_LETTERS = re.compile(r"[^\W\d_]{2}")


class Reader(HTMLParser):
    """The texts of a page as a person meets them, one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.said: set[str] = set()
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        facts = dict(attrs)
        is_told = tag == "meta" and str(facts.get("property") or facts.get("name")) in (
            *("description", "og:title", "og:description"),
        )
        for name in (*SPOKEN, *(("content",) if is_told else ())):
            self._keep(facts.get(name))

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._keep(data)

    def _keep(self, text: str | None) -> None:
        said = " ".join((text or "").split()).removesuffix(" · kim").removesuffix(" BCH")
        if _LETTERS.search(said) and said not in NAMES:
            self.said.add(said)


def texts(markup: str) -> set[str]:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    return reader.said


def page(client: Client, path: str, headers: dict[str, str]) -> str:
    answer = client.get(path, headers=headers)
    assert answer["Content-Language"] == headers["Accept-Language"], path
    return answer.content.decode()


def templates() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "templates").rglob("*.html")):
        name = path.relative_to(ROOT / "templates").as_posix()
        if not name.startswith(OUR_OWN):
            yield name, path.read_text(encoding="utf-8")


def test_no_template_says_anything_outside_the_catalogue() -> None:
    inside = r"\{#.*?#\}|\{% blocktranslate.*?\{% endblocktranslate %\}|\{%.*?%\}|\{\{.*?\}\}"
    for name, source in templates():
        assert texts(re.sub(inside, "", source, flags=re.DOTALL)) == set(), name


def test_the_german_texts_have_the_markup_of_the_english_ones() -> None:
    with (ROOT / "locale/de/LC_MESSAGES/django.po").open("rb") as file:
        catalogue = read_po(file, locale="de")
    tag = re.compile(r"</?[a-z][^>]*>")
    for message in catalogue:
        if not message.id or not message.string:
            continue
        english, german = (
            [each] if isinstance(each, str) else list(each) for each in (message.id, message.string)
        )
        for one, other in zip(english, german, strict=True):
            assert Counter(tag.findall(one)) == Counter(tag.findall(other)), one


@pytest.mark.django_db
def test_a_german_page_says_nothing_in_english() -> None:
    sold = sale.publish()
    maker = sold.file.creator
    order = sale.owe(sold)
    bought = sale.Buyer().purchase(sold, invoice_id=order.id)
    signed_in = Client()
    signed_in.force_login(maker.user)
    same = {maker.user.username, sold.file.title, sold.file.title[:1], "Deutsch", "English"}
    with (ROOT / "locale/de/LC_MESSAGES/django.po").open("rb") as file:
        same |= {str(each.id) for each in read_po(file, locale="de") if each.id == each.string}
    pages = [
        *((Client(), path) for path in FOR_ANYBODY),
        *((signed_in, path) for path in FOR_CREATORS),
        *((Client(), path) for path in (f"/f/{sold.file.id}", f"/f/{sold.file.id}/report")),
        *((Client(), f"/p/{bought.id}{end}") for end in ("", "/status", "/receipt")),
        *((Client(), path) for path in (f"/pay/{order.id}", "/@nobody", f"/f/{uuid.UUID(int=7)}")),
    ]
    for client, path in pages:
        english, german = (texts(page(client, path, asked)) for asked in (ENGLISH, GERMAN))
        assert len(english) > 4, path
        assert german & english - same == set(), path


@pytest.mark.django_db
def test_the_order_is_pressed_on_a_button_that_says_so() -> None:
    shown = page(Client(), f"/f/{sale.publish().file.id}", GERMAN)

    assert re.search(r'data-action="buy"\s+hidden>Jetzt kaufen</button>', shown)


@pytest.mark.django_db
def test_the_switch_names_the_other_language_in_its_own_words() -> None:
    for asked, other, name in ((ENGLISH, "de", "Deutsch"), (GERMAN, "en", "English")):
        shown = page(Client(), "/", asked)
        [button] = re.findall(r"<button[^>]*data-language[^>]*>[^<]*</button>", shown)
        assert f'lang="{other}"' in button
        assert f'data-language="{other}"' in button
        assert button.endswith(f" hidden>{name}</button>")  # its script shows it: it needs one
    script = (ROOT / "static/js/pages/language.js").read_text(encoding="utf-8")
    assert f"`${{host}}{settings.LANGUAGE_COOKIE_NAME}=" in script  # before it over https: __Host-
    assert "location.protocol === 'https:' ? ['__Host-', '; Secure'] : ['', '']" in script


@pytest.mark.django_db
def test_the_server_never_sets_a_language_and_reads_none_from_an_address() -> None:
    answer = Client().get("/?language=de&next=//evil.example", headers=ENGLISH)

    assert (answer.status_code, answer["Content-Language"]) == (200, "en")
    assert settings.LANGUAGE_COOKIE_NAME not in answer.cookies
