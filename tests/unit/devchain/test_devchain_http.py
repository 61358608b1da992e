"""The control port over real HTTP, against the real process: pay, mine, restart, die, come back."""

import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devchain import address, keys

ROOT = Path(__file__).parents[3]
NOOR = address.encode(keys.p2pkh(b"\x22" * 32)) or ""


class Devchain:
    """`python -m devchain` on free ports, with its data in a folder."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "devchain", "--data", str(self.folder), *self.options]
        ports = ["--electrum-port", "0", "--http-port", "0"]
        self.process = subprocess.Popen(
            [*command, *ports], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.ready = self.process.stdout.readline()
        self.port = int(self.ready.partition("http://127.0.0.1:")[2].partition("/")[0])

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        status = self.process.wait(10)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            assert stream.read() == ""
            stream.close()
        return status

    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, names)
        response = connection.getresponse()
        answer = (response.status, dict(response.getheaders()), response.read())
        connection.close()
        return answer

    def post(self, path: str, **fields: Any) -> dict[str, Any]:
        body = json.dumps(fields).encode()
        status, _, answer = self.request("POST", path, body, Content_Type="application/json")
        assert status == 200, answer
        return dict(json.loads(answer))

    def refusal(self, path: str, **fields: Any) -> tuple[int, str]:
        body = json.dumps(fields).encode()
        status, _, answer = self.request("POST", path, body, Content_Type="application/json")
        error = json.loads(answer)["error"]
        assert set(error) == {"code", "message", "hint"}
        assert error["message"]
        return status, error["code"]

    def state(self) -> dict[str, Any]:
        return dict(json.loads(self.request("GET", "/api/state")[2]))


@pytest.fixture
def devchain(tmp_path: Path) -> Iterator[Devchain]:
    devchain = Devchain(tmp_path / "data")
    yield devchain
    if devchain.process.poll() is None:
        assert devchain.stop() == 0


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devchain]:
    """One process for the tests that see it refuse and stay as it was."""
    devchain = Devchain(tmp_path_factory.mktemp("steady"))
    yield devchain
    assert devchain.stop() == 0


def test_it_tells_in_one_line_where_it_listens(devchain: Devchain) -> None:
    assert devchain.ready.startswith(
        f"devchain ready: wallet page http://127.0.0.1:{devchain.port}/ "
    )
    assert devchain.ready.endswith(":t height 111\n")


def test_pay_mine_and_state(devchain: Devchain) -> None:
    before = devchain.state()
    paid = devchain.post("/api/pay", uri=f"{NOOR}?amount=0.00912300&label=kim")

    assert paid == {"txid": paid["txid"], "address": NOOR, "amount_sat": 912_300}
    waiting = devchain.state()
    assert [each["txid"] for each in waiting["mempool"]] == [paid["txid"]]
    fee_sat = waiting["mempool"][0]["fee_sat"]
    assert waiting["balance_sat"] == before["balance_sat"] - 912_300 - fee_sat
    assert waiting["recent"][0] == {**paid, "height": 0}

    mined = devchain.post("/api/mine", blocks=2)

    assert mined["height"] == 113
    after = devchain.state()
    assert (after["height"], after["tip"], after["mempool"]) == (113, mined["blocks"][-1], [])
    assert after["recent"][0] == {**paid, "height": 112}


def test_other_ways_to_pay(devchain: Devchain) -> None:
    bare = NOOR.removeprefix("bchreg:")

    assert devchain.post("/api/pay", uri=bare, amount_sat=5_000)["amount_sat"] == 5_000
    assert devchain.post("/api/pay", address=NOOR, amount_sat=6_000)["amount_sat"] == 6_000
    assert (
        devchain.post("/api/pay", uri=f"{NOOR}?amount=1", amount_sat=7_000)["amount_sat"] == 7_000
    )
    assert devchain.post("/api/pay", uri=NOOR, tokens=True)["amount_sat"] == 1_000
    assert len(devchain.state()["mempool"]) == 4


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "no_uri"),
        ({"uri": 5}, "no_uri"),
        ({"uri": "hello"}, "bad_address"),
        ({"uri": NOOR[:-1] + "?amount=1"}, "bad_address"),
        ({"uri": NOOR.replace("bchreg", "bitcoincash") + "?amount=1"}, "bad_address"),
        ({"uri": NOOR}, "bad_amount"),
        ({"uri": f"{NOOR}?amount=0"}, "bad_amount"),
        ({"uri": f"{NOOR}?amount=-1"}, "bad_amount"),
        ({"uri": f"{NOOR}?amount=0.000000001"}, "bad_amount"),
        ({"uri": f"{NOOR}?amount=NaN"}, "bad_amount"),
        ({"uri": f"{NOOR}?amount=1,5"}, "bad_amount"),
        ({"uri": f"{NOOR}?amount=1&req-x=2"}, "bad_uri"),
        ({"uri": f"{NOOR}?amount=0.00000545"}, "transaction_refused"),
        ({"uri": f"{NOOR}?amount=9999999"}, "insufficient_funds"),
        ({"uri": NOOR, "amount_sat": "5"}, "bad_amount_sat"),
        ({"uri": NOOR, "amount_sat": True}, "bad_amount_sat"),
        ({"uri": NOOR, "amount_sat": 1.5}, "bad_amount_sat"),
        ({"uri": NOOR, "tokens": 1}, "bad_tokens"),
    ],
)
def test_a_wrong_payment_is_refused_and_moves_nothing(
    steady: Devchain, fields: dict[str, Any], code: str
) -> None:
    before = steady.state()

    assert steady.refusal("/api/pay", **fields) == (400, code)

    assert steady.state() == before


def test_reorg_evict_and_double_spend(devchain: Devchain) -> None:
    txid = devchain.post("/api/pay", uri=f"{NOOR}?amount=0.001")["txid"]
    devchain.post("/api/mine", blocks=1)
    assert devchain.post("/api/reorg", depth=1)["height"] == 113
    assert [each["txid"] for each in devchain.state()["mempool"]] == [txid]

    doubled = devchain.post("/api/double-spend", txid=txid)
    assert (doubled["proof"], doubled["accepted"]) == (True, False)
    assert devchain.state()["double_spent"] == [txid]

    assert devchain.post("/api/evict", txid=txid) == {"evicted": [txid]}
    assert devchain.refusal("/api/evict", txid=txid) == (404, "unknown_transaction")

    other = devchain.post("/api/pay", uri=f"{NOOR}?amount=0.002")["txid"]
    mined = devchain.post("/api/double-spend", txid=other, mine=True)
    assert (mined["proof"], mined["accepted"]) == (False, True)
    assert devchain.state()["mempool"] == []

    assert devchain.refusal("/api/reorg", depth=0) == (400, "bad_depth")
    assert devchain.refusal("/api/reorg", depth=1_000) == (400, "bad_depth")
    assert devchain.refusal("/api/reorg", depth=1, drop="x") == (400, "bad_drop")
    assert devchain.refusal("/api/mine", blocks=0) == (400, "bad_blocks")
    assert devchain.refusal("/api/mine", blocks=1_001) == (400, "bad_blocks")
    assert devchain.refusal("/api/double-spend", txid="ab" * 32) == (404, "unknown_transaction")
    assert devchain.refusal("/api/double-spend") == (400, "no_txid")


def test_addresses_and_broadcast(devchain: Devchain) -> None:
    first = devchain.state()["address"]
    second = devchain.post("/api/address")["address"]

    assert first != second
    assert devchain.state()["address"] == second
    assert devchain.refusal("/api/broadcast", raw="00") == (400, "transaction_refused")
    assert devchain.refusal("/api/broadcast", raw="zz") == (400, "malformed")
    assert devchain.refusal("/api/broadcast") == (400, "no_raw")


def test_other_sites_cannot_drive_it(steady: Devchain) -> None:
    body = json.dumps({"uri": f"{NOOR}?amount=1"}).encode()
    before = steady.state()

    for host in ("evil.example", "evil.example:8001", "", "127.0.0.1.evil.example", "10.0.0.1"):
        status, _, answer = steady.request(
            "POST", "/api/pay", body, Content_Type="application/json", Host=host
        )
        assert (status, json.loads(answer)["error"]["code"]) == (403, "bad_host")
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        status, _, answer = steady.request("POST", "/api/pay", body, Content_Type=content_type)
        assert (status, json.loads(answer)["error"]["code"]) == (415, "not_json")
    for wrong in (b"{", b"[]", b"7", b"[" * 100_000):
        status, _, answer = steady.request(
            "POST", "/api/pay", wrong, Content_Type="application/json"
        )
        assert (status, json.loads(answer)["error"]["code"]) == (400, "bad_json")
    status, headers, _ = steady.request(
        "OPTIONS", "/api/pay", b"{}", Content_Type="application/json"
    )
    assert status == 405
    assert not [name for name in headers if name.lower().startswith("access-control")]

    assert steady.state() == before
    assert steady.request("GET", "/api/state", Host=f"localhost:{steady.port}")[0] == 200


def test_wrong_paths_methods_and_sizes(steady: Devchain) -> None:
    assert steady.refusal("/api/nonsense") == (404, "not_found")
    assert steady.refusal("/api/state") == (405, "wrong_method")
    assert steady.request("GET", "/api/pay")[0] == 405
    assert steady.request("GET", "/../../etc/passwd")[0] == 404
    assert steady.request("GET", "/page/wallet.js")[0] == 404
    too_long = {"Content_Type": "application/json", "Content_Length": "9999999"}
    assert steady.request("POST", "/api/pay", b"", **too_long)[0] == 413
    assert steady.request("GET", "/", X_Long="x" * 20_000)[0] == 400
    with socket.create_connection(("127.0.0.1", steady.port), timeout=5) as raw:
        raw.sendall(b"nonsense\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400 ")
    assert steady.state()["height"] == 111


def test_the_page_is_served_with_a_strict_policy(steady: Devchain) -> None:
    for path, content_type in (
        ("/", "text/html"),
        ("/wallet.css", "text/css"),
        ("/wallet.js", "text/javascript"),
    ):
        status, headers, body = steady.request("GET", path)
        assert (status, headers["Content-Type"].partition(";")[0]) == (200, content_type)
        assert headers["Content-Security-Policy"].startswith(
            "default-src 'none'; script-src 'self';"
        )
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert b"<script>" not in body
    page = steady.request("GET", "/")[2].decode()
    for name in ("wallet-uri", "wallet-pay", "wallet-mine", "wallet-txid"):
        assert f'data-testid="{name}"' in page


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_everything_is_there_again_after_a_stop_or_a_kill(devchain: Devchain, number: int) -> None:
    confirmed = devchain.post("/api/pay", uri=f"{NOOR}?amount=0.001")["txid"]
    devchain.post("/api/mine", blocks=3)
    devchain.post("/api/reorg", depth=4)
    devchain.post("/api/address")
    devchain.post("/api/mine", blocks=1)
    evicted = devchain.post("/api/pay", uri=f"{NOOR}?amount=0.002")["txid"]
    devchain.post("/api/evict", txid=evicted)
    devchain.post("/api/pay", uri=NOOR, tokens=True)
    doubled = devchain.post("/api/pay", uri=f"{NOOR}?amount=0.003")["txid"]
    devchain.post("/api/double-spend", txid=doubled)
    before = devchain.state()
    assert before["double_spent"] == [doubled]
    assert len(before["mempool"]) == 2
    assert confirmed in {each["txid"] for each in before["recent"]}

    assert devchain.stop(number) == (-number if number == signal.SIGKILL else 0)
    devchain.start()

    assert devchain.state() == before
    devchain.post("/api/mine", blocks=1)
    assert devchain.post("/api/double-spend", txid=evicted)["accepted"] is True


def test_a_record_cut_short_by_a_crash_is_dropped(devchain: Devchain) -> None:
    devchain.post("/api/pay", uri=f"{NOOR}?amount=0.001")
    before = devchain.state()
    devchain.stop(signal.SIGKILL)
    with (devchain.folder / "journal").open("ab") as journal:
        journal.write(b"block 00aa")

    devchain.start()

    assert devchain.state() == before
    assert devchain.post("/api/mine", blocks=1)["height"] == 112
    assert devchain.stop() == 0
    devchain.start()
    assert devchain.state()["height"] == 112


def test_a_full_disk_is_told_and_a_restart_finds_what_was_answered(devchain: Devchain) -> None:
    devchain.post("/api/pay", uri=f"{NOOR}?amount=0.001")
    before = devchain.state()
    size = (devchain.folder / "journal").stat().st_size
    resource.prlimit(devchain.process.pid, resource.RLIMIT_FSIZE, (size + 50, size + 50))

    for _ in range(2):
        assert devchain.refusal("/api/mine") == (500, "disk_refused")

    assert devchain.stop() == 0
    devchain.start()
    assert devchain.state() == before


def test_a_first_start_killed_half_way_is_finished_by_the_next(devchain: Devchain) -> None:
    devchain.stop(signal.SIGKILL)
    journal = devchain.folder / "journal"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:60]))

    devchain.start()

    state = devchain.state()
    assert state["height"] == 111
    assert state["coins"] > 200


def test_the_journal_is_readable_by_its_owner_only(devchain: Devchain) -> None:
    assert (devchain.folder / "journal").stat().st_mode & 0o777 == 0o600


def test_a_second_one_on_the_same_data_says_so(devchain: Devchain) -> None:
    assert "is used by another devchain" in failing("--data", str(devchain.folder))


@pytest.mark.parametrize("option", ["--electrum-port", "--http-port"])
def test_a_busy_port_is_one_clear_line(tmp_path: Path, option: str) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        other = {"--electrum-port": "--http-port", "--http-port": "--electrum-port"}[option]

        message = failing("--data", str(tmp_path), option, str(port), other, "0")

    assert f"port {port} of 127.0.0.1 cannot be used" in message
    assert option in message


def failing(*options: str) -> str:
    """Runs it where it cannot start; gives its one line."""
    command = [sys.executable, "-m", "devchain", *options]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={**os.environ},
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def test_automine_confirms_by_itself_and_can_be_switched(tmp_path: Path) -> None:
    devchain = Devchain(tmp_path, "--automine", "0.2")
    try:
        devchain.post("/api/pay", uri=f"{NOOR}?amount=0.001")
        wait_for_height(devchain, 112)
        assert devchain.state()["mempool"] == []

        assert devchain.post("/api/automine", on=False) == {"automine_seconds": None}
        devchain.post("/api/pay", uri=f"{NOOR}?amount=0.001")
        assert devchain.post("/api/automine", on=True) == {"automine_seconds": 0.2}
        wait_for_height(devchain, 113)
    finally:
        assert devchain.stop() == 0


def wait_for_height(devchain: Devchain, height: int) -> None:
    deadline = time.monotonic() + 10
    while devchain.state()["height"] < height:
        assert time.monotonic() < deadline
