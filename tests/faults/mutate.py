"""Mutation testing of the pure payment modules: `make mutants`, or `M=NAME` for one of them.

Every mutant is one small change of one module. A process forked from a warm one imports it in
place of the module and runs that module's own unit tests until one fails. No mutant is written
to disk, and nothing but the pure core is loaded. docs/adr/0008 says why this is ours.
"""

from __future__ import annotations

import ast
import copy
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

ROOT: Final = Path(__file__).parents[2]
UNIT: Final = "tests/unit/payments/"
CONFIG: Final = Path(__file__).with_name("mutants.ini")
EQUIVALENT: Final = Path(__file__).with_name("equivalent.txt")
PARALLEL: Final = 2
LEAST_SECONDS: Final = 20  # of its own time that a mutant may take, or ten times the original's
SLOWER: Final = 10  # times, and it is ended by the clock: it waits for something
EACH: Final = int(os.environ.get("KIM_EACH", "1"))  # a sample: every n-th mutant
WANTED: Final = 0.90
# Loaded once, for all the forked ones: half of what a mutant's run took.
WARM: Final = (
    "pytest",
    "hypothesis.strategies",
    "bitcash.cashaddress",
    "bitcash.crypto",
    "coincurve",
)

TESTS: Final[dict[str, tuple[str, ...]]] = {
    "states": ("test_settlement_properties.py",),
    "facts": ("test_settlement.py", "test_settlement_edges.py"),
    "amounts": ("test_amounts.py", "test_edges.py"),
    "addresses": ("test_script_edges.py", "test_addresses.py", "test_key_edges.py"),
    "xpubs": ("test_xpubs.py", "test_key_edges.py"),
    "transactions": ("test_transactions.py", "test_edges.py"),
    "covenants": (
        "test_script_edges.py",
        "test_key_edges.py",
        "test_covenants.py",
        "test_forward_vectors.py",
    ),
    "headers": (
        "test_headers.py",
        "test_key_edges.py",
        "test_header_edges.py",
        "test_edges.py",
        "test_headerchain.py",
    ),
    "headerchain": ("test_headerchain.py",),
    "counting": ("test_settlement.py", "test_settlement_edges.py", "test_settlement_properties.py"),
    "settlement": (
        "test_settlement.py",
        "test_settlement_edges.py",
        "test_settlement_properties.py",
    ),
    "instant_rules": ("test_instant_rules.py", "test_edges.py"),
    "rate_rules": ("test_rate_rules.py",),
}

_COMPARE: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult, ast.Mod: ast.Add, ast.Pow: ast.Mult, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One changed module. ``name`` is stable while its line's text is: `line-text :: change`."""

    line: int
    name: str
    tree: ast.Module


def mutants_of(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, one change each, in the order of its lines."""
    tree, lines = ast.parse(source), source.splitlines()
    spots = [spot for spot in _spots(tree) if hasattr(spot, "lineno")]
    for index, spot in enumerate(spots):
        for number in range(len(_changes(spot))):
            changed = copy.deepcopy(tree)
            target = [each for each in _spots(changed) if hasattr(each, "lineno")][index]
            what, replacement = _changes(target)[number]
            _Swap(target, replacement).visit(changed)
            ast.fix_missing_locations(changed)
            yield Mutant(spot.lineno, f"{lines[spot.lineno - 1].strip()} :: {what}", changed)


def _spots(node: ast.AST) -> Iterator[ast.stmt | ast.expr]:
    """What may be changed: no annotations, decorators, docstrings, or texts of errors."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "bases", "type_comment"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _is_for_types(child):
                continue
            if isinstance(child, ast.stmt | ast.expr):
                yield child
            if not isinstance(child, ast.JoinedStr):
                yield from _spots(child)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _changes(node: ast.AST) -> list[tuple[str, ast.AST]]:  # noqa: PLR0911 - one a kind
    """What this node could have been by mistake."""
    if isinstance(node, ast.Compare):
        return [
            (f"{type(op).__name__} → {_COMPARE[type(op)].__name__}", _with_op(node, at))
            for at, op in enumerate(node.ops)
        ]
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _ARITHMETIC:
        other = copy.copy(node)
        other.op = _ARITHMETIC[type(node.op)]()
        found: list[tuple[str, ast.AST]] = [(_arrow(node.op, other.op), other)]
        return found + ([("removed", ast.Pass())] if isinstance(node, ast.AugAssign) else [])
    if isinstance(node, ast.BoolOp):
        flipped = ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        return [(_arrow(node.op, flipped.op), flipped)]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        return [(f"without {type(node.op).__name__}", node.operand)]
    if isinstance(node, ast.Constant):
        return _constants(node)
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        return [("return None", ast.Return(ast.Constant(value=None)))]
    if isinstance(node, ast.IfExp | ast.If) and isinstance(node.test, ast.Name | ast.Attribute):
        turned = copy.copy(node)
        turned.test = ast.UnaryOp(ast.Not(), node.test)
        return [("the other way round", turned)]
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Expr | ast.Raise | ast.Continue | ast.Break) and not is_text:
        return [("removed", ast.Pass())]
    return []


def _constants(node: ast.Constant) -> list[tuple[str, ast.AST]]:
    if isinstance(node.value, bool):
        return [(f"{node.value} → {not node.value}", ast.Constant(value=not node.value))]
    if isinstance(node.value, int):
        return [
            (f"{node.value} → {node.value + step}", ast.Constant(value=node.value + step))
            for step in (1, -1)
        ]
    return []


def _with_op(node: ast.Compare, at: int) -> ast.Compare:
    ops = list(node.ops)
    ops[at] = _COMPARE[type(ops[at])]()
    return ast.Compare(node.left, ops, node.comparators)


def _arrow(old: ast.AST, new: ast.AST) -> str:
    return f"{type(old).__name__} → {type(new).__name__}"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


class _Swap(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else super().visit(node)


class _Loader(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the mutant in place of the module."""

    def __init__(self, name: str, mutant: Mutant) -> None:
        self._name, self._mutant = name, mutant

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        origin = str(ROOT / (fullname.replace(".", "/") + ".py"))
        return importlib.util.spec_from_file_location(fullname, origin, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        code = compile(self._mutant.tree, str(module.__file__), "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102 - our own source, changed in one place


def run_tests(module: str, mutant: Mutant | None) -> int:
    """In this process: pytest's exit code, with the mutant in place of the module."""
    import pytest

    if mutant is not None:
        sys.meta_path.insert(0, _Loader(f"payments.{module}", mutant))
    told = io.StringIO()
    with redirect_stdout(told), redirect_stderr(told):
        files = [UNIT + name for name in TESTS[module]]
        code = pytest.main(["-c", str(CONFIG), "--rootdir", str(ROOT), "-x", "-q", *files])
    if mutant is None and code != 0:
        sys.stderr.write(told.getvalue())
    return int(code)


def start(module: str, mutant: Mutant | None, limit_seconds: int = resource.RLIM_INFINITY) -> int:
    """A forked process that ends with the tests' exit code; its id. The limit is of processor time:
    on a busy machine nobody is called found for having been slow.
    """
    pid = os.fork()
    if pid == 0:
        code = 99
        resource.setrlimit(resource.RLIMIT_CPU, (limit_seconds, resource.RLIM_INFINITY))
        try:
            code = run_tests(module, mutant)
        finally:
            os._exit(code)
    return pid


def survivors_of(module: str, known: frozenset[str]) -> tuple[int, int, list[Mutant]]:
    """How many mutants there are, how many of those are equivalent, and which others lived."""
    _, status, used = os.wait4(start(module, None), 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{module}: its tests fail without any mutant")
    limit_seconds = max(LEAST_SECONDS, int(10 * (used.ru_utime + used.ru_stime)))
    everything = list(mutants_of((ROOT / "payments" / f"{module}.py").read_text()))[::EACH]
    mutants = [each for each in everything if f"{module}: {each.name}" not in known]
    running: dict[int, tuple[Mutant, float]] = {}
    lived: list[Mutant] = []
    waiting = iter(mutants)
    while True:
        while len(running) < PARALLEL and (mutant := next(waiting, None)) is not None:
            until_seconds = time.monotonic() + SLOWER * limit_seconds
            running[start(module, mutant, limit_seconds)] = mutant, until_seconds
        if not running:
            break
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            for late in [pid for pid, (_, end) in running.items() if time.monotonic() > end]:
                os.kill(late, signal.SIGKILL)
            time.sleep(0.01)
            continue
        mutant = running.pop(pid)[0]
        if os.waitstatus_to_exitcode(status) == 0:
            lived.append(mutant)
            print(f"  lived  {module}: {mutant.name}   (line {mutant.line})", flush=True)
    return len(everything), len(everything) - len(mutants), lived


def main(modules: Sequence[str]) -> int:
    import hypothesis

    for each in WARM:
        importlib.import_module(each)

    hypothesis.settings.register_profile(
        "mutants", derandomize=True, max_examples=50, deadline=None, database=None
    )
    hypothesis.settings.load_profile("mutants")
    os.chdir(ROOT)
    known = frozenset(
        line.rsplit("   #", 1)[0] for line in EQUIVALENT.read_text().splitlines() if line
    )
    is_enough = True
    for module in modules or TESTS:
        began = time.monotonic()
        count, equivalent, lived = survivors_of(module, known)
        score = 1 - len(lived) / (count - equivalent)
        is_enough = is_enough and score >= WANTED
        print(
            f"{module:14} {count:4} mutants, {equivalent:2} equivalent, {len(lived):3} lived: "
            f"{100 * score:5.1f} %   {time.monotonic() - began:.0f} s",
            flush=True,
        )
    return 0 if is_enough else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
