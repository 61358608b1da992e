"""``python -m kim.stack``: everything an instance needs, started, watched and stopped as one.

This is what ``make run`` runs and what the browser stories and kill tests drive. It owns its
children: Ctrl-C stops all of them, a child that dies is started again, and a second run finds
everything as it was, because all state lies under one directory (``var/``).
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from kim import embedded
from kim.embedded import Layout, Part

LEAST_FREE_BYTES = 3 * 2**30
RESTART_SECONDS = 2


class CannotStart(RuntimeError):
    """One clear line: what is in the way, and what to do about it."""


def free_bytes(directory: Path) -> int:
    """Bytes free on the disk of ``directory``."""
    return shutil.disk_usage(directory).free


class _Stops:
    """The wish to stop, by whatever signal: raised once, and never between a child and its name."""

    is_asked = False
    is_held = False

    @classmethod
    def ask(cls, number: int, frame: object) -> None:
        del number, frame
        if cls.is_asked:
            return  # an impatient second one must not leave children behind half-way
        cls.is_asked = True
        if not cls.is_held:
            raise KeyboardInterrupt

    @classmethod
    @contextlib.contextmanager
    def held(cls) -> Iterator[None]:
        asked_before, cls.is_held = cls.is_asked, True
        try:
            yield
        finally:
            cls.is_held = False
        if cls.is_asked and not asked_before:
            raise KeyboardInterrupt


class Stack:
    """The processes of one instance. Not thread-safe but for ``watch``, which runs in its own."""

    def __init__(
        self,
        layout: Layout,
        *,
        environ: Mapping[str, str] | None = None,
        automine_seconds: int = 0,
        free_bytes: Callable[[Path], int] = free_bytes,
    ) -> None:
        self.layout = layout
        self.free_bytes = free_bytes
        self.given = dict(os.environ if environ is None else environ)
        self.layout.data.mkdir(parents=True, exist_ok=True)
        (self.layout.data / "log").mkdir(exist_ok=True)
        self.secrets = _secrets(self.layout.data / "secrets.json", self.given)
        self.outer = embedded.parts(layout, self.given, automine_seconds=automine_seconds)
        self.inner = embedded.app_parts(layout)
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.suggested_payout = ""
        self._lock: IO[str] | None = None
        self._stopping = threading.Event()

    # --- the whole ------------------------------------------------------------------------------

    def start(self) -> None:
        """Everything, in order, each part ready before the next; raises :class:`CannotStart`."""
        self._take_lock()
        self._check_room()
        for part in (*self.outer, *self.inner):
            _check_ports(part)
        embedded.write_store_config(
            self.layout.data / "s3.json",
            self.secrets["KIM_S3_ACCESS_KEY"],
            self.secrets["KIM_S3_SECRET_KEY"],
        )
        for part in self.outer:
            self.spawn(part.name)
        for part in self.outer:
            self.wait_ready(part.name)
        self._learn_wallet()
        self.manage("prepare_instance", "--login-file", str(self.layout.data / "login.json"))
        for part in self.inner:
            self.spawn(part.name)
        for part in self.inner:
            self.wait_ready(part.name)

    def stop(self) -> None:
        """Ends our own processes together, then the servers they lean on, waiting for each."""
        self._stopping.set()
        for group in (self.inner, self.outer):
            for part in group:
                with contextlib.suppress(KeyError, ProcessLookupError):
                    self.children[part.name].send_signal(signal.SIGTERM)
            for part in group:
                self._wait_end(part.name)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def watch(self) -> None:
        """Starts again what died, until ``stop``: a crash is an event, not the end of the shop."""
        while not self._stopping.wait(RESTART_SECONDS):
            for name, child in list(self.children.items()):
                if child.poll() is not None and not self._stopping.is_set():
                    print(f"{name} ended with {child.returncode}; starting it again", flush=True)  # noqa: T201
                    self._try_spawn(name)

    # --- one part -------------------------------------------------------------------------------

    def spawn(self, name: str) -> None:
        part = self._part(name)
        if name == "beat":
            (self.layout.data / "beat.pid").unlink(missing_ok=True)
        try:
            with _Stops.held(), self._log(name).open("ab") as log:
                self.children[name] = subprocess.Popen(  # noqa: S603  (our own commands)
                    part.argv,
                    cwd=embedded.ROOT,
                    env=self.environ(name) | dict(part.environ),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C reaches us alone; we stop them in order
                )
        except OSError as error:
            raise CannotStart(
                f"{name} cannot be started: {error.filename}: {error.strerror}."
                " `make clean run` installs everything again."
            ) from error

    def wait_ready(self, name: str) -> None:
        part = self._part(name)
        child = self.children[name]
        deadline = time.monotonic() + part.ready_seconds
        while not part.is_ready():
            if child.poll() is not None:
                raise CannotStart(f"{name} stopped at once:\n{self.tail(name)}")
            if time.monotonic() > deadline:
                raise CannotStart(
                    f"{name} is not ready after {part.ready_seconds} s; see {self._log(name)}"
                )
            time.sleep(0.05)

    def kill(self, name: str) -> None:
        """``kill -9``, and waits until the process is gone."""
        child = self.children.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()

    def _wait_end(self, name: str) -> None:
        """After SIGTERM was sent: once only, because some take a second one as an order to hurry."""
        child = self.children.pop(name, None)
        if child is None:
            return
        try:
            child.wait(timeout=self._part(name).stop_seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def manage(self, *arguments: str) -> str:
        """Runs ``manage.py …`` in the stack's environment; its output, or :class:`CannotStart`."""
        done = subprocess.run(  # noqa: S603
            (sys.executable, str(embedded.ROOT / "manage.py"), *arguments),
            cwd=embedded.ROOT,
            env=self.environ("releaser"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise CannotStart(f"manage.py {arguments[0]} failed:\n{said[-2000:]}")
        return done.stdout.decode()

    def environ(self, name: str) -> dict[str, str]:
        """A part's environment. The instance's private keys go to the releaser and nobody else."""
        layout = self.layout
        made = {
            "KIM_PUBLIC_URL": layout.public_url,
            "KIM_DATABASE_URL": f"sqlite:///{layout.data / 'kim.sqlite3'}",
            "KIM_REDIS_URL": f"redis://127.0.0.1:{layout.redis_port}/0",
            "KIM_S3_ENDPOINT": f"http://127.0.0.1:{layout.s3_port}",
            "KIM_NETWORK": "regtest",
            "KIM_ELECTRUM_SERVERS": f"127.0.0.1:{layout.electrum_port}:t:operator=devchain",
            "PYTHONUNBUFFERED": "1",
            **self.secrets,
        }
        if not self.given.get("KIM_ELECTRUM_SERVERS"):
            made["KIM_DEVCHAIN_URL"] = layout.devchain_url
            made["KIM_STAFF_TWO_FACTOR"] = "0"  # play money needs no app for codes
            made["KIM_INSTANT_OPERATORS"] = "1"  # of the one chain that there is
            made["KIM_SUGGESTED_PAYOUT"] = self.suggested_payout
        whole = made | self.given
        if name != "releaser":
            whole.pop("KIM_INSTANCE_KEYS", None)
        return whole

    def tail(self, name: str, *, lines: int = 15) -> str:
        text = self._log(name).read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def _try_spawn(self, name: str) -> None:
        try:
            self.spawn(name)
        except CannotStart as error:  # a full disk, say: the others go on, and this is tried again
            print(error, flush=True)  # noqa: T201

    # --- helpers --------------------------------------------------------------------------------

    def _part(self, name: str) -> Part:
        return next(part for part in (*self.outer, *self.inner) if part.name == name)

    def _log(self, name: str) -> Path:
        return self.layout.data / "log" / f"{name}.log"

    def _take_lock(self) -> None:
        self._lock = (self.layout.data / "lock").open("w", encoding="utf-8")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise CannotStart(
                f"another `make run` uses {self.layout.data}. Stop it first (Ctrl-C there)."
            ) from None

    def _check_room(self) -> None:
        free = self.free_bytes(self.layout.data)
        if free < LEAST_FREE_BYTES:
            raise CannotStart(
                f"only {free // 2**20} MiB are free on the disk of {self.layout.data};"
                f" the store needs {LEAST_FREE_BYTES // 2**30} GiB. Free some, or set KIM_VAR."
            )

    def _learn_wallet(self) -> None:
        if not any(part.name == "devchain" for part in self.outer):
            return
        state = embedded.fetch(self.layout.devchain_port, "/api/state")
        self.suggested_payout = str(json.loads(state or b"{}").get("address", ""))


@contextlib.contextmanager
def running(stack: Stack) -> Iterator[Stack]:
    """The stack for the length of a block; stopped whatever happens."""
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


def main(arguments: list[str]) -> int:
    given = _read_arguments(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _Stops.ask)  # by name: a shell's background jobs ignore Ctrl-C
    try:
        stack = Stack(Layout(given.data.resolve(), given.port), automine_seconds=given.automine)
        if given.manage:
            command = (sys.executable, str(embedded.ROOT / "manage.py"), *given.manage)
            return subprocess.run(command, env=stack.environ("releaser"), check=False).returncode  # noqa: S603
        with running(stack):
            _greet(stack)
            stack.watch()
    except (CannotStart, OSError) as error:
        print(f"kim cannot start: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Everything is kept; `make run` goes on from here.")  # noqa: T201
    return 0


def _read_arguments(arguments: list[str]) -> argparse.Namespace:
    """The command line; what it leaves out comes from the environment. Wrong numbers end it here."""
    parser = argparse.ArgumentParser(prog="python -m kim.stack", description=__doc__)
    environ = os.environ
    parser.add_argument("--data", type=Path, default=Path(environ.get("KIM_VAR") or "var"))
    parser.add_argument("--port", type=int, default=environ.get("KIM_PORT") or "8000")
    parser.add_argument("--manage", nargs=argparse.REMAINDER, help="run manage.py in this instance")
    parser.add_argument("--automine", type=int, default=environ.get("KIM_AUTOMINE") or "15")
    given = parser.parse_args(arguments)
    last = 65535 - embedded.PORT_SPAN
    if not 1024 <= given.port <= last:
        parser.error(f"the port (--port, KIM_PORT) must lie between 1024 and {last}")
    return given


def _greet(stack: Stack) -> None:
    lines = [f"  kim              {stack.layout.public_url}"]
    path = stack.layout.data / "login.json"
    if path.exists():
        login = json.loads(path.read_text(encoding="utf-8"))
        lines.append(f"  creator login    {login['username']} / {login['password']}")
    if any(part.name == "devchain" for part in stack.outer):
        lines.append(
            f"  devchain wallet  {stack.layout.devchain_url}   (pays invoices with play money)"
        )
    lines += [
        f"  admin            {stack.layout.public_url}/admin/   (`make admin` makes a staff login)",
        f"  logs             {stack.layout.data / 'log'}",
        "  Ctrl-C stops everything.",
    ]
    print("\n" + "\n".join(lines) + "\n", flush=True)  # noqa: T201


def _check_ports(part: Part) -> None:
    for port in part.ports:
        if embedded.listens(port):
            raise CannotStart(
                f"port {port} is busy, and {part.name} needs it."
                " Stop what uses it, or choose others: KIM_PORT=9000 make run."
            )


def _secrets(path: Path, given: Mapping[str, str]) -> dict[str, str]:
    """The instance's own secrets, made once and kept readable by this user alone."""
    if not path.exists():
        _keep(path, new_secrets(given))
    try:
        kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # not chained: it carries the text
        raise CannotStart(
            f"{path} is damaged. Put it back from a backup: without it, sealed keys stay shut."
        ) from None
    return kept


def new_secrets(given: Mapping[str, str]) -> dict[str, str]:
    """Every secret of a new instance, by the name of its setting; the store's as it was given."""
    from kim.checks import public_key  # here: it needs Django, which `--help` does not

    private = secrets.token_bytes(31).rjust(32, b"\x00")  # below the order of P-256 for certain
    return {
        "KIM_SECRET_KEY": secrets.token_urlsafe(48),
        "KIM_SIGNING_KEY": _b64(secrets.token_bytes(32)),
        "KIM_FIELD_KEY": _b64(secrets.token_bytes(32)),
        "KIM_INSTANCE_KEYS": _b64(private),
        "KIM_INSTANCE_PUBLIC_KEY": _b64(public_key(private)),
        "KIM_S3_ACCESS_KEY": given.get("KIM_S3_ACCESS_KEY") or "kim-" + secrets.token_hex(8),
        "KIM_S3_SECRET_KEY": given.get("KIM_S3_SECRET_KEY") or secrets.token_urlsafe(32),
    }


def _keep(path: Path, made: Mapping[str, str]) -> None:
    """Whole or not at all, and never over one that another run made in the meantime."""
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # readable by this user alone
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(made, file)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
