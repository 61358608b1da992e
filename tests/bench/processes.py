"""Processor time from /proc: of a process with everything it started, and of the whole machine."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _TIMES = 1, slice(11, 15)  # fields of /proc/PID/stat behind the command's name


def tree_seconds(root: int) -> float:
    """User and system time of ``root`` and its descendants, and of children they waited for."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it ended while we looked
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)] = int(fields[_PARENT])
            ticks[int(entry.name)] = sum(map(int, fields[_TIMES]))
    return sum(ticks[pid] for pid in ticks if _descends(pid, root, parents)) / _TICKS


def machine_seconds() -> float:
    """Busy processor seconds of everybody since the machine started."""
    user, nice, system, _idle, _wait, irq, soft, steal = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    )
    return (user + nice + system + irq + soft + steal) / _TICKS


def _descends(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid != root:
        pid = parents.get(pid, 0)
        if pid <= 1:
            return False
    return True


def family(root: int) -> list[int]:
    """``root`` and its descendants that run now, parents first."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[_PARENT])
    return sorted(pid for pid in parents if _descends(pid, root, parents))


def tree_bytes(root: int) -> int:
    """Memory of ``root`` and its descendants, pages that several share counted once (PSS)."""
    total = 0
    for pid in family(root):
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += next(
                int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")
            )
    return total * 1024
