"""The town: a whole instance as it grows. PostgreSQL, two web processes behind one front, two workers, two
beats, daemon and standby, and a line of its own before each server, which may be cut.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from kim import embedded
from kim.embedded import Layout, Part
from kim.stack import CannotStart, Stack
from tests import postgres
from tests.bench.processes import family
from tests.chaos.lines import Line
from tests.chaos.plan import Fault, Kind
from tests.stacks import make_stack

AGAIN_SECONDS = 30


class Town:
    """``start`` and ``stop`` as a stack's; ``strike`` and ``lift`` are one fault's begin and end."""

    def __init__(self, directory: Path, *, environ: dict[str, str] | None = None) -> None:
        self.stack: Stack = make_stack(directory / "stack", environ=environ)
        self.layout: Layout = self.stack.layout
        base = self.layout.base_port
        self.webs = (base + 30, base + 31)
        self.postgres_port = base + 12
        self._cluster = directory / "postgres"
        self.lines: dict[str, Line] = {}
        self._arrange()

    @property
    def database_url(self) -> str:
        """Past the line that may be cut."""
        return f"postgres://{postgres.USER}@127.0.0.1:{self.postgres_port}/postgres"

    def start(self) -> None:
        self._make_cluster()
        base, layout = self.layout.base_port, self.layout
        self.lines = {
            "web": Line(layout.web_port, *self.webs),
            "redis": Line(base + 11, layout.redis_port),
            "postgres": Line(base + 13, self.postgres_port),
            "s3": Line(base + 14, layout.s3_port),
            "electrum": Line(base + 15, layout.electrum_port),
        }
        self.stack.start()

    def stop(self) -> None:
        for name in list(self.stack.children):
            self._signal(name, signal.SIGCONT)
        self.stack.stop()

    # --- faults ---------------------------------------------------------------------------------

    def strike(self, fault: Fault) -> None:
        name = fault.target
        match fault.kind:
            case Kind.KILL | Kind.EMPTY:
                self._end(name, signal.SIGKILL)
                if fault.kind is Kind.EMPTY:
                    shutil.rmtree(self.layout.data / "redis", ignore_errors=True)
                    (self.layout.data / "redis").mkdir()
            case Kind.RESTART:
                # PostgreSQL's TERM waits for every client; INT is the stop that an operator means.
                self._end(name, signal.SIGINT if name == "postgres" else signal.SIGTERM)
            case Kind.PAUSE:
                self._signal(name, signal.SIGSTOP)
            case Kind.CUT:
                self.lines[name.removesuffix(" line")].cut()
            case Kind.SILENCE:
                self.lines[name.removesuffix(" line")].silence()

    def lift(self, fault: Fault) -> None:
        match fault.kind:
            case Kind.PAUSE:
                self._signal(fault.target, signal.SIGCONT)
            case Kind.CUT | Kind.SILENCE:
                self.lines[fault.target.removesuffix(" line")].mend()
            case _:
                self._begin(fault.target)

    def raise_the_dead(self) -> list[str]:
        """Whoever ended by itself is started again, as the supervisor of an instance would; who."""
        dead = [name for name, child in self.stack.children.items() if child.poll() is not None]
        for name in dead:
            self.stack.spawn(name)
        return dead

    def settle(self) -> None:
        """Everybody is up and answers."""
        deadline = time.monotonic() + AGAIN_SECONDS
        for part in (*self.stack.outer, *self.stack.inner):
            while not part.is_ready():
                self.raise_the_dead()
                if time.monotonic() > deadline:
                    raise CannotStart(f"{part.name} is not up:\n{self.stack.tail(part.name)}")
                time.sleep(0.1)

    def run_now(self, task: str) -> None:
        """A task of the schedule, before its time."""
        subprocess.run(
            (sys.executable, "-m", "celery", "-A", "kim.celery", "call", task),
            cwd=embedded.ROOT,
            env=self.stack.environ("worker-1"),
            stdout=subprocess.DEVNULL,
            timeout=AGAIN_SECONDS,
            check=True,
        )

    def _begin(self, name: str) -> None:
        self.stack.spawn(name)

    def _end(self, name: str, how: signal.Signals) -> None:
        """All of its processes at once, as a machine loses power, or by one polite word to the first."""
        child = self.stack.children.pop(name)
        if how == signal.SIGKILL:
            for pid in family(child.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        else:
            child.send_signal(how)
        try:
            child.wait(timeout=self._part(name).stop_seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _signal(self, name: str, what: signal.Signals) -> None:
        child = self.stack.children.get(name)
        for pid in family(child.pid) if child is not None else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, what)

    def _part(self, name: str) -> Part:
        return next(part for part in (*self.stack.outer, *self.stack.inner) if part.name == name)

    # --- what the town is made of ---------------------------------------------------------------

    def _arrange(self) -> None:
        stack, layout = self.stack, self.layout
        base = layout.base_port
        stack.given |= {
            "KIM_DATABASE_URL": f"postgres://{postgres.USER}@127.0.0.1:{base + 13}/postgres",
            "KIM_REDIS_URL": f"redis://127.0.0.1:{base + 11}/0",
            "KIM_S3_ENDPOINT": f"http://127.0.0.1:{base + 14}",
            "KIM_ELECTRUM_SERVERS": f"127.0.0.1:{base + 15}:t:operator=devchain",
            "KIM_INSTANT_OPERATORS": "1",
            "KIM_ELECTRUM_TIMEOUT_SECONDS": "3",
        }
        parts = {part.name: part for part in stack.inner}
        beat = parts["beat"].argv[: parts["beat"].argv.index("-s")]
        stack.inner = [
            *(self._web(parts["web"], number) for number in (1, 2)),
            *(_named(parts["worker"], number) for number in (1, 2)),
            *(parts[name] for name in ("releaser", "verifier", "outbox")),
            *(
                replace(
                    parts["beat"],
                    name=f"beat-{number}",
                    argv=(*beat, "-s", str(layout.data / f"beat-{number}"), "--pidfile="),
                )
                for number in (1, 2)
            ),
            parts["daemon"],
            replace(parts["daemon"], name="standby"),
        ]
        stack.outer = [self._postgres(), *stack.outer]

    def _web(self, part: Part, number: int) -> Part:
        port = self.webs[number - 1]
        argv = tuple(str(port) if word == str(self.layout.web_port) else word for word in part.argv)
        return replace(
            part,
            name=f"web-{number}",
            argv=argv,
            ports=(port,),
            is_ready=lambda: embedded.answers(port, "/healthz"),
        )

    def _postgres(self) -> Part:
        binaries = max(Path("/usr/lib/postgresql").glob("*/bin"))
        as_user = (
            "setpriv",
            f"--reuid={postgres.USER}",
            f"--regid={postgres.USER}",
            "--clear-groups",
        )
        argv = (
            *(as_user if os.getuid() == 0 else ()),
            *(str(binaries / "postgres"), "-D", str(self._cluster / "data")),
            *("-p", str(self.postgres_port), "-c", "listen_addresses=127.0.0.1"),
            *("-c", f"unix_socket_directories={self._cluster}", "-c", "max_connections=200"),
            *("-c", "shared_buffers=64MB", "-c", "fsync=off"),  # a machine's death is not played
        )
        port = self.postgres_port
        return Part("postgres", argv, lambda: postgres.answers(port), (port,), stop_seconds=5)

    def _make_cluster(self) -> None:
        if (self._cluster / "data").exists():
            return
        self._cluster.mkdir(parents=True)
        for each in (self._cluster, self._cluster.parent):
            each.chmod(0o755)
        if os.getuid() == 0:
            shutil.chown(self._cluster, postgres.USER, postgres.USER)
        postgres.make(self._cluster / "data")


def _named(part: Part, number: int) -> Part:
    argv = tuple(f"quick-{number}@%h" if word == "quick@%h" else word for word in part.argv)
    return replace(part, name=f"{part.name}-{number}", argv=argv)
