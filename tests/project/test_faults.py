"""The planted faults fit the present tree; whether they are found is asked by `make faults`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import PATCHES, ROOT, apply


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_every_fault_can_still_be_planted(patch: Path) -> None:
    apply(patch, ROOT, only_check=True)
