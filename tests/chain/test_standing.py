"""A server's record: why its word does not count, in a sentence, and when it counts again."""

from __future__ import annotations

import pytest

from payments.electrum_standing import Standing

OF = (b"script", {f"{n}": b"raw" for n in range(5_000)} | {"a": b"A", "b": b"B"})


@pytest.fixture
def standing() -> Standing:
    return Standing()


def test_a_new_server_counts(standing: Standing) -> None:
    assert standing.reason(0) == ""
    assert standing.answered_ms is None


def test_two_blocks_behind_is_too_far_and_one_is_not(standing: Standing) -> None:
    standing.note_tip(1, 0)
    assert standing.reason(1) == ""
    standing.note_tip(2, 2)
    assert standing.reason(2) == "It is 2 blocks behind the best chain."
    standing.note_tip(0, 3)
    assert standing.reason(3) == ""


def test_one_block_behind_for_twenty_minutes_is_too_long(standing: Standing) -> None:
    standing.note_tip(1, 100)
    standing.note_tip(1, 1_200)
    assert standing.reason(1_299) == ""
    assert standing.reason(1_300) == "It has been behind the best chain for 20 minutes."
    standing.note_tip(0, 1_301)
    standing.note_tip(1, 1_302)
    assert standing.reason(1_303) == ""


def test_who_has_a_payment_and_does_not_show_it_is_frozen(standing: Standing) -> None:
    standing.note_mempool({"a": False, "b": True}, 0, of=OF)
    assert standing.overdue(59) == {}
    assert standing.overdue(60) == {"a": b"A"}
    assert standing.reason(60) == ""

    standing.note_offer("a", is_held=True, now=60)
    assert standing.overdue(61) == {}
    assert standing.held(69) == {}
    assert standing.held(70) == {"a": b"script"}
    standing.note_mempool({"a": False}, 69, of=OF)
    assert standing.reason(69) == ""
    standing.note_mempool({"a": False}, 70, of=OF)
    assert standing.reason(75) == (
        "Its mempool stands still: it has a payment that another server showed 75 seconds ago, "
        "and does not show it."
    )

    standing.note_mempool({"a": True}, 80, of=OF)
    assert standing.reason(80) == ""


def test_who_refuses_a_payment_is_not_frozen(standing: Standing) -> None:
    """Or a server that makes payments up could speak for all honest ones."""
    standing.note_mempool({"a": False}, 0, of=OF)
    standing.note_offer("a", is_held=False, now=60)
    standing.note_mempool({"a": False}, 500, of=OF)
    assert standing.reason(500) == ""
    assert standing.overdue(500) == {}


def test_what_nobody_looked_at_for_long_is_forgotten(standing: Standing) -> None:
    standing.note_mempool({"a": False}, 0, of=OF)
    standing.note_offer("a", is_held=True, now=60)
    standing.note_mempool({"a": False}, 90, of=OF)
    assert standing.reason(90) != ""
    standing.note_mempool({}, 691, of=OF)
    assert standing.reason(691) == ""


def test_an_offer_for_what_is_shown_by_now_changes_nothing(standing: Standing) -> None:
    standing.note_offer("a", is_held=True, now=0)
    assert standing.reason(1_000) == ""


def test_a_flood_of_made_up_payments_is_not_all_remembered(standing: Standing) -> None:
    standing.note_mempool({f"{n}": False for n in range(5_000)}, 0, of=OF)
    assert len(standing.overdue(60)) == 100


def test_three_broken_connections_within_ten_minutes_are_too_many(standing: Standing) -> None:
    for at in (0, 300, 599):
        assert standing.reason(at) == ""
        standing.note_break(at)
    assert standing.reason(600) == "Its connection broke off 3 times within ten minutes."
    assert standing.reason(601) == ""


def test_who_refuses_more_than_every_fourth_question_is_demoted(standing: Standing) -> None:
    for _ in range(3):
        standing.note_answer(0.1)
    standing.note_refusal()
    assert standing.reason(0) == ""
    standing.note_refusal()
    assert standing.reason(0) == "It refused 2 of the last 5 questions."
    for _ in range(20):
        standing.note_answer(0.1)
    assert standing.reason(0) == ""


def test_who_answers_slowly_is_demoted_until_it_is_quick(standing: Standing) -> None:
    for _ in range(5):
        standing.note_answer(6)
    assert standing.reason(0) == "It takes 6 seconds to answer."
    assert standing.answered_ms == 6_000
    for _ in range(6):
        standing.note_answer(0.2)
    assert standing.reason(0) == ""
    assert standing.answered_ms == 200


def test_bad_headers_come_before_every_other_reason(standing: Standing) -> None:
    standing.note_tip(5, 0)
    standing.distrusted = "Its headers are refused: no work."
    assert standing.reason(0) == "Its headers are refused: no work."
