"""``python -m tests.bench.pace --target PORT --mbit N``: a TCP proxy as slow as a good home line.

One token bucket for each direction, shared by all connections, as on a real link. Prints its port.
The bytes are not looked at, so a signed ``Host`` stays what the browser sent.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import threading
import time

PIECE = 64 * 1024
BURST_SECONDS = 0.01


class Bucket:
    """Lets ``bytes_per_second`` through, whoever asks; a short pause is made up for."""

    def __init__(self, bytes_per_second: float) -> None:
        self._rate = bytes_per_second
        self._free_at = time.monotonic()
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Blocks until ``size`` more bytes may have passed."""
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now - BURST_SECONDS) + size / self._rate
            wait = self._free_at - now
        if wait > 0:
            time.sleep(wait)


def pump(source: socket.socket, sink: socket.socket, bucket: Bucket) -> None:
    """Everything from one side to the other, then the end of it."""
    piece = bytearray(PIECE)
    view = memoryview(piece)
    with contextlib.suppress(OSError):
        while size := source.recv_into(piece):
            bucket.take(size)
            sink.sendall(view[:size])
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def serve(listener: socket.socket, target: int, *, bytes_per_second: float) -> None:
    up, down = Bucket(bytes_per_second), Bucket(bytes_per_second)
    while True:
        near, _ = listener.accept()
        threading.Thread(target=_join, args=(near, target, up, down), daemon=True).start()


def _join(near: socket.socket, target: int, up: Bucket, down: Bucket) -> None:
    with near, socket.create_connection(("127.0.0.1", target)) as far:
        for line in (near, far):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=pump, args=(far, near, down), daemon=True)
        back.start()
        pump(near, far, up)
        back.join()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pace", description=__doc__)
    parser.add_argument("--target", type=int, required=True)
    parser.add_argument("--mbit", type=float, required=True)
    given = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    serve(listener, given.target, bytes_per_second=given.mbit * 125_000)


if __name__ == "__main__":
    main()
