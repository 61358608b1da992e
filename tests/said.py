"""What the server says outside templates, read out of the sources: the texts of refusals, and of
``say``, ``mark`` and ``Words`` (unlock.speech, payments.words).

A text is a literal, or a name of its module that is one. `make texts` keeps them in the catalogue;
tests/project/test_said.py holds the sources to it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("payments", "unlock", "kim")
# Said to logs, to commands and to other programs only, in English.
SILENT = (
    "payments/electrum", "payments/evidence_format.py", "payments/headerchain.py",
    "payments/headers.py", "payments/management/", "payments/proofs.py",
    "payments/transactions.py", "unlock/container/cli.py", "unlock/container/writer.py",
    "unlock/management/", "unlock/storage_check.py", "kim/management/", "kim/backups.py",
    "kim/restores.py", "kim/rotation", "kim/first_run.py", "kim/env", "kim/keyring.py",
)  # fmt: skip
_PLACE = re.compile(r"\{(\w+)\}")
_WORDS = re.compile(r"[A-Za-z“]")


def paths() -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if "/migrations/" not in name and not name.startswith(SILENT):
                yield path


def of(path: Path) -> Iterator[str]:
    """Every text of one module that a reader may meet."""
    tree = _tree(path)
    known = _constants(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name in refusals():
            yield from _hints(node)
        if isinstance(node, ast.Call):
            for argument in said_by(node):
                yield from (each for each in _literals(argument, known) if _is_text(each))


def said_by(call: ast.Call) -> Iterator[ast.expr]:
    """The arguments of this call that are texts: one, and a refusal's ``hint``."""
    name = _name(call.func)
    if name in refusals():
        yield from [each for each in call.args if not isinstance(each, ast.Attribute)][:1]
        yield from (each.value for each in call.keywords if each.arg == "hint")
    elif name in ("say", "mark", "Words", "Words.of"):
        yield from call.args[:1]


def unfilled(path: Path) -> Iterator[str]:
    """Refusals and ``say`` with a {place} that nothing fills, or with a text that is no literal."""
    tree = _tree(path)
    known = _constants(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _name(node.func)
        given = {each.arg for each in node.keywords}
        for argument in said_by(node):
            is_unknown = isinstance(argument, ast.Name) and not list(_literals(argument, known))
            if isinstance(argument, ast.JoinedStr | ast.BinOp) or (
                is_unknown and name in refusals()
            ):
                yield f"{path.name}:{node.lineno}: a literal and values, not {ast.unparse(argument)}"
            if name in ("mark", "Words") or None in given:
                continue
            for text in _literals(argument, known):
                for place in set(_PLACE.findall(text)) - given:
                    yield f"{path.name}:{node.lineno}: nothing fills {{{place}}}"


@cache
def refusals() -> frozenset[str]:
    """The names of ``ServiceError`` and all that grow from it."""
    found = {"ServiceError"}
    classes = [
        node
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in _tree(path).body
        if isinstance(node, ast.ClassDef)
    ]
    size = 0
    while size != len(found):
        size = len(found)
        found |= {each.name for each in classes if any(_name(base) in found for base in each.bases)}
    return frozenset(found)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _name(node: ast.expr) -> str:
    """The last name of a dotted one; of ``Words.of`` both."""
    if isinstance(node, ast.Name):
        return node.id
    if not isinstance(node, ast.Attribute):
        return ""
    is_words = isinstance(node.value, ast.Name) and node.value.id == "Words"
    return f"Words.{node.attr}" if is_words else node.attr


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    found = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            found[node.target.id] = node.value
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node.value
    return found


def _hints(node: ast.ClassDef) -> Iterator[str]:
    for line in node.body:
        if isinstance(line, ast.Assign) and _name(line.targets[0]) == "hint":
            yield from (each for each in _literals(line.value, {}) if _is_text(each))


def _literals(node: ast.expr, known: dict[str, ast.expr]) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body, known)
        yield from _literals(node.orelse, known)
    elif isinstance(node, ast.Name) and node.id in known:
        yield from _literals(known[node.id], {})


def _is_text(text: str) -> bool:
    """Whether there is a word in it, or a mark that differs: amounts and lists have none."""
    return bool(_WORDS.search(_PLACE.sub("", text).replace("BCH", "")))
