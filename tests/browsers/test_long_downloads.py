"""Firefox ends an idle service worker after thirty seconds, and keeps a cut download as if it were
whole. Ours is kept alive to the last byte; one that is cut all the same is called incomplete.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kim.stack import Stack
from tests.bench import pace
from tests.browsers import story
from tests.browsers.firefox import Firefox
from tests.browsers.test_sinks import run
from tests.e2e.people import Devchain
from tests.stacks import make_stack, running

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.long]

SIZE_BYTES = 32 * 2**20
DOWN_BYTES_PER_SECOND = 400_000  # 84 s
UP_BYTES_PER_SECOND = 100_000_000
#: A worker is ended when nothing has happened for so long: before the page's first ping.
ENDED_EARLY: dict[str, object] = {
    "dom.serviceWorkers.idle_timeout": 2_000,
    "dom.serviceWorkers.idle_extended_timeout": 2_000,
}


def paced(listener: socket.socket, target: int) -> None:
    up, down = pace.Bucket(UP_BYTES_PER_SECOND), pace.Bucket(DOWN_BYTES_PER_SECOND)
    while True:
        near, _ = listener.accept()
        threading.Thread(target=pace._join, args=(near, target, up, down), daemon=True).start()


@pytest.fixture
def slow_stack(tmp_path: Path) -> Iterator[Stack]:
    listener = socket.create_server(("127.0.0.1", 0))
    public = f"http://127.0.0.1:{listener.getsockname()[1]}"
    made = make_stack(tmp_path / "stack", environ={"KIM_S3_PUBLIC_ENDPOINT": public})
    target = made.layout.s3_port
    threading.Thread(target=paced, args=(listener, target), daemon=True).start()
    with running(made) as started:
        yield started


def test_a_download_of_over_a_minute_ends_with_its_last_byte(
    slow_stack: Stack, tmp_path: Path
) -> None:
    original = tmp_path / "aurora.bin"
    original.write_bytes(os.urandom(SIZE_BYTES))
    chain = Devchain(slow_stack.layout.devchain_port)
    with Firefox() as noor:
        story.sign_up(noor, slow_stack.layout.public_url, "maya-slow")
        link = story.sell(noor, original)
        chain.pay(story.buy(noor, link))
        chain.mine()
        story.wait_state(noor, "PAID")
        began = time.monotonic()
        saved = story.save(noor, original.name, seconds=240)
        seconds = time.monotonic() - began
        story.wait_whole(saved, original)
        print(f"{noor.version()}: {SIZE_BYTES} bytes in {seconds:.0f} s, whole")
        assert seconds > 60


def test_a_worker_that_is_ended_in_the_middle_makes_an_incomplete_download(stack: Stack) -> None:
    with Firefox(preferences=ENDED_EARLY) as noor:
        noor.open(f"{stack.layout.public_url}/open/")
        said = run(
            noor,
            """
            await served.canServe(register);
            const sink = await served.serviceSink('cut.bin', 2 ** 30, register);
            let error = null;
            for (let at = 0; at < 150 && !error; at += 1) {
              await sink.write(piece(at * 65536, 65536)).catch((reason) => (error = reason));
              await new Promise((resolve) => setTimeout(resolve, 200));
            }
            await sink.discard();
            return [error?.code, error?.message, error?.hint];
            """,
        )
        print(f"cut: {said}")

    assert said[0] == "incomplete"
    assert said[2].startswith("What lies in your downloads is incomplete: delete it.")
