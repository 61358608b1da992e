"""Our scripts and styles without their comments: what is served is half of what is read.

Nothing else changes: every token, name and line number stays (tests/project/test_published.py has a
real parser compare them). Minifiers that work by expressions alone, as rjsmin 1.3 does, lose the
blanks of templates that stand inside templates, and we have some.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_STRING = (
    r"""'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"|/\*![\s\S]*?\*/"""  # /*! is a licence
)
_GAP = r"\s+|/\*(?!!)[\s\S]*?\*/"
_SCRIPT = re.compile(
    rf"(?P<gap>(?:{_GAP}|//[^\n]*)+)|(?P<string>{_STRING})|(?P<word>[\w$\u0080-\uffff]+)|[\s\S]"
)
_STYLE = re.compile(rf"(?P<gap>(?:{_GAP})+)|{_STRING}|[\s\S]")
_EXPRESSION = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/")
_TEXT = re.compile(r"[`}](?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)")  # of a template, up to a hole
_COMMENT = re.compile(r"//[^\n]*|/\*[\s\S]*?\*/")
# After these a slash begins an expression; after other words, texts and brackets it divides.
_BEFORE_VALUES = re.compile(
    r"(?:await|case|delete|do|else|in|instanceof|new|of|return|throw|typeof|void|yield)\Z"
)


def script(source: str) -> str:
    """A JavaScript file without its comments; ValueError where a text has no end."""
    return "".join(_script(source))


def style(source: str) -> str:
    """A style sheet without its comments."""
    return _STYLE.sub(lambda found: _gap(found["gap"]) if found["gap"] else found[0], source)


def _script(source: str) -> Iterator[str]:
    holes: list[int] = []  # of the templates open here: how many braces are open inside the hole
    is_value = False  # whether what came last could be divided
    at = 0
    while found := _SCRIPT.match(source, at):
        piece = found[0]
        if found["gap"]:
            yield _gap(piece)
            at = found.end()
            continue
        if piece == "`" or (piece == "}" and holes and not holes[-1]):
            if piece == "}":
                holes.pop()
            piece = _whole(_TEXT, source, at)
            if piece.endswith("${"):
                holes.append(0)
        elif piece == "/" and not is_value:
            piece = _whole(_EXPRESSION, source, at)
        elif piece in {"{", "}"} and holes:
            holes[-1] += 1 if piece == "{" else -1
        is_value = _is_value(piece, is_word=bool(found["word"]))
        at += len(piece)
        yield piece


def _is_value(piece: str, *, is_word: bool) -> bool:
    if is_word:
        return not _BEFORE_VALUES.match(piece)
    return piece[-1] in ")]}'\"`/" and piece != "/"


def _whole(pattern: re.Pattern[str], source: str, at: int) -> str:
    found = pattern.match(source, at)
    if found is None:
        line = source.count("\n", 0, at) + 1
        raise ValueError(f"line {line}: a text or an expression has no end")
    return found[0]


def _gap(text: str) -> str:
    """As many lines as before, and the blanks in front of what follows."""
    blank = _COMMENT.sub(lambda found: "\n" * found[0].count("\n") or " ", text)
    lines = blank.count("\n")
    return "\n" * lines + blank.rpartition("\n")[2] if lines else " "
