"""Faults to be planted, one patch each, and how a patch is applied to a tree."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATCHES = sorted(Path(__file__).parent.glob("*.patch"))


def apply(patch: Path, tree: Path, *, only_check: bool = False) -> None:
    """Raises CalledProcessError when the patch does not fit the tree."""
    command = ["patch", "-p1", "--force", "--silent", *(["--dry-run"] if only_check else [])]
    subprocess.run([*command, "-i", str(patch)], cwd=tree, check=True, capture_output=True)
