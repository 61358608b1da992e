"""What the server says can be said in another language: tests/said.py reads the sources."""

from __future__ import annotations

from pathlib import Path

from tests import said


def test_every_refusal_is_a_literal_and_its_values() -> None:
    assert [fault for path in said.paths() for fault in said.unfilled(path)] == []


def test_refusals_and_hints_are_found_where_they_stand() -> None:
    pricing = set(said.of(said.ROOT / "unlock/pricing.py"))
    assert "The price has changed: it costs {least} now." in pricing
    assert any(text.startswith("{count} copies are reserved") for text in pricing)
    errors = set(said.of(said.ROOT / "payments/errors.py"))
    assert "Write a price such as 2.50." in errors
    api = set(said.of(said.ROOT / "kim/api.py"))
    assert {"The database is busy.", "Check the address.", "Too many requests."} <= api
    notices = set(said.of(said.ROOT / "unlock/notices.py"))
    assert {"{name} was sold for {due}.", "A file was sold", "“{title}”"} <= notices


def test_a_glued_text_and_an_empty_place_are_faults(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        """
say(f"{a} b")
raise ServiceError("No {thing}.", other=1)
raise ServiceError("No {thing}.", thing=1)
raise BadPrice("a" + b)
raise BadPrice("Known.", hint=elsewhere)
mark("{later}")
"""
    )
    assert list(said.unfilled(bad)) == [
        "bad.py:2: a literal and values, not f'{a} b'",
        "bad.py:3: nothing fills {thing}",
        "bad.py:5: a literal and values, not 'a' + b",
        "bad.py:6: a literal and values, not elsewhere",
    ]
