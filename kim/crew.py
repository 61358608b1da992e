"""``python -m kim.crew DIRECTORY``: the five processes that need no private key, out of one that read the code.

Each of them would keep some 95 MB, nearly all of it the same modules; forked after they are read, they
share what they do not change. Otherwise all is as if each were started alone: who ends is started
again, and SIGTERM stops everybody. The web process and the releaser stay apart: one answers strangers,
the other holds the keys. Beat keeps its clock in the directory.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

WORKER: Final = "celery -A kim.celery worker"
# As in deploy/Procfile, where each is started alone.
ROLES: Final[Mapping[str, str]] = {
    "worker": f"{WORKER} -n worker@%h -Q quick --pool threads --concurrency 4 -l WARNING",
    "verifier": f"{WORKER} -n verifier@%h -Q slow --pool threads --concurrency 2 -l WARNING",
    "outbox": f"{WORKER} -n outbox@%h -Q outbox --pool threads --concurrency 3 -l WARNING",
    "beat": "celery -A kim.celery beat -l WARNING",
    "daemon": "manage.py watch_payments",
}
RESTART_SECONDS: Final = 2
# What every role reads in sooner or later; read after the fork it would be kept by each alone.
SHARED: Final = (
    "celery.apps.beat", "celery.apps.worker", "celery.bin.celery", "celery.concurrency.thread",
    "celery.worker.consumer", "kim.broker", "kim.beats", "kim.urls",
    "payments.daemon", "unlock.storage",
)  # fmt: skip
STOPS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Crew:
    """The parent of all roles. It has one thread, and no connection that a child could inherit."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._roles: dict[int, str] = {}
        self._is_stopping = False

    def run(self) -> None:
        """Until it is told to stop, and everybody has."""
        for number in STOPS:
            signal.signal(number, self._stop)
        for role in ROLES:
            self._start(role)
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.wait()
                self._replace(pid, os.waitstatus_to_exitcode(status))

    def _replace(self, pid: int, code: int) -> None:
        role = self._roles.pop(pid)
        if self._is_stopping:
            return
        print(f"{role} ended with {code}; starting it again", file=sys.stderr, flush=True)  # noqa: T201
        time.sleep(RESTART_SECONDS)
        if not self._is_stopping:
            self._start(role)

    def _start(self, role: str) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # a stop in between would miss the child
        pid = os.fork()
        if pid == 0:
            _become(role, self._directory)
        self._roles[pid] = role
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)

    def _stop(self, number: int, frame: object) -> None:
        del number, frame
        self._is_stopping = True
        for pid in self._roles:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def read_in() -> None:
    """Everything the roles share, and nothing that opens a connection or starts a thread."""
    import django

    from kim.celery import app  # names the settings, too

    django.setup()
    for name in SHARED:
        importlib.import_module(name)
    app.loader.import_default_modules()
    app.finalize()
    gc.collect()
    gc.freeze()  # the collector would write to every page that is shared


def _become(role: str, directory: str) -> NoReturn:
    """The whole life of a child."""
    code = 1
    try:
        for number in STOPS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        with contextlib.suppress(OSError):  # for `ps` and `journalctl _COMM=kim-worker`
            Path("/proc/self/comm").write_text(f"kim-{role}", encoding="ascii")
        clock = ("-s", f"{directory}/beat-schedule", "--pidfile=") if role == "beat" else ()
        sys.argv = [*ROLES[role].split(), *clock]
        code = _main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - a child must never go on as its parent
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _main() -> int:
    if sys.argv[0] == "celery":
        from celery.__main__ import main

        main()
    else:
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
    return 0


if __name__ == "__main__":
    read_in()
    Crew(sys.argv[1]).run()
