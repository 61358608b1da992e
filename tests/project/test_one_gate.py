"""There is one gate: ``unlock.keys`` alone makes a KeyRelease, and alone opens a deposit."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GATE = "unlock/keys.py"
# Methods of a manager or queryset that write rows.
MAKERS = {
    "create", "acreate", "get_or_create", "aget_or_create", "update_or_create",
    "aupdate_or_create", "bulk_create", "abulk_create",
}  # fmt: skip
OPENERS = {"open_deposit", "seal_release"}


def product_files() -> list[Path]:
    return [
        path
        for area in ("kim", "unlock", "payments")
        for path in sorted((ROOT / area).rglob("*.py"))
        if "migrations" not in path.parts
    ]


def makes_release(tree: ast.AST) -> Iterator[int]:
    """Lines that make a KeyRelease: ``KeyRelease(…)`` or ``….KeyRelease….objects.create(…)``."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        is_class = called.split(".")[-1] == "KeyRelease"
        is_manager = "KeyRelease" in called and called.split(".")[-1] in MAKERS
        # purchase.release is the reverse of the one-to-one: its manager would make one as well
        if is_class or is_manager:
            yield node.lineno


def uses(tree: ast.AST, names: set[str]) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in names:
            yield node.lineno


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_only_the_gate_makes_a_key_release() -> None:
    made = {
        relative(path): lines
        for path in product_files()
        if (lines := list(makes_release(ast.parse(path.read_text()))))
    }

    assert list(made) == [GATE]
    assert len(made[GATE]) == 1


def test_only_the_gate_opens_a_deposit_or_seals_to_a_buyer() -> None:
    used = {
        relative(path)
        for path in product_files()
        if list(uses(ast.parse(path.read_text()), OPENERS))
    }

    assert used - {GATE} == set()
    assert used == {GATE}


def test_only_the_worker_reads_the_private_keys() -> None:
    reading = {
        relative(path)
        for path in product_files()
        if any(
            isinstance(node, ast.Attribute) and node.attr == "KIM_INSTANCE_KEYS"
            for node in ast.walk(ast.parse(path.read_text()))
        )
    }

    assert {path for path in reading if path.startswith("unlock/")} == {"unlock/tasks/keys.py"}
    assert not {path for path in reading if path.startswith("payments/")}


@pytest.mark.parametrize(
    "line",
    [
        "KeyRelease(purchase=p)",
        "models.KeyRelease(purchase=p).save()",
        "KeyRelease.objects.create(purchase=p)",
        "models.KeyRelease.objects.filter(x=1).update_or_create(purchase=p)",
        "KeyRelease.objects.bulk_create(rows)",
    ],
)
def test_the_rule_would_see_it(line: str) -> None:
    assert list(makes_release(ast.parse(line)))


def test_the_rule_lets_reading_be() -> None:
    assert not list(makes_release(ast.parse("KeyRelease.objects.filter(purchase=p).first()")))
