"""``make audit``: what only a network can tell of the locked packages. Not part of CI, which may have none.

Three questions: does the index call a pinned version yanked, does anybody know a hole in a Python package
(pip-audit), or in a Node package (npm audit). A question that nobody answers is said, and never counted as a yes.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = str(ROOT / ".venv/bin/uv")
PIP_AUDIT = "pip-audit==2.10.1"
LOCKS = ("requirements.txt", "requirements/dev.txt")
_LIMIT_SECONDS = 300
_NOBODY = "could not be audited"  # pip-audit's word for a package that its service does not know


def main() -> int:
    answers = [_yanked(lock) for lock in LOCKS]
    answers += [_holes_python(lock) for lock in LOCKS]
    answers.append(_holes_node())
    for question, is_answered, is_good, told in answers:
        verdict = "not answered" if not is_answered else "good" if is_good else "BAD"
        print(
            f"{question}: {verdict}", *([told] if verdict != "good" else ()), sep="\n", flush=True
        )
    is_bad = any(is_answered and not is_good for _, is_answered, is_good, _ in answers)
    return 1 if is_bad else 0 if all(each[1] for each in answers) else 2


Answer = tuple[str, bool, bool, str]


def _yanked(lock: str) -> Answer:
    argv = (UV, "pip", "install", "--dry-run", "--reinstall", "--no-deps", "-r", lock)
    code, told = _run(*argv)
    lines = [line for line in told.splitlines() if "yanked" in line]
    return f"yanked versions, {lock}", code == 0, not lines, "\n".join(lines) or told[-500:]


def _holes_python(lock: str) -> Answer:
    argv = (
        UV,
        "tool",
        "run",
        PIP_AUDIT,
        "--no-deps",
        "--disable-pip",
        "--require-hashes",
        "-r",
        lock,
    )
    code, told = _run(*argv)
    is_answered = "No known vulnerabilities" in told or "Found " in told
    return f"known holes, {lock}", is_answered and _NOBODY not in told, code == 0, told[-2000:]


def _holes_node() -> Answer:
    code, told = _run("npm", "audit", "--audit-level=low")
    is_answered = "found 0 vulnerabilities" in told or "severity" in told.lower()
    return "known holes, package-lock.json", is_answered, code == 0, told[-2000:]


def _run(*argv: str) -> tuple[int, str]:
    try:
        done = subprocess.run(
            argv, cwd=ROOT, check=False, capture_output=True, text=True, timeout=_LIMIT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, type(error).__name__
    return done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    raise SystemExit(main())
