"""A text that nobody wrapped is English on a German page: templates and modules are searched for it.

Staff pages stay English. What is a name, or the same in every language, stands in the lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.jslexer import tokenize, unquote_string
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
SCRIPTS = ROOT / "static/js"
# The page of all components is for whoever works on them, and set-up is staff's.
ENGLISH = ("admin/", "components.html", "setup")
NAMES = frozenset(
    {
        "kim", "BCH", "EUR", "UTC", "Bitcoin Cash", "xpub", "Paytaca", "Cashonize", "Electron Cash",
        "film.kim · film.kim-licence.json",
    }
)  # fmt: skip
_SAID = re.compile(
    r"\{% *comment.*?endcomment *%\}|\{#.*?#\}|\{% *blocktranslate.*?endblocktranslate *%\}"
    r"|<script\b.*?</script>|<style\b.*?</style>|<(code|pre|kbd)\b.*?</\1>|<!--.*?-->",
    re.DOTALL,
)
_TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_NAMED = re.compile(r"""\b(?:aria-label|placeholder|title|alt)=["']([^"']*)["']""")
_MARKUP = re.compile(r"<[^>]*>", re.DOTALL)
_ENTITY = re.compile(r"&\w+;|&#\w+;")
_WORD = re.compile(r"[A-Za-z]{2}")
_SENTENCE = re.compile(r"[A-Z][a-z\u2019']* \S")
_VALUE = re.compile(r"\$?\{[^}]*\}")
# Headers of a request, and the page of all components, which is for whoever works on them.
SCHEMES = ("Claim {}", "Shop {}")


def test_no_text_of_a_template_stands_outside_translate() -> None:
    found = [f"{name}: {text}" for name, source in templates() for text in unwrapped_markup(source)]
    assert found == []


def test_every_sentence_of_a_module_stands_in_the_catalogue() -> None:
    known = catalogue()
    found = [
        f"{name}: {text}"
        for name, source in modules()
        for text in sentences(source)
        if text not in known and text not in SCHEMES
    ]
    assert found == []


def test_the_search_finds_what_it_is_for() -> None:
    markup = """
      {# A note. #}<p title="Read me">Hello {{ name }} <code>not this</code></p>
      {% blocktranslate %}Said.{% endblocktranslate %}<b>kim</b>&nbsp;{% translate "Said" %}
    """
    assert list(unwrapped_markup(markup)) == ["Read me", "Hello"]
    code = """
      a.textContent = 'Not yet'; /* 'Not this' */ b = t('It is'); c('no sentence', 'KIM1 key');
      throw new Lost(`It answers ${status.code} now.`); // 'Nor this'
    """
    assert list(sentences(code)) == ["Not yet", "It is", "It answers {} now."]


def templates() -> Iterator[tuple[str, str]]:
    for path in sorted(TEMPLATES.rglob("*.html")):
        name = path.relative_to(TEMPLATES).as_posix()
        if not name.startswith(ENGLISH):
            yield name, path.read_text()


def modules() -> Iterator[tuple[str, str]]:
    for path in sorted(SCRIPTS.rglob("*.js")):
        name = path.relative_to(SCRIPTS).as_posix()
        if not name.startswith(("texts/", "pages/components.js")):
            yield name, path.read_text()


def unwrapped_markup(source: str) -> Iterator[str]:
    rest = _SAID.sub(" ", source)
    bare = _TAG.sub("\n", rest)
    for text in (*_NAMED.findall(bare), *_MARKUP.sub("\n", bare).split("\n")):
        clean = _ENTITY.sub(" ", text).strip(" ·,.:()\t")
        if _WORD.search(clean) and clean not in NAMES and not clean.startswith("https://"):
            yield clean


def sentences(source: str) -> Iterator[str]:
    """Literals that begin like one, with {} for each value."""
    for token in tokenize(source, jsx=False, template_string=True, dotted=False):
        if token.type in ("string", "template_string"):
            text = unquote_string(token.value)
            if _SENTENCE.match(text):
                yield _VALUE.sub("{}", text)


def catalogue() -> set[str]:
    with (ROOT / "locale/de/LC_MESSAGES/djangojs.po").open("rb") as file:
        ids = [message.id for message in read_po(file, locale="de")]
    forms = [one for each in ids for one in ([each] if isinstance(each, str) else each)]
    return {_VALUE.sub("{}", text) for text in forms}
