"""The stack of `make run`: what is in its way is one line, and however it is stopped, all of it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kim import embedded
from kim.embedded import Layout, Part
from kim.stack import CannotStart, Stack, _Stops, free_bytes, main

ROOT = Path(__file__).resolve().parents[2]
BARE = {name: value for name, value in os.environ.items() if not name.startswith("KIM_")}
READY_SECONDS = 240
STOP_SECONDS = 60


def free_base() -> int:
    """A base whose whole span of ports is free now."""
    from tests.e2e.conftest import free_base as found

    return found()


def make(data: Path, **options: object) -> Stack:
    return Stack(Layout(data, free_base()), environ=BARE, **options)  # type: ignore[arg-type]


def refusal(made: Stack) -> str:
    """Why it does not start; nothing of it runs then, and nothing holds its lock."""
    with pytest.raises(CannotStart) as caught:
        made.start()
    assert made.children == {}
    made.stop()
    return str(caught.value)


# --- what is in the way -------------------------------------------------------------------------


def test_a_busy_port_is_named_with_what_needs_it_and_what_to_do(tmp_path: Path) -> None:
    made = make(tmp_path)
    with socket.create_server(("127.0.0.1", made.layout.redis_port)):
        said = refusal(made)

    assert said.startswith(f"port {made.layout.redis_port} is busy, and redis needs it.")
    assert "KIM_PORT=" in said


def test_a_full_disk_is_told_before_anything_is_written(tmp_path: Path) -> None:
    said = refusal(make(tmp_path, free_bytes=lambda directory: 5 * 2**20))

    assert said.startswith(f"only 5 MiB are free on the disk of {tmp_path};")
    assert "KIM_VAR" in said
    assert not (tmp_path / "kim.sqlite3").exists()
    assert free_bytes(tmp_path) > 0


def test_a_second_run_over_the_same_data_is_refused(tmp_path: Path) -> None:
    first, second = make(tmp_path), make(tmp_path, free_bytes=lambda directory: 0)
    first._take_lock()
    try:
        said = refusal(second)
    finally:
        first.stop()

    assert said == f"another `make run` uses {tmp_path}. Stop it first (Ctrl-C there)."
    assert "MiB are free" in refusal(second)  # the lock is free again


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    made = make(tmp_path)
    made.outer = [Part("redis", ("/nowhere/valkey-server",), lambda: True)]

    said = refusal(made)

    assert said.startswith("redis cannot be started: /nowhere/valkey-server: No such file")


def test_a_part_that_ends_at_once_shows_its_last_words(tmp_path: Path) -> None:
    made = make(tmp_path)
    words = "print('no such option'); raise SystemExit(3)"
    made.outer = [Part("redis", (sys.executable, "-c", words), lambda: False)]

    with pytest.raises(CannotStart, match="redis stopped at once:\nno such option"):
        made.start()
    made.stop()


def test_damaged_secrets_are_never_replaced_by_new_ones(tmp_path: Path) -> None:
    kept = tmp_path / "secrets.json"
    kept.write_text('{"KIM_SECRET_KEY": "hunt')

    with pytest.raises(CannotStart, match="is damaged") as caught:
        make(tmp_path)

    assert "hunt" not in str(caught.value)
    assert kept.read_text() == '{"KIM_SECRET_KEY": "hunt'


def test_secrets_are_made_once_and_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    first, second = make(tmp_path), make(tmp_path)

    assert first.secrets == second.secrets
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "log",
        "redis",
        "secrets.json",
        "store",
    ]


def test_the_private_keys_go_to_the_releaser_alone(tmp_path: Path) -> None:
    made = make(tmp_path)

    holders = {part.name for part in made.inner if "KIM_INSTANCE_KEYS" in made.environ(part.name)}

    assert holders == {"releaser"}
    assert not any("KIM_INSTANCE_KEYS" in made.environ(part.name) for part in made.outer)
    assert not any(
        value in " ".join(part.argv) for part in made.inner for value in made.secrets.values()
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "x"], "invalid int value"),
        (["--port", "80"], "must lie between 1024"),
        (["--port", "65530"], "must lie between 1024"),
        (["--automine", "often"], "invalid int value"),
    ],
)
def test_a_wrong_number_on_the_command_line_is_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)

    assert said in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("place", ["/proc/nowhere", "/dev/null/var"])
def test_a_place_that_cannot_be_written_is_one_line(place: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kim.stack", "--data", place],
        cwd=ROOT,
        env=BARE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("kim cannot start: ")


# --- however it is stopped ----------------------------------------------------------------------


@contextmanager
def make_run(data: Path, base: int) -> Iterator[subprocess.Popen[str]]:
    """`make run` as a background job of a shell runs it: with Ctrl-C ignored."""
    ignore = "import os,signal,sys; signal.signal(2, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    command = (sys.executable, "-m", "kim.stack", "--data", str(data), "--port", str(base))
    process = subprocess.Popen(
        [sys.executable, "-c", ignore, *command],
        cwd=ROOT,
        env=BARE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=STOP_SECONDS)


def wait_until_greeted(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "Ctrl-C stops everything" in line:
            return said
    pytest.fail(f"it did not start:\n{said}")


def running_in(data: Path) -> list[str]:
    """Command lines of the processes that name this directory, or have it in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            text = command + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(data).encode() in text and command:
            found.append(command.replace(b"\0", b" ").decode())
    return found


@pytest.mark.stack
@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.long),
        pytest.param(signal.SIGHUP, marks=pytest.mark.long),
    ],
)
def test_a_signal_stops_every_child_and_a_second_run_goes_on(
    number: signal.Signals, tmp_path: Path
) -> None:
    base = free_base()
    with make_run(tmp_path, base) as process:
        said = wait_until_greeted(process)
        assert f"http://127.0.0.1:{base}" in said
        assert len(running_in(tmp_path)) == 10  # and Redis, which writes over its own environment
        began = time.monotonic()
        process.send_signal(number)
        process.send_signal(signal.SIGINT)  # an impatient second one changes nothing
        rest, _ = process.communicate(timeout=STOP_SECONDS)
        took = time.monotonic() - began

    assert process.returncode == 0
    assert "Stopped. Everything is kept" in rest
    assert "Traceback" not in rest
    assert running_in(tmp_path) == []
    assert not any(embedded.listens(base + step) for step in range(embedded.PORT_SPAN))
    print(f"stopped in {took:.1f} s")


@pytest.mark.stack
def test_a_stop_in_the_middle_of_the_start_leaves_nothing_behind(tmp_path: Path) -> None:
    with make_run(tmp_path, free_base()) as process:
        deadline = time.monotonic() + READY_SECONDS
        while not any("weed" in line for line in running_in(tmp_path)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=STOP_SECONDS)

    assert process.returncode == 0
    assert "Stopped." in rest
    assert running_in(tmp_path) == []


def test_a_wish_to_stop_is_raised_once_and_never_between_a_child_and_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_Stops, "is_asked", False)
    reached = False

    def spawn() -> None:
        nonlocal reached
        with _Stops.held():
            _Stops.ask(signal.SIGTERM, None)
            reached = True

    with pytest.raises(KeyboardInterrupt):
        spawn()
    assert reached

    _Stops.ask(signal.SIGINT, None)  # the second one is nothing
    with _Stops.held():
        _Stops.ask(signal.SIGINT, None)
    monkeypatch.setattr(_Stops, "is_asked", False)
    with pytest.raises(KeyboardInterrupt):
        _Stops.ask(signal.SIGHUP, None)
