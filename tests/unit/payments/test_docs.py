"""docs/payments.md says what the code does: its marked tables are read and compared."""

import importlib
from datetime import timedelta
from pathlib import Path

import pytest

from payments import instant_rules
from payments.facts import Decision, View
from payments.settlement import derive
from payments.states import TRANSITIONS, InvoiceFlag, InvoiceState
from tests.unit.payments.facts import DUE, TIP
from tests.unit.payments.table import ROWS, STATES, World

UNPAID = ("OPEN", "PARTIAL", "SEEN", "SUSPECT", "EXPIRED")
PAGE = (Path(__file__).parents[3] / "docs" / "payments.md").read_text()


def table(name: str) -> list[list[str]]:
    """The rows of the table that follows ``<!-- name -->``, without its head."""
    lines = PAGE.split(f"<!-- {name} -->\n")[1].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_transitions_are_those_of_the_code() -> None:
    told = {
        InvoiceState(row[0]): frozenset(InvoiceState(state) for state in row[1].split())
        for row in table("transitions")
    }

    assert told == TRANSITIONS


CELLS = [
    (row[0], state, cell)
    for row in table("events")
    for state, cell in zip(STATES, row[1:], strict=True)
]


def derived(world: World) -> Decision:
    view = {"agreed": True, **dict(world.view)}
    seen = {"tip_height": TIP, "swept_at": world.swept_at, "due_today_sat": DUE, **view}
    return derive(world.invoice, world.quotes, world.outputs, View(**seen), world.now)


@pytest.mark.parametrize("state", STATES)
def test_every_state_of_the_table_is_that_state(state: str) -> None:
    assert derived(STATES[state]).status == state


@pytest.mark.parametrize(("row", "state", "cell"), CELLS)
def test_every_cell_leads_where_the_table_says(row: str, state: str, cell: str) -> None:
    """A dash: it cannot happen, for there is no payment to happen to, or a person is refused."""
    world = STATES[state]
    then = derived(ROWS[row].change(world))

    if cell != "-":
        assert (then.status, then.settle) == (cell, cell == "PAID" and state in UNPAID)
    elif ROWS[row].verb == "":
        assert ROWS[row].needs_payment
        assert (world.outputs, then.status) == ((), state)


def test_the_table_has_every_state_and_every_row() -> None:
    head = PAGE.split("<!-- events -->\n")[1].splitlines()[0]

    assert [cell.strip() for cell in head.strip("|").split("|")][1:] == list(STATES)
    assert set(STATES) == set(InvoiceState)
    assert [row[0] for row in table("events")] == list(ROWS)


@pytest.mark.parametrize("row", table("numbers"), ids=lambda row: row[2])
def test_the_numbers_are_those_of_the_code(row: list[str]) -> None:
    module, name = row[2].split(".")
    value = getattr(importlib.import_module(f"payments.{module}"), name)
    number = int(value.total_seconds()) if isinstance(value, timedelta) else value

    assert str(number) == row[1].split()[0]


def test_the_instant_rules_are_told_in_their_order() -> None:
    told = [row[0] for row in table("instant")]
    ends = {row[0]: row[-1] for row in table("instant")}

    assert told == [wait.value for wait, _ in instant_rules.RULES] + ["total_ceiling"]
    seconds = {code for code, end in ends.items() if end == "seconds"}
    assert seconds == {wait.value for wait in instant_rules.PASSING}


def test_every_flag_has_its_row() -> None:
    assert {row[0] for row in table("flags")} == set(InvoiceFlag)


@pytest.mark.parametrize("word", [*InvoiceState, *InvoiceFlag])
def test_every_state_and_flag_is_explained(word: str) -> None:
    assert word in PAGE
