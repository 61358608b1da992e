"""A small HTTP/1.1 server for the control port: one request a connection, loopback names only."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from devchain.errors import DevchainError

MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 1024 * 1024
DEADLINE_SECONDS = 20
OWN_NAMES = {"127.0.0.1", "localhost", "::1"}
REASONS = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
}
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Response:
    body: bytes
    content_type: str = "application/json"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Response]


def json_response(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value).encode() + b"\n", "application/json", status)


def error_response(problem: DevchainError) -> Response:
    fields = {"code": problem.code, "message": problem.message, "hint": problem.hint}
    return json_response({"error": fields}, problem.http_status)


class HttpServer:
    """`await start()`, then `port`; `await stop()`."""

    def __init__(self, handler: Handler, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.handler = handler
        self.host = host
        self.port = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, self.host, self.port, limit=MAX_HEAD_BYTES
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                response = await self._respond(reader)
                if response is not None:
                    writer.write(_serialize(response))
                    await writer.drain()
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            pass  # a visitor who left, or never finished the request
        finally:
            writer.close()

    async def _respond(self, reader: asyncio.StreamReader) -> Response | None:
        try:
            request = await _read(reader)
            return None if request is None else self.handler(request)
        except DevchainError as problem:
            return error_response(problem)
        except Exception as problem:  # noqa: BLE001 - one request must not end the server
            print(f"devchain: {type(problem).__name__}: {problem}", flush=True)
            return error_response(
                DevchainError("internal", "The devchain has a fault.", "See its log.", 500)
            )


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as problem:
        raise DevchainError(
            "head_too_long", "The request head is too long.", "Send fewer headers."
        ) from problem
    first, *lines = head.split("\r\n")
    if len(first.split(" ")) != 3:
        raise DevchainError(
            "bad_request", "This is no HTTP request.", "Speak HTTP/1.1 to this port."
        )
    method, target, _ = first.split(" ")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    _require_own_name(headers)
    body = {} if method == "GET" else await _read_json(reader, headers)
    return Request(method, urlsplit(target).path, body)


def _require_own_name(headers: dict[str, str]) -> None:
    """A page of another site may have its name point here (DNS rebinding); its Host gives it away."""
    if urlsplit("//" + headers.get("host", "")).hostname not in OWN_NAMES:
        raise DevchainError(
            "bad_host",
            "This port answers to 127.0.0.1 and localhost only.",
            "Open it by one of those names.",
            403,
        )


async def _read_json(reader: asyncio.StreamReader, headers: dict[str, str]) -> dict[str, Any]:
    # A form of another site can post text, but never this type without asking first.
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise DevchainError(
            "not_json", "The body must be JSON.", "Send Content-Type: application/json.", 415
        )
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY_BYTES:
        raise DevchainError("body_too_long", "The body is too long.", "Send at most 1 MiB.", 413)
    try:
        body = json.loads(await reader.readexactly(int(length)) or b"{}")
    except (ValueError, RecursionError, asyncio.IncompleteReadError) as problem:
        raise DevchainError(
            "bad_json", "The body is not valid JSON.", "Send one JSON object."
        ) from problem
    if not isinstance(body, dict):
        raise DevchainError("bad_json", "The body is not a JSON object.", "Send one JSON object.")
    return body


def _serialize(response: Response) -> bytes:
    headers = {
        "Content-Type": response.content_type,
        "Content-Length": str(len(response.body)),
        "Connection": "close",
        **SECURITY_HEADERS,
        **response.headers,
    }
    lines = [f"HTTP/1.1 {response.status} {REASONS[response.status]}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + response.body
