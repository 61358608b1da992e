"""docs/payments.md says what the code does: its marked tables are read and compared."""

import importlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from payments.states import TRANSITIONS, InvoiceFlag, InvoiceState, OutputChain
from tests.unit.payments.facts import NOON, UNTIL, after, decide, invoice, mined, paid, settled

PAGE = (Path(__file__).parents[3] / "docs" / "payments.md").read_text()

LOST = mined(number=9, chain=OutputChain.MISSING, first_seen_at=NOON - timedelta(days=1))
LOOKS: dict[str, tuple[Any, dict[str, Any]]] = {
    "nothing, quote live": ((), {}),
    "nothing, quote over and swept since": ((), {"now": after(hours=1)}),
    "nothing, quote over, not swept since": ((), {"now": after(hours=1), "swept_at": UNTIL}),
    "nothing, but not every server agrees": ((), {"agreed": False}),
    "too little": ((mined(50_000, 1),), {}),
    "enough in the mempool": ((paid(),), {}),
    "enough in the mempool, with a double-spend proof": ((paid(dsproof_at=NOON),), {}),
    "enough in the mempool, and the instant rule holds": ((paid(),), {"instant_ok": True}),
    "enough in a block, no proof yet": ((mined(spv_ok=False),), {}),
    "enough at depth, proved": ((mined(),), {}),
    "enough at depth, proved, but our chain is in doubt": ((mined(),), {"held": True}),
    "enough at depth, on outputs that carry tokens": ((mined(has_token=True),), {}),
    "enough at depth, from our own forward": ((mined(own_forward=True),), {}),
    "another payment of enough at depth after the first was lost": ((mined(number=1),), {}),
}


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


@pytest.mark.parametrize("row", table("events"), ids=lambda row: row[0])
def test_the_events_lead_where_the_table_says(row: list[str]) -> None:
    seen, unsettled, after_paid, after_reversed = row
    outputs, view = LOOKS[seen]
    first = LOST if "after the first was lost" in seen else mined()
    more = (LOST,) if first is LOST else ()

    assert decide(*outputs, invoice=invoice(), **view).status == unsettled
    assert decide(*outputs, *more, invoice=settled(first), **view).status == after_paid
    back = settled(first, is_reversed=True)
    assert decide(*outputs, *more, invoice=back, **view).status == after_reversed


def test_every_look_is_in_the_table() -> None:
    assert [row[0] for row in table("events")] == list(LOOKS)


@pytest.mark.parametrize("row", table("numbers"), ids=lambda row: row[2])
def test_the_numbers_are_those_of_the_code(row: list[str]) -> None:
    module, name = row[2].split(".")
    value = getattr(importlib.import_module(f"payments.{module}"), name)
    number = int(value.total_seconds()) if isinstance(value, timedelta) else value

    assert str(number) == row[1].split()[0]


@pytest.mark.parametrize("word", [*InvoiceState, *InvoiceFlag])
def test_every_state_and_flag_is_explained(word: str) -> None:
    assert word in PAGE
