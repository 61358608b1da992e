"""Serves the Electrum Cash protocol on plain TCP: a JSON message a line, batches, notifications."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from devchain.chain import Chain, Change
from devchain.questions import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    UNKNOWN_METHOD,
    Questions,
    RpcError,
    read_hash,
)

NAME = "kim devchain 1.0"
VERSIONS = ("1.5", "1.6")
MAX_LINE_BYTES = 4 * 1024 * 1024
MAX_BACKLOG_BYTES = 8 * 1024 * 1024
MAX_BATCH = 345


class Server:
    """`await start()`, then `port`; `await stop()` closes every connection.

    Works from any thread's chain: listeners are handed over to the server's own loop. Tests make
    a bad server of it: `is_silent` reads and never answers, `questions` may be a subclass that lies.
    """

    def __init__(
        self,
        chain: Chain,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        questions: Questions | None = None,
    ) -> None:
        self.chain = chain
        self.questions = questions or Questions(chain)
        self.is_silent = False
        self.host = host
        self.port = port
        self.sessions: set[Session] = set()
        self.watchers: dict[str, set[Session]] = {}  # script hash to sessions
        self.levels: dict[str, str | None] = {}  # the status last told
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = await asyncio.start_server(
            self._serve, self.host, self.port, limit=MAX_LINE_BYTES
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self.chain.listeners.append(self._hear)

    async def stop(self) -> None:
        self.chain.listeners.remove(self._hear)
        if self._server:
            self._server.close()
        for session in list(self.sessions):
            session.close()
        await asyncio.gather(
            *(each.task for each in self.sessions if each.task), return_exceptions=True
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, reader, writer)
        session.task = asyncio.current_task()
        self.sessions.add(session)
        try:
            await session.run()
        except (ConnectionError, asyncio.CancelledError, ValueError):
            pass  # the client went away, or sent a line beyond the limit
        finally:
            self.sessions.discard(session)
            for scripthash in session.scripthashes:
                self.forget(scripthash, session)
            session.close()

    def forget(self, scripthash: str, session: "Session") -> None:
        watching = self.watchers.get(scripthash, set())
        watching.discard(session)
        if not watching:
            self.watchers.pop(scripthash, None)
            self.levels.pop(scripthash, None)

    def _hear(self, change: Change) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._publish, change)

    def _publish(self, change: Change) -> None:
        with self.chain.lock:
            if change.is_new_tip:
                tip = self.questions.tip()
                for session in self.sessions:
                    if session.wants_headers:
                        session.notify("blockchain.headers.subscribe", [tip])
            for scripthash in change.scripthashes & self.watchers.keys():
                status = self.questions.status(scripthash)
                if status != self.levels.get(scripthash):
                    self.levels[scripthash] = status
                    for session in self.watchers[scripthash]:
                        session.notify("blockchain.scripthash.subscribe", [scripthash, status])
            for txid in change.proven:
                proof = self.questions.proof(txid)
                for session in self.sessions:
                    if txid in session.proofs:
                        session.notify("blockchain.transaction.dsproof.subscribe", [txid, proof])


class Session:
    """One connection."""

    def __init__(
        self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server = server
        self.task: asyncio.Task[Any] | None = None
        self.version = VERSIONS[0]
        self.has_version = False
        self.wants_headers = False
        self.scripthashes: set[str] = set()
        self.proofs: set[str] = set()
        self._reader = reader
        self._writer = writer
        self._table: dict[str, tuple[int, int, Callable[..., Any]]] = {
            **server.questions.table,
            "blockchain.block.headers": (2, 3, self._headers),
            "blockchain.headers.subscribe": (0, 0, self._subscribe_headers),
            "blockchain.headers.unsubscribe": (0, 0, self._unsubscribe_headers),
            "blockchain.scripthash.subscribe": (1, 1, self._subscribe),
            "blockchain.scripthash.unsubscribe": (1, 1, self._unsubscribe),
            "blockchain.transaction.dsproof.subscribe": (1, 1, self._subscribe_proof),
            "blockchain.transaction.dsproof.unsubscribe": (1, 1, self._unsubscribe_proof),
            "server.banner": (
                0,
                0,
                lambda: "A regtest chain for development. Its coins are worth nothing.",
            ),
            "server.donation_address": (0, 0, lambda: ""),
            "server.features": (0, 0, self._features),
            "server.peers.subscribe": (0, 0, list),
            "server.ping": (0, 0, lambda: None),
            "server.version": (0, 9, self._negotiate),
        }

    async def run(self) -> None:
        while line := await self._reader.readline():
            answer = self._answer_line(line)
            if answer is not None:
                self._send(answer)
                await self._writer.drain()
            if self._writer.is_closing():
                return

    def notify(self, method: str, params: list[Any]) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def close(self) -> None:
        self._writer.close()

    def _send(self, message: Any) -> None:
        if self._writer.is_closing() or self.server.is_silent:
            return
        self._writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        if self._writer.transport.get_write_buffer_size() > MAX_BACKLOG_BYTES:
            self._writer.transport.abort()

    def _answer_line(self, line: bytes) -> Any:
        try:
            message = json.loads(line)
        except ValueError:
            text = line.decode(errors="replace").rstrip()
            return _error(None, -32700, f"Failed to parse Json from string: {text[:100]}")
        if not isinstance(message, list):
            return self._answer(message)
        if not message or len(message) > MAX_BATCH:
            return _error(None, INVALID_REQUEST, "Invalid request")
        answers = [self._answer(each) for each in message]
        return [each for each in answers if each is not None] or None

    def _answer(self, message: Any) -> dict[str, Any] | None:
        if not isinstance(message, dict):
            return _error(None, INVALID_REQUEST, "Invalid request")
        if not isinstance(message.get("method"), str):
            return _error(message.get("id"), INVALID_REQUEST, "Invalid JSON RPC object")
        identity = message.get("id")
        try:
            result = self._call(message["method"], message.get("params", []))
        except RpcError as problem:
            if problem.closes:
                asyncio.get_running_loop().call_soon(self.close)
            return _error(identity, problem.code, problem.message)
        return {"jsonrpc": "2.0", "result": result, "id": identity} if "id" in message else None

    def _call(self, method: str, params: Any) -> Any:
        if method not in self._table:
            raise RpcError(f"Unsupported request: {method}", UNKNOWN_METHOD)
        least, most, verb = self._table[method]
        if not isinstance(params, list):
            raise RpcError("Named params are not supported for this method", INVALID_PARAMS)
        if not least <= len(params) <= most:
            bound, limit = ("least", least) if len(params) < least else ("most", most)
            noun = "parameter" if limit == 1 else "parameters"
            raise RpcError(
                f"Expected at {bound} {limit} {noun} for {method}, got {len(params)} instead",
                INVALID_PARAMS,
            )
        with self.server.chain.lock:
            return verb(*params)

    # Methods of the connection ----------------------------------------------------------------

    def _negotiate(self, client: Any = "", wanted: Any = VERSIONS[0], *_: Any) -> list[str]:
        del client
        if self.has_version:
            raise RpcError("server.version already sent")
        low, high = wanted if isinstance(wanted, list) and len(wanted) == 2 else (wanted, wanted)
        try:
            shared = [
                each for each in VERSIONS if _numbers(low) <= _numbers(each) <= _numbers(high)
            ]
        except (ValueError, AttributeError):
            shared = []
        if not shared:
            raise RpcError("Unsupported protocol version", closes=True)
        self.version, self.has_version = shared[-1], True
        return [NAME, self.version]

    def _features(self) -> dict[str, Any]:
        return {
            "pruning": None,
            "genesis_hash": self.server.chain.ledger.blocks[0].hash,
            "server_version": NAME,
            "protocol_min": VERSIONS[0],
            "protocol_max": VERSIONS[-1],
            "hash_function": "sha256",
            "dsproof": True,
            "cashtokens": True,
            "hosts": {self.server.host: {"tcp_port": self.server.port}},
        }

    def _headers(self, *params: Any) -> dict[str, Any]:
        return self.server.questions.block_headers(self.version, *params)

    def _subscribe_headers(self) -> dict[str, Any]:
        self.wants_headers = True
        return self.server.questions.tip()

    def _unsubscribe_headers(self) -> bool:
        was, self.wants_headers = self.wants_headers, False
        return was

    def _subscribe(self, scripthash: Any) -> str | None:
        status = self.server.questions.status(scripthash)
        key = str(scripthash).lower()
        self.scripthashes.add(key)
        self.server.watchers.setdefault(key, set()).add(self)
        self.server.levels.setdefault(key, status)
        return status

    def _unsubscribe(self, scripthash: Any) -> bool:
        key = str(scripthash).lower()
        was = key in self.scripthashes
        self.scripthashes.discard(key)
        self.server.forget(key, self)
        return was

    def _subscribe_proof(self, txid: Any) -> dict[str, Any] | None:
        proof = self.server.questions.proof(read_hash(txid, "Invalid tx hash"))
        self.proofs.add(str(txid).lower())
        return proof

    def _unsubscribe_proof(self, txid: Any) -> bool:
        was = str(txid).lower() in self.proofs
        self.proofs.discard(str(txid).lower())
        return was


def _error(identity: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": identity}


def _numbers(version: str) -> tuple[int, int]:
    major, minor, *_ = [int(part) for part in version.split(".")] + [0]
    return major, minor
