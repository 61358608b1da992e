"""A private PostgreSQL cluster for the length of a command: ``python -m tests.postgres -- pytest …``.

Races need real row locks, which SQLite does not have. The cluster lives in the temp directory,
listens on a free loopback port, and is gone afterwards. PostgreSQL refuses to run as root, so root
hands it to the user ``postgres`` that Debian's package makes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

USER = "postgres"


@contextlib.contextmanager
def cluster(*, is_durable: bool = False) -> Iterator[str]:
    """Yields the database URL of a fresh cluster. ``is_durable``: every commit reaches the disk."""
    binaries = _binaries()
    directory = Path(tempfile.mkdtemp(prefix="kim-postgres-"))
    data = directory / "data"
    if os.getuid() == 0:
        shutil.chown(directory, USER, USER)
    port = _free_port()
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={directory}"
        " -c max_connections=120 -c shared_buffers=64MB"
    )
    if not is_durable:
        options += " -c fsync=off -c full_page_writes=off"
    try:
        make(data)
        _run(
            binaries / "pg_ctl",
            "-D",
            data,
            "-w",
            "-t",
            "60",
            "-l",
            directory / "log",
            "-o",
            options,
            "start",
        )
        yield f"postgres://{USER}@127.0.0.1:{port}/postgres"
    finally:
        if (data / "postmaster.pid").exists():
            _run(binaries / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(directory, ignore_errors=True)


def make(data: Path) -> None:
    """An empty cluster; its parent directory belongs to the user."""
    binary = _binaries() / "initdb"
    _run(binary, "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")


def answers(port: int) -> bool:
    """Whether a server there takes connections."""
    asked = (_binaries() / "pg_isready", "-q", "-t", "2", "-h", "127.0.0.1", "-p", str(port))
    return subprocess.run(asked, check=False, stdin=subprocess.DEVNULL).returncode == 0


def pid_of(url: str) -> int:
    """The postmaster of a cluster that runs here, for what is measured of it."""
    port = str(urlsplit(url).port)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if words[0].endswith("/postgres") and port in words:
                    return int(entry.name)
    raise LookupError(f"no PostgreSQL listens on {port}")


def _binaries() -> Path:
    return max(Path("/usr/lib/postgresql").glob("*/bin"))


def _run(*command: object) -> None:
    words = [str(word) for word in command]
    if os.getuid() == 0:
        words = ["runuser", "-u", USER, "--", *words]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd="/")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main(command: list[str]) -> int:
    with cluster() as url:
        environ = os.environ | {"KIM_DATABASE_URL": url}
        return subprocess.run(command, env=environ, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]))
