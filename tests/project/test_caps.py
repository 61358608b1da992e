"""Small files and small functions: the tail is what makes code unreadable."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES = 400
FUNCTION_LINES = 60
FOLDERS = ("kim", "unlock", "payments", "devchain", "kimcli")


def sources() -> list[Path]:
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return [path for path in found if "migrations" not in path.parts]


def scripts() -> list[Path]:
    made = (ROOT / "static/js/texts").glob("*/*.js")  # catalogues, by `make texts`
    written = set((ROOT / "static/js").rglob("*.js")) - set(made)
    return [*sorted(written), *(ROOT / "static/css").rglob("*.css")]


def test_no_file_is_longer_than_400_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (*sources(), *scripts())
        if (lines := len(path.read_text().splitlines())) > FILE_LINES
    }

    assert long == {}


def test_no_function_is_longer_than_60_lines() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    }

    assert long == {}


def test_nothing_is_put_off_or_skipped() -> None:
    soft = re.compile(
        r"\b(TODO|FIXME|XXX|NotImplementedError)\b|pytest\.(mark\.)?(skip|xfail)|assert True"
    )
    found = {
        f"{path.relative_to(ROOT)}:{number}"
        for path in (*sources(), *scripts(), *(ROOT / "tests").rglob("*.py"))
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if soft.search(line)
    }

    assert found == set()


def test_product_code_asserts_nothing() -> None:
    """``python -O`` strips asserts; a check that matters raises a typed error."""
    found = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assert)
    }

    assert found == set()


def test_money_knows_no_floats() -> None:
    """Seconds may be fractions; amounts, prices and rates never are."""
    clock = re.compile(r"second|deadline|_at\b|timeout|time\.|delay|wait", re.IGNORECASE)
    found = set()
    for path in (ROOT / "payments").rglob("*.py"):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            named = isinstance(node, ast.Name) and node.id == "float"
            literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
            if not isinstance(node, ast.Name | ast.Constant) or not (named or literal):
                continue
            if not clock.search(text.splitlines()[node.lineno - 1]):
                found.add(f"{path.relative_to(ROOT)}:{node.lineno}")

    assert found == set()
