"""A real S3 server for tests: the seaweedfs wheel's ``weed``, on private ports, in its own directory.

``seaweed`` is one server for the whole session; ``store`` is the one bucket on it, and the fixtures
that need a database find it in ``settings.KIM_STORES`` by ``configured_store``. Keys are random, so
tests share the bucket without meeting each other. ``send`` is the browser.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kim.env import StoreConfig
from unlock.errors import StoreError
from unlock.storage import S3Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings

    from unlock.storage import SignedRequest

ORIGIN = "http://127.0.0.1:8000"
READY_SECONDS = 90
PORTS = ("master", "master_grpc", "volume", "volume_grpc", "filer", "filer_grpc", "s3", "s3_grpc")


def free_ports(count: int) -> list[int]:
    """Ports that are free now, all different: they are held open together until all are known."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def weed_command(directory: Path, ports: dict[str, int], *, origin: str) -> list[str]:
    """The whole command line; every port is named, because two servers must differ in each."""
    weed = Path(sys.executable).with_name("weed")
    at = ports
    return [
        str(weed), "server", f"-dir={directory / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        f"-master.port={at['master']}", f"-master.port.grpc={at['master_grpc']}",
        "-master.volumeSizeLimitMB=1024", "-master.telemetry=false",
        f"-volume.port={at['volume']}", f"-volume.port.grpc={at['volume_grpc']}",
        "-volume.max=0", "-volume.minFreeSpace=1GiB", "-volume.preStopSeconds=0",
        "-filer", f"-filer.port={at['filer']}", f"-filer.port.grpc={at['filer_grpc']}",
        "-filer.exposeDirectoryData=false",
        "-s3", f"-s3.port={at['s3']}", f"-s3.port.grpc={at['s3_grpc']}",
        f"-s3.config={directory / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0",
        f"-s3.allowedOrigins={origin}", "-s3.autoCreateBucket=false", "-s3.iam=false",
    ]  # fmt: skip


@dataclass
class Seaweed:
    """One server process. ``stop`` waits until it is gone, as restarting on its directory needs."""

    directory: Path
    ports: dict[str, int] = field(
        default_factory=lambda: dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    )
    process: subprocess.Popen[bytes] | None = None
    origin: str = ORIGIN

    @property
    def config(self) -> StoreConfig:
        endpoint = f"http://127.0.0.1:{self.ports['s3']}"
        return StoreConfig(
            name="test",
            endpoint=endpoint,
            public_endpoint=endpoint,
            bucket="kim-test",
            region="us-east-1",
            access_key="test-access",
            secret_key="test-secret",
        )

    def start(self) -> None:
        (self.directory / "data").mkdir(parents=True, exist_ok=True)
        credentials = {"accessKey": self.config.access_key, "secretKey": self.config.secret_key}
        identity = {"name": "test", "credentials": [credentials], "actions": ["Admin"]}
        (self.directory / "s3.json").write_text(json.dumps({"identities": [identity]}))
        with (self.directory / "weed.log").open("ab") as log:
            self.process = subprocess.Popen(
                weed_command(self.directory, self.ports, origin=self.origin),
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env={**os.environ, "WEED_MASTER_VOLUME_GROWTH_COPY_1": "2"},
            )
        self._wait_until_ready()

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self._reap()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self._reap()

    def _reap(self) -> None:
        if self.process is not None:
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout=30)
            self.process = None

    def _wait_until_ready(self) -> None:
        """Ready means: the bucket takes an object, which needs all of its parts up."""
        deadline = time.monotonic() + READY_SECONDS
        store = S3Store(self.config)
        while True:
            try:
                store.ensure_bucket([self.origin])
                store.abort("ready", store.begin_multipart("ready"))
            except StoreError as error:
                self._pause(deadline, error)
            else:
                return

    def _pause(self, deadline: float, error: StoreError) -> None:
        """Wait a moment, unless the process is gone or the time is over."""
        log = self.directory / "weed.log"
        if self.process is None or time.monotonic() > deadline:
            raise RuntimeError(f"The store did not come up; see {log}") from error
        try:
            self.process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            return
        raise RuntimeError(f"The store ended at once: {log.read_text()[-2000:]}") from error


@dataclass(frozen=True)
class Answer:
    """What a browser would see of an answer."""

    status: int
    body: bytes
    headers: dict[str, str]


def send(
    signed: SignedRequest,
    method: str,
    *,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Send a signed request as a browser of ORIGIN does; ``headers`` override the signed ones."""
    carried = {"Origin": ORIGIN, **(signed.headers if headers is None else headers)}
    request = urllib.request.Request(signed.url, data=body, method=method, headers=carried)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return Answer(answer.status, answer.read(), dict(answer.headers))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read(), dict(error.headers))


@pytest.fixture(scope="session")
def seaweed() -> Iterator[Seaweed]:
    directory = Path(tempfile.mkdtemp(prefix="kim-weed-"))
    server = Seaweed(directory)
    try:
        server.start()
        yield server
    finally:
        server.kill()  # a polite stop takes half a minute, and nothing of it is kept
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def store_config(seaweed: Seaweed) -> StoreConfig:
    return seaweed.config


@pytest.fixture
def store(store_config: StoreConfig) -> S3Store:
    return S3Store(store_config)


@pytest.fixture
def configured_store(store: S3Store, settings: Settings) -> S3Store:
    """The store, as the one that the settings name."""
    settings.KIM_STORES = (store.config,)
    return store
