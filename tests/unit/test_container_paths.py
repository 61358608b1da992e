"""Merkle paths agree with the shared vectors, and prove their own segment alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vectors import paths
from unlock import container
from unlock.errors import Damaged

CASES = json.loads(paths.PATH.read_text())["cases"]


def parts(case: dict[str, Any]) -> tuple[container.CoreHeader, list[bytes], list[list[bytes]]]:
    core = container.CoreHeader.parse(bytes.fromhex(case["core"]))
    raw = bytes.fromhex(case["rows"])
    rows = [raw[at : at + 64] for at in range(0, len(raw), 64)]
    found = []
    for text in case["paths"]:
        path = bytes.fromhex(text)
        found.append([path[at : at + 32] for at in range(0, len(path), 32)])
    return core, rows, found


def test_the_vectors_are_what_their_generator_writes() -> None:
    assert paths.PATH.read_text() == paths.text()


@pytest.mark.parametrize("case", CASES)
def test_paths_are_those_of_the_vectors_and_lead_to_the_root(case: dict[str, Any]) -> None:
    core, rows, given = parts(case)
    index = container.build_index(core, b"".join(rows))

    assert index.root.hex() == case["root"]
    for number, row in enumerate(rows):
        assert list(container.path_of(core, index, number)) == given[number]
        assert container.root_from(core, number, row, given[number]).hex() == case["root"]


@pytest.mark.parametrize("case", CASES)
def test_another_row_number_or_path_leads_elsewhere_or_nowhere(case: dict[str, Any]) -> None:
    core, rows, given = parts(case)
    root = bytes.fromhex(case["root"])

    for number, row in enumerate(rows):
        flipped = bytes([row[0] ^ 1]) + row[1:]
        assert container.root_from(core, number, flipped, given[number]) != root
        with pytest.raises(Damaged):
            container.root_from(core, number, row, [*given[number], root])
        for other in range(core.segments):
            if other == number:
                continue
            try:
                assert container.root_from(core, other, row, given[number]) != root
            except Damaged:
                assert len(given[other]) != len(given[number])
        for at in range(len(given[number])):
            with pytest.raises(Damaged):
                container.root_from(core, number, row, given[number][:at])


def test_what_is_no_segment_and_no_row_is_refused() -> None:
    core, rows, given = parts(CASES[3])

    for number, row in ((core.segments, rows[0]), (-1, rows[0]), (0, rows[0][:63]), (0, b"")):
        with pytest.raises(Damaged):
            container.root_from(core, number, row, given[0])
    with pytest.raises(Damaged):
        container.root_from(core, 0, rows[0], [given[0][0][:31], *given[0][1:]])
