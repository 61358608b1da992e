"""Every cell of the table of states, played on stored rows: the state, the latch and the events."""

from __future__ import annotations

import contextlib

import pytest

from payments.errors import ServiceError
from payments.models import Event, Invoice
from tests.payments.playing import Play
from tests.unit.payments.table import ROWS, STATES
from tests.unit.payments.test_docs import UNPAID, table

pytestmark = pytest.mark.django_db

# Its evidence comes from several servers: tests/payments/test_instant.py plays that.
CELLS = [
    (row[0], state, cell)
    for row in table("events")
    for state, cell in zip(STATES, row[1:], strict=True)
    if "instant" not in row[0]
]


@pytest.mark.parametrize(("row", "state", "cell"), CELLS)
def test_a_stored_invoice_goes_where_the_table_says(row: str, state: str, cell: str) -> None:
    play = Play(state)
    before, told = play.row, Event.objects.count()

    if cell == "-":
        _refused(play, row)
        after = Invoice.objects.get(pk=play.id)
        assert (after.state, after.settled_at, after.flags) == (
            state,
            before.settled_at,
            before.flags,
        )
        assert Event.objects.count() == told
        return
    play.play(ROWS[row])

    after = play.row
    assert after.state == cell
    settles = cell == "PAID" and state in UNPAID
    assert (after.settled_at is not None) == (before.settled_at is not None or settles)
    assert Event.objects.filter(kind="settled").count() == (after.settled_at is not None)
    if before.settled_at is not None:
        assert (after.settled_at, after.evidence) == (before.settled_at, before.evidence)
    if before.state != after.state:
        last = Event.objects.order_by("position").last()
        assert last is not None
        assert last.state == cell


def _refused(play: Play, row: str) -> None:
    """A person gets a typed refusal, or nothing happens; without a payment there is nothing to play."""
    if ROWS[row].needs_payment:
        assert not play.row.outputs.exists()
        return
    with contextlib.suppress(ServiceError):
        play.play(ROWS[row])
