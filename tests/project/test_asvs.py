"""Tables that promise a test are held to it: docs/asvs.md, with its counts, and docs/threat-model.md."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(
    r"^\| (\d+\.\d+\.\d+) \| ([12]) \| ([^|]+) \| (test|page|n/a|open) \| ([^|]+) \|$", re.MULTILINE
)
TEST = re.compile(r"`(tests/[\w/.]+)::(\w+)`")
# How many requirements the standard has in each chapter up to level 2, and in level 1.
CHAPTERS = {
    1: 27, 2: 11, 3: 19, 4: 10, 5: 9, 6: 35, 7: 18, 8: 7, 9: 7, 10: 29, 11: 14, 12: 9, 13: 13,
    14: 9, 15: 13, 16: 16, 17: 7,
}  # fmt: skip
LEVEL_1 = 70


def rows() -> list[tuple[str, ...]]:
    return ROW.findall((ROOT / "docs/asvs.md").read_text())


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef))


def missing(text: str) -> set[str]:
    named = TEST.findall(text)
    there = {(path, name) for path, name in named if (ROOT / path).is_file()}
    return {f"{p}::{n}" for p, n in named if (p, n) not in there or n not in names_in(p)}


def test_every_requirement_up_to_level_2_has_its_row_once() -> None:
    numbers = [number for number, *_ in rows()]

    assert len(numbers) == len(set(numbers)) == sum(CHAPTERS.values())
    assert Counter(int(each.partition(".")[0]) for each in numbers) == CHAPTERS
    assert sum(level == "1" for _, level, *_ in rows()) == LEVEL_1


def test_every_row_has_what_its_state_promises() -> None:
    wrong = []
    for number, _, words, state, proof in rows():
        has_test, has_page = bool(TEST.fullmatch(proof)), proof.startswith("[docs/")
        is_right = {"test": has_test, "page": has_page}.get(state, not has_test and not has_page)
        if not is_right or not words.strip() or len(proof) < 4:
            wrong.append(number)

    assert wrong == []
    assert missing((ROOT / "docs/asvs.md").read_text()) == set()


def test_the_counts_are_those_of_the_table() -> None:
    states = ("test", "page", "n/a", "open")
    text = (ROOT / "docs/asvs.md").read_text()
    for level in ("1", "2", "both"):
        found = Counter(state for _, each, _, state, _ in rows() if level in (each, "both"))
        figures = " | ".join(str(found[state]) for state in states)
        line = f"| {level} | {found.total()} | {figures} |"
        assert line in text


def test_every_answer_of_the_threat_model_names_a_test_that_exists_or_says_it_has_none() -> None:
    text = (ROOT / "docs/threat-model.md").read_text()
    table = [line for line in text.splitlines() if line.startswith("| ")][1:]

    bare = [
        line[:80]
        for line in table
        if not TEST.search(line) and "**not stopped**" not in line.lower()
    ]

    assert len(table) > 35
    assert bare == []
    assert missing(text) == set()
