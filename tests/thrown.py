"""What the errors of crypto/, io/, net/ and worker/ say, read out of the sources.

These modules run where no catalogue is, and half of them in the first kilobytes of a buyer's page, so
their texts are not wrapped: whatever an error of ours is made with is a text if it has a blank in it.
A value in it is ``{1}``, ``{2}``, …; ``heard`` of static/js/texts/say.js finds the text again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from babel.messages.jslexer import unquote_string

from unlock import stripping

SCRIPTS = Path(__file__).resolve().parent.parent / "static/js"
FOLDERS = ("crypto", "io", "net", "worker")
_CLASS = re.compile(r"\bclass (\w+) extends (\w+)")
_MADE = re.compile(r"\bnew (\w+)\(|\b(super)\(")
_ONE = r"""(?:'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)"""
_LITERAL = re.compile(_ONE)
_MEMBER = re.compile(rf"\b(?:hint =|hint:|message:)\s*((?:\w+\s*\?\s*)?{_ONE}(?:\s*:\s*{_ONE})?)")
_VALUE = re.compile(r"\$\{[^}]*\}")


def of(path: Path) -> Iterator[str]:
    """Texts of one module, each as often as it stands there."""
    if path.relative_to(SCRIPTS).parts[0] not in FOLDERS:
        return
    source = stripping.script(path.read_text(encoding="utf-8"))
    for made in _MADE.finditer(source):
        name = made[1] or made[2]
        for text in _texts(_arguments(source, made.end())):
            if name in _ours() or (name == "Error" and text.endswith(".")):
                yield text
    for member in _MEMBER.finditer(source):
        yield from _texts(member[1])


@cache
def _ours() -> frozenset[str]:
    """The classes below Error, and the names under which they are made."""
    found = {"Error"}
    pairs = [
        pair
        for path in SCRIPTS.rglob("*.js")
        for pair in _CLASS.findall(path.read_text(encoding="utf-8"))
    ]
    for _ in pairs:
        found |= {name for name, parent in pairs if parent in found}
    return frozenset(found - {"Error"} | {"super", "Malformed", "Kind"})


def _arguments(source: str, start: int) -> str:
    depth = 1
    for at in range(start, len(source)):
        depth += {"(": 1, ")": -1}.get(source[at], 0)
        if depth == 0:
            return source[start:at]
    return ""


def _texts(source: str) -> Iterator[str]:
    for literal in _LITERAL.findall(source):
        count = iter(range(1, 10))
        text = _VALUE.sub(lambda _: f"{{{next(count)}}}", unquote_string(literal))  # noqa: B023
        if " " in text:
            yield text
