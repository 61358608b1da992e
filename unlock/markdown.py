"""A creator's description as HTML that a stranger's browser may show.

Two fences: a CommonMark reader that takes no HTML and no pictures, then an allow-list over what it
made. Pure: text in, HTML or a tree of plain values out.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final, TypeAlias

import nh3
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

NESTING_MAX: Final = 20
_TAGS: Final = {
    "p", "br", "hr", "h2", "h3", "h4", "strong", "em", "s", "code", "pre", "blockquote", "ul",
    "ol", "li", "a",
}  # fmt: skip
_VOID: Final = {"br", "hr"}
_REL: Final = "nofollow noopener noreferrer ugc"
_HEADING_FIRST, _HEADING_LAST = 2, 4  # the page's own title is the h1
_HREF = re.compile(r"https://[^/\s][^\s]*|mailto:[^\s@]+@[^\s@]+")

Node: TypeAlias = "str | dict[str, object]"

_READER: Final = (
    MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": NESTING_MAX})
    .enable("strikethrough")
    .disable(["image", "html_block", "html_inline", "reference"])
)


@lru_cache(maxsize=256)
def to_html(text: str) -> str:
    """Only the tags above; links only to ``https:`` and ``mailto:``, and they carry no weight."""
    tokens = _READER.parse(text)
    _bound_headings(tokens)
    return nh3.clean(
        _READER.renderer.render(tokens, _READER.options, {}),
        tags=_TAGS,
        attributes={"a": {"href"}, "*": set()},  # "*": else titles and languages pass
        attribute_filter=_kept,
        url_schemes={"https", "mailto"},
        link_rel=_REL,
    )


def to_tree(text: str) -> list[Node]:
    """The same for a page that makes elements by hand: text, or ``{"tag", "href"?, "children"}``."""
    reader = _Tree()
    reader.feed(to_html(text))
    reader.close()
    return reader.top


def _kept(tag: str, attribute: str, value: str) -> str | None:
    """nh3 lets addresses without a scheme pass; a description has no business with our own paths."""
    del tag
    return None if attribute == "href" and not _HREF.fullmatch(value) else value


def _bound_headings(tokens: Sequence[Token]) -> None:
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            level = int(token.tag[1:]) + _HEADING_FIRST - 1
            token.tag = f"h{min(level, _HEADING_LAST)}"


class _Tree(HTMLParser):
    """Reads what nh3 wrote: well-formed, and no tag but those above."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.top: list[Node] = []
        self._open: list[list[Node]] = [self.top]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        children: list[Node] = []
        made: dict[str, object] = {"tag": tag, "children": children}
        href = dict(attrs).get("href")
        if href:
            made["href"] = href
        self._open[-1].append(made)
        if tag not in _VOID:
            self._open.append(children)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].append(data)
