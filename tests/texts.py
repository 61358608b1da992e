"""``make texts``: the catalogues follow the sources. ``WRITE=1`` renews them; otherwise it compares.

Templates and Python are read as Django reads them, the ES modules by Babel's lexer (``t``, ``many``
and ``mark`` of static/js/texts/say.js) and by tests/thrown.py. A text without a translation, one whose
{names} differ, and a compiled catalogue that is out of date are failures: a German page has no English
left in it.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.jslexer import unquote_string
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from tests import said, thrown

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "locale/de/LC_MESSAGES"
SCRIPTS = ROOT / "static/js"
# What these modules say is a catalogue of its own: it weighs on buyers.
BEFORE_BUY = ("js/pages/offer.js", "js/pages/pricing.js", "js/pages/frame.js")
LATE = "late"  # what a table or an error says comes with the rest, wherever it stands
_READING = {"parse_template_string": "true", "encoding": "utf-8"}
_PLACES = re.compile(r"\{\w+\}|%\(\w+\)[sd]|%[sd]")
_CALLS = re.compile(
    r"""(?<![\w.#])(?:(?:t|mark)\(|many\([^,'"`]*,)\s*('(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)"""
)
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)  # the same sources make the same bytes
_HEAD = "// Made by `make texts` from locale/de/LC_MESSAGES/djangojs.po.\n"

Text = str | tuple[str, str]


@dataclass(frozen=True)
class Found:
    """One text of the sources; two forms where it counts something."""

    text: Text
    path: str
    context: str | None = None


def of_templates() -> Iterator[Found]:
    """Every ``{% translate %}`` and ``{% blocktranslate %}``, as Django itself would look it up."""
    from django.template import engines
    from django.templatetags.i18n import BlockTranslateNode, TranslateNode

    engine: Any = engines["django"]
    for path in sorted((ROOT / "templates").rglob("*.html")):
        name = path.relative_to(ROOT / "templates").as_posix()
        nodes = engine.get_template(name).template.nodelist
        for node in nodes.get_nodes_by_type(TranslateNode):
            yield Found(str(node.filter_expression.var.literal), f"templates/{name}")
        for node in nodes.get_nodes_by_type(BlockTranslateNode):
            yield Found(_block(node), f"templates/{name}")


def _block(node: Any) -> Text:
    one = node.render_token_list(node.singular)[0]
    if not node.plural:
        return _trimmed(node, one)
    return _trimmed(node, one), _trimmed(node, node.render_token_list(node.plural)[0])


def _trimmed(node: Any, text: str) -> str:
    from django.utils.text import normalize_newlines

    if not node.trimmed:
        return text
    return " ".join(line.strip() for line in normalize_newlines(text).splitlines() if line.strip())


def of_python() -> Iterator[Found]:
    words = {
        "_": None, "gettext": None, "gettext_lazy": None, "gettext_noop": None,
        "ngettext": (1, 2), "ngettext_lazy": (1, 2),
    }  # fmt: skip
    for package in ("kim", "unlock", "payments"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield from _extracted("python", path, words)
    for path in said.paths():
        for text in said.of(path):
            yield Found(text, path.relative_to(ROOT).as_posix())


def of_scripts() -> Iterator[Found]:
    for path in sorted(SCRIPTS.rglob("*.js")):
        if "texts" not in path.relative_to(SCRIPTS).parts:
            yield from _extracted("javascript", path, {"t": None, "many": (2, 3)})
            for later in _extracted("javascript", path, {"mark": None}):
                yield replace(later, context=LATE)
            for text in thrown.of(path):
                yield Found(text, str(path.relative_to(ROOT)), LATE)


def unread(found: list[Found]) -> Iterator[str]:
    """A call inside another's is one that Babel's lexer passes over."""
    known = {_forms(each.text)[0] for each in found}
    for path in sorted({each.path for each in found}):
        for literal in _CALLS.findall((ROOT / path).read_text(encoding="utf-8")):
            if unquote_string(literal) not in known:
                yield f"not read, as it stands inside another call: {literal} in {path}"


def _extracted(kind: str, path: Path, words: dict[str, Any]) -> Iterator[Found]:
    source = io.BytesIO(path.read_bytes())
    for _, text, _, _ in extract(kind, source, keywords=words, options=_READING):
        yield Found(tuple(text) if isinstance(text, tuple) else text, str(path.relative_to(ROOT)))  # type: ignore[arg-type]


def merged(domain: str, found: list[Found]) -> Catalog:
    """What the sources say now, with the translations that there are."""
    path = LOCALE / f"{domain}.po"
    before = read_po(path.open("rb"), locale="de") if path.exists() else Catalog(locale="de")
    made = Catalog(
        locale="de",
        project="kim",
        version="1",
        header_comment="# German texts; the English ones come from the sources (make texts).",
        last_translator="the authors of kim",
        language_team="German",
        msgid_bugs_address="",
        charset="utf-8",
        fuzzy=False,
        creation_date=_NO_DATE,
        revision_date=_NO_DATE,
    )
    places: dict[Text, list[str]] = {}
    for each in found:
        places.setdefault(each.text, []).append(each.path)
    for text in sorted(places, key=str):
        known = before.get(text if isinstance(text, str) else text[0])
        string = known.string if known is not None and _same_shape(known, text) else None
        if string is None and isinstance(text, tuple):
            string = ("", "")
        made.add(text, string, locations=_locations(places[text]))
    return made


def _locations(paths: list[str]) -> Any:
    return [
        (path, None) for path in sorted(set(paths))
    ]  # no line numbers: they change with anything


def _forms(said: Any) -> list[str]:
    return [said] if isinstance(said, str) else list(said or ())


def _same_shape(known: Message, text: Text) -> bool:
    return known.id == text if isinstance(text, str) else tuple(known.id) == text


def faults(catalog: Catalog) -> Iterator[str]:
    """What a German reader would stumble over."""
    for message in catalog:
        if not message.id:
            continue
        ids, said = _forms(message.id), _forms(message.string)
        if not said or not all(said):
            yield f"not translated: {ids[0]!r}"
        elif any(
            not set(_PLACES.findall(one)) <= set(_PLACES.findall(" ".join(ids))) for one in said
        ) or set(_PLACES.findall(ids[-1])) - set(_PLACES.findall(said[-1])):
            yield f"other {{names}} than the English: {ids[0]!r}"


def rendered(catalog: Catalog) -> bytes:
    out = io.BytesIO()
    write_po(out, catalog, width=100, omit_header=False, sort_output=True)
    return out.getvalue()


def compiled(catalog: Catalog) -> bytes:
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def scripts(catalog: Catalog, found: list[Found]) -> dict[str, str]:
    """The two modules of German texts: what a buyer's page says before Buy, and the rest."""
    from unlock.templatetags.modules import graph

    first = {f"static/{path}" for entry in BEFORE_BUY for path in graph(entry)}
    early = {each.text for each in found if each.path in first and each.context != LATE}
    groups: dict[str, dict[str, Any]] = {"first": {}, "rest": {}}
    for message in catalog:
        ids, said = _forms(message.id), _forms(message.string)
        if message.id:
            is_early = (ids[0] if isinstance(message.id, str) else tuple(ids)) in early
            groups["first" if is_early else "rest"][ids[0]] = (
                said[0] if len(ids) == 1 and said else said
            )
    return {
        f"{name}.js": f"{_HEAD}import {{ learn }} from '../say.js';\n\nlearn("
        f"{json.dumps(texts, ensure_ascii=False, indent=2, sort_keys=True)});\n"
        for name, texts in groups.items()
    }


def main() -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.environment"
    import django

    django.setup()
    in_scripts = list(of_scripts())
    pages = merged("django", [*of_templates(), *of_python()])
    modules = merged("djangojs", in_scripts)
    files: dict[Path, bytes] = {
        LOCALE / "django.po": rendered(pages),
        LOCALE / "djangojs.po": rendered(modules),
        LOCALE / "django.mo": compiled(pages),
    }
    for name, source in scripts(modules, in_scripts).items():
        files[SCRIPTS / "texts/de" / name] = source.encode()
    wrong = [*unread(in_scripts), *faults(pages), *faults(modules)]
    if os.environ.get("WRITE"):
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    else:
        wrong += [
            f"out of date: {path.relative_to(ROOT)} (WRITE=1 make texts renews it; commit it)"
            for path, content in files.items()
            if not path.exists() or path.read_bytes() != content
        ]
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
