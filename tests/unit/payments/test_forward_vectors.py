"""The vectors that the page's JavaScript is held to are what this code makes."""

from __future__ import annotations

from tests.vectors import forwards


def test_the_vectors_are_what_the_covenants_make() -> None:
    assert forwards.PATH.read_text() == forwards.text()
