"""What a page shows that no German catalogue says: the texts that were forgotten, or glued together.

A text is known when it is a German one of the catalogues, with anything in its {places}; several in a
row may stand in one text. What people typed, and names that are the same in both languages, are told.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po
from playwright.sync_api import Page

LOCALE = Path(__file__).parents[2] / "locale/de/LC_MESSAGES"
# Visible text nodes, and what is read out or shown in place of them.
SAID = """() => {
  const texts = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const holder = walker.currentNode.parentElement;
    const isShown = holder.checkVisibility({ visibilityProperty: true });
    if (isShown && !holder.closest('script, style, noscript, code, pre, textarea, svg')) {
      texts.push(walker.currentNode.data);
    }
  }
  for (const name of ['aria-label', 'placeholder', 'title', 'alt']) {
    for (const each of document.querySelectorAll(`[${name}]`)) {
      if (each.checkVisibility()) texts.push(each.getAttribute(name));
    }
  }
  return texts.map((text) => text.trim().replace(/\\s+/g, ' '));
}"""
_NAMES = frozenset({"kim", "kim · regtest", "regtest", "Bitcoin Cash", "BCH", "Deutsch", "English"})
_MONTHS = "Jan|Feb|März|Apr|Mai|Juni|Juli|Aug|Sept|Okt|Nov|Dez"
# Amounts, sizes, moments, versions, addresses: no words, but letters.
_PLAIN = re.compile(
    rf"[-+≈~\d.,:%/\s·()]*(UTC)?|[\d.,\s]*(B|Bytes?|[KMGT]B|h|min|s|[A-Z]{{3}}|€)"
    rf"|\d+\. ({_MONTHS})\w*\.?( \d{{4}})?(, \d\d:\d\d)?( UTC)?|https?://\S+|v?\d[\w.+-]*"
    r"|(bitcoincash|bchtest|bchreg):\S+|(?=\w*\d)[a-z0-9]{6,}…?[a-z0-9]*"
)
_PLACE = re.compile(r"\\\{\w+\\\}|%\\\(\w+\\\)[sd]")
_TAG = re.compile(r"<[^>]+>")
_BETWEEN = re.compile(r"(?<=[.!?…:]) | · |, ")


def left(page: Page, *, own: Collection[str] = ()) -> list[str]:
    """Texts of this page that are not German; ``own``: what people typed."""
    return sorted({text for text in page.evaluate(SAID) if not _is_known(text, frozenset(own))})


def english_left(page: Page) -> list[str]:
    """Texts that stand in the catalogues as English ones."""
    return sorted({text for text in page.evaluate(SAID) if text in _english()})


def _is_known(said: str, own: frozenset[str]) -> bool:
    text = said.removeprefix("·").strip()
    if not re.search(r"[A-Za-zÄÖÜäöü]{2}", text) or text in own or text in _NAMES:
        return True
    if _PLAIN.fullmatch(text) or _german().fullmatch(text):
        return True
    parts = [part.strip() for part in _BETWEEN.split(text)]
    return len(parts) > 1 and all(_is_known(part, own) for part in parts)


def _messages() -> Iterator[tuple[list[str], list[str]]]:
    for domain in ("django", "djangojs"):
        with (LOCALE / f"{domain}.po").open("rb") as file:
            for message in read_po(file, locale="de"):
                if message.id and message.string:
                    yield _forms(message.id), _forms(message.string)


def _forms(said: object) -> list[str]:
    return [said] if isinstance(said, str) else [str(each) for each in said]  # type: ignore[attr-defined]


@cache
def _english() -> frozenset[str]:
    return frozenset(one for ids, said in _messages() for one in ids if one not in said)


@cache
def _german() -> re.Pattern[str]:
    """All German texts as one pattern; markup inside parts them, as it parts text nodes."""
    pieces = set()
    for _, said in _messages():
        for piece in (part for one in said for part in _TAG.split(one)):
            clean = re.sub(r"\s+", " ", piece).strip()
            if re.search(r"[A-Za-zÄÖÜäöü]{2}", re.sub(r"\{\w+\}|%\(\w+\)[sd]", "", clean)):
                pieces.add(_PLACE.sub(".*", re.escape(clean)))
    return re.compile("|".join(sorted(pieces, key=len, reverse=True)))
