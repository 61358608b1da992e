"""``make bare``: what requirements.txt alone installs runs the whole product.

The tests' environment holds more than the product's, so a package that only the product lacks is missed
there. A new environment, the command of ``make run`` in it, and /readyz must say that web process, worker,
beat, push daemon, Redis, store and chain work together.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

from kim.embedded import ROOT
from tests.e2e.conftest import free_base

PATIENCE_SECONDS = 180
STOP_SECONDS = 60


def main() -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kim-bare-") as scratch:
        python = _environment(Path(scratch) / "venv")
        port = free_base()
        stack = subprocess.Popen(
            (*(str(python), "-m", "kim.stack", "--data"), f"{scratch}/var", "--port", str(port)),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        try:
            said = _wait_ready(port, stack)
        finally:
            stack.terminate()
            stack.wait(timeout=STOP_SECONDS)
        if not said.get("ok"):
            logs = sorted((Path(scratch) / "var/log").glob("*.log"))
            for log in logs:
                print(f"--- {log.name}\n{log.read_text()[-1500:]}", file=sys.stderr)
            print(f"not ready with requirements.txt alone: {said}", file=sys.stderr)
            return 1
    print(f"requirements.txt alone runs the product: {time.monotonic() - began:.0f} s", flush=True)
    return 0


def _environment(directory: Path) -> Path:
    """A new one with the pinned packages; its Python."""
    venv.create(directory, with_pip=True)
    python = directory / "bin/python"
    pip = (str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check")
    command = (*pip, "--require-hashes", "-r", "requirements.txt")
    subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    return python


def _wait_ready(port: int, stack: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What /readyz says once it is content, or in the end."""
    said: dict[str, Any] = {}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not said.get("ok") and time.monotonic() < deadline and stack.poll() is None:
        time.sleep(0.5)
        said = _readyz(port) or said
    return said


def _readyz(port: int) -> dict[str, Any] | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return answer


if __name__ == "__main__":
    raise SystemExit(main())
