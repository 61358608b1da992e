"""Getting forwarders' money out with a recovery kit alone: no database, no settings, no login.

    python -m payments.recovery KEYFILE --server HOST:PORT [--tls] [--send]

It derives the addresses of every kit in the file, asks one Electrum Cash server (Fulcrum) which of
them hold coins, builds the transactions that pass those on, shows them, and sends them when told
to. Nothing needs a signature, and the covenant lets the money go to the kit's own payee only, so a
lying server can hide coins but not take them: ask another one then.
"""

from __future__ import annotations

import argparse
import base64
import json
import socket
import ssl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

from payments import addresses, covenants, transactions, unspent
from payments.covenants import Coin, Forwarder
from payments.errors import ServiceError
from payments.states import Network
from payments.transactions import Transaction

BATCH: Final = 100
COINS_PER_FORWARD: Final = 50
TIMEOUT_SECONDS: Final = 30
MOST_LINE_BYTES: Final = 8_000_000


@dataclass(frozen=True, slots=True)
class Kit:
    """One payout's part of a key file."""

    seed: bytes
    payee_script: bytes
    max_fee_sat: int


class Chain(Protocol):
    """What a recovery asks of a server."""

    def histories(self, scripts: Sequence[bytes]) -> Sequence[Sequence[str]]: ...
    def raw(self, txid: str) -> bytes: ...
    def broadcast(self, raw: bytes) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """``coins`` can go on; ``stuck_sat`` is too little to, ``token_sat`` lies beside tokens."""

    coins: tuple[Coin, ...]
    scanned: int
    stuck_sat: int
    token_sat: int


def read_kits(text: str) -> tuple[Kit, ...]:
    """The kits of a key file (``payouts``), or the one kit that ``text`` is. Raises ValueError."""
    whole = json.loads(text)
    if not isinstance(whole, dict):
        raise ValueError("not a key file")  # noqa: TRY004 - one error for a bad file
    try:
        return tuple(
            Kit(_bytes(kit["seed"]), bytes.fromhex(kit["payee"]), int(kit["max_fee_sat"]))
            for kit in whole.get("payouts", [whole])
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a key file, or one without recovery kits") from error


def find(kit: Kit, chain: Chain, *, gap: int = covenants.RECOVERY_GAP) -> Found:
    """Every coin of a kit. Its addresses are looked up until ``gap`` unused ones in a row; then
    ``2 * gap`` more from 10,000 beyond the last used one, where a restored server would have gone
    on, and so forth.
    """
    coins: list[Coin] = []
    number, end, scanned, stuck_sat, token_sat = 0, gap, 0, 0, 0
    last, is_beyond = -1, False
    while number < end or not is_beyond:
        if number >= end:
            number, is_beyond = last + 1 + covenants.RECOVERY_JUMP, True
            end = number + 2 * gap
        batch = [_forwarder(kit, each) for each in range(number, min(number + BATCH, end))]
        histories = chain.histories([forwarder.script for forwarder in batch])
        for at, txids in enumerate(histories, start=number):
            if txids:
                last, is_beyond, end = at, False, at + 1 + gap
        number, scanned = number + len(batch), scanned + len(batch)
        for forwarder, txids in zip(batch, histories, strict=True):
            for coin in _coins(forwarder, txids, chain):
                if coin.has_token:
                    token_sat += coin.value_sat
                elif coin.value_sat < covenants.least_sat(forwarder):
                    stuck_sat += coin.value_sat
                else:
                    coins.append(Coin(coin.outpoint, coin.value_sat, forwarder))
    return Found(coins=tuple(coins), scanned=scanned, stuck_sat=stuck_sat, token_sat=token_sat)


def build(
    coins: Sequence[Coin], *, msat_per_byte: int = covenants.MSAT_PER_BYTE
) -> list[Transaction]:
    """The transactions that pass all coins on, 50 in each. Raises ``NotForwardable``."""
    rest = iter(coins)
    made = []
    while batch := list(islice(rest, COINS_PER_FORWARD)):
        made.append(covenants.forward(batch, msat_per_byte=msat_per_byte))
    return made


class Server:
    """One Electrum Cash server, one question at a time, a JSON object a line."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._last = 0

    def histories(self, scripts: Sequence[bytes]) -> Sequence[Sequence[str]]:
        """The transactions of each script, in order."""
        asked = [(addresses.scripthash(script),) for script in scripts]
        found = self._ask("blockchain.scripthash.get_history", asked)
        return [[str(row["tx_hash"]) for row in rows] for rows in found]

    def raw(self, txid: str) -> bytes:
        return bytes.fromhex(self._call("blockchain.transaction.get", txid))

    def broadcast(self, raw: bytes) -> str:
        return str(self._call("blockchain.transaction.broadcast", raw.hex()))

    def _call(self, method: str, *params: object) -> Any:
        return self._ask(method, [params])[0]

    def _ask(self, method: str, asked: Sequence[Sequence[object]]) -> list[Any]:
        """One question many times, without waiting between; the answers in the same order."""
        first = self._last + 1
        self._last += len(asked)
        for number, params in enumerate(asked, start=first):
            call = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            self._stream.write(json.dumps(call).encode() + b"\n")
        self._stream.flush()
        said: dict[int, Any] = {}
        while len(said) < len(asked):
            answer = self._read()
            if isinstance(answer.get("id"), int) and first <= answer["id"] <= self._last:
                said[answer["id"]] = answer["result"]
        return [said[number] for number in range(first, self._last + 1)]

    def _read(self) -> dict[str, Any]:
        line = self._stream.readline(MOST_LINE_BYTES)
        if not line.endswith(b"\n"):
            raise ConnectionError("the server hung up")
        answer: dict[str, Any] = json.loads(line)
        if answer.get("error"):
            raise ConnectionError(f"the server refused: {answer['error']}")
        return answer


@contextmanager
def connected(host: str, port: int, *, tls: bool) -> Iterator[Server]:
    """A server to ask. Its certificate is not checked: it could hide coins at most."""
    with socket.create_connection((host, port), timeout=TIMEOUT_SECONDS) as plain:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        wire = context.wrap_socket(plain, server_hostname=host) if tls else plain
        with wire.makefile("rwb") as stream:
            server = Server(stream)
            server._call("server.version", "kim-recovery", ["1.4", "1.6"])  # noqa: SLF001 - ours
            yield server


def main(arguments: Sequence[str]) -> int:
    """The command. 0 when all went well, 1 when something was refused."""
    parser = argparse.ArgumentParser(prog="payments.recovery", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("keyfile", type=Path, help="the key file, or one kit as JSON")
    parser.add_argument("--server", required=True, help="HOST:PORT of a Fulcrum server")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--network", type=Network, choices=list(Network), default=Network.MAINNET)
    parser.add_argument("--gap", type=int, default=covenants.RECOVERY_GAP)
    parser.add_argument("--fee", type=int, default=1, choices=range(1, 5), help="sat a byte")
    parser.add_argument("--send", action="store_true", help="send; without it, only shown")
    asked = parser.parse_args(arguments)
    host, _, port = asked.server.rpartition(":")
    try:
        kits = read_kits(asked.keyfile.read_text(encoding="utf-8"))
        with connected(host, int(port), tls=asked.tls) as server:
            for kit in kits:
                _recover(kit, server, asked)
    except (OSError, ValueError, ServiceError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _recover(kit: Kit, server: Server, asked: argparse.Namespace) -> None:
    found = find(kit, server, gap=asked.gap)
    payee = addresses.encode(kit.payee_script, asked.network)
    _say(f"To {payee}: {len(found.coins)} coins on {found.scanned} addresses.")
    if found.stuck_sat:
        _say(f"  {found.stuck_sat} sat are too small to be forwarded.")
    if found.token_sat:
        _say(f"  {found.token_sat} sat lie beside tokens, and stay.")
    for made in build(found.coins, msat_per_byte=1_000 * asked.fee):
        arrives_sat = sum(output.value_sat for output in made.outputs)
        _say(f"  {made.txid}: {arrives_sat} sat arrive")
        if asked.send:
            server.broadcast(made.serialize())
            _say("  sent")
        else:
            _say(f"  {made.serialize().hex()}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _forwarder(kit: Kit, number: int) -> Forwarder:
    return covenants.forwarder(
        kit.seed, number, payee_script=kit.payee_script, max_fee_sat=kit.max_fee_sat
    )


def _coins(forwarder: Forwarder, txids: Sequence[str], chain: Chain) -> tuple[unspent.Unspent, ...]:
    history = {txid: transactions.parse(chain.raw(txid), txid=txid) for txid in txids}
    return unspent.find([forwarder.script], history)


def _bytes(text: str) -> bytes:
    """Base64url without padding, as the key file has it."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
