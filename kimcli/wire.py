"""Calls of /api/v1/, and bytes to and from stores. JSON in, JSON out, errors with a code.

What may be repeated without harm is repeated with growing pauses; everything else is asked once.
"""

import json
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from kimcli.errors import Refused, Unreachable
from unlock.container import encode_b64url
from unlock.container.remote import Wait

PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_CALM_MOST_SECONDS = 60.0
_BLOCK_BYTES = 1 << 18
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_CSRF_COOKIES = ("__Host-csrftoken", "csrftoken")


def make_pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=15, read=90), retries=False, maxsize=8,
        blocksize=_BLOCK_BYTES, headers={"User-Agent": "kim"},
    )  # fmt: skip


def origin_of(server: str) -> str:
    """``https://host``. Raises Refused: a secret must not travel where everybody reads it."""
    parts = urlsplit(server if "//" in server else f"https://{server}")
    host = parts.hostname or ""
    is_safe = parts.scheme == "https" or host in _LOCAL or host.endswith(".onion")
    is_plain = parts.scheme in {"http", "https"} and host and "@" not in parts.netloc
    if not is_plain or not is_safe:
        hint = "Give the server as https://host."
        raise Refused("server_unsafe", f"{server} is not a protected address.", hint, status=0)
    return f"{parts.scheme}://{parts.netloc}"


class Api:
    """One server. A buyer's calls carry a claim and no cookie, a creator's the session or a token."""

    def __init__(self, server: str, wait: Wait) -> None:
        self.server = origin_of(server)
        self.pool = make_pool()
        self._wait = wait
        self._cookies: dict[str, str] = {}
        self.token = ""  # in place of the session, where the creator gave one
        self.sign_in_again: Callable[[], None] | None = None

    def get(self, path: str, *, claim: bytes | None = None, session: bool = False) -> Any:
        return self._call("GET", path, None, claim=claim, session=session, repeatable=True)

    def get_all(self, path: str, name: str) -> list[Any]:
        """Every page of a creator's list; ``name`` is the member that holds the rows."""
        found: list[Any] = []
        cursor = ""
        while True:
            page = self.get(f"{path}?limit=1000&cursor={cursor}", session=True)
            found += page[name]
            cursor = page.get("next") or ""
            if not cursor:
                return found

    def post(
        self, path: str, body: object = None, *, claim: bytes | None = None,
        session: bool = False, repeatable: bool = False,
    ) -> Any:  # fmt: skip
        given = {} if body is None else body
        return self._call("POST", path, given, claim=claim, session=session, repeatable=repeatable)

    def put(self, path: str, body: object, *, media_type: str = "application/json") -> Any:
        """``body``: what becomes JSON, or the bytes of a ``media_type``."""
        return self._call(
            "PUT", path, body,
            claim=None, session=True, repeatable=True, media_type=media_type,
        )  # fmt: skip

    def patch(self, path: str, body: object) -> Any:
        return self._call("PATCH", path, body, claim=None, session=True, repeatable=True)

    def open_session(self) -> None:
        """The cookie with the token that every unsafe call carries."""
        self._keep(self._answer("GET", "/login/", None, {"Accept": "text/html"}))

    def facts(self) -> Any:
        """``/.well-known/kim.json``."""
        return self._read(self._repeated("GET", "/.well-known/kim.json", None, {}))

    def picture(self, path: str) -> bytes:
        """What lies at an address of the pages. Raises Unreachable, Refused."""
        answer = self._repeated("GET", path, None, {})
        if answer.status != 200:
            message = f"{self.server} answers {answer.status}."
            raise Refused("picture_missing", message, "", status=answer.status)
        return bytes(answer.data)

    def _call(
        self, method: str, path: str, body: object, *, claim: bytes | None, session: bool,
        repeatable: bool, media_type: str = "application/json",
    ) -> Any:  # fmt: skip
        ask = self._repeated if repeatable else self._answer
        for is_last in (False, True):
            headers = self._headers(method, claim=claim, session=session)
            if body is not None:
                headers["Content-Type"] = media_type
            answer = ask(method, f"/api/v1/{path}", body, headers)
            if session:
                self._keep(answer)
            sign_in = self.sign_in_again if session and answer.status == 401 else None
            if sign_in is None or is_last:
                break
            sign_in()
        return self._read(answer)

    def _headers(self, method: str, *, claim: bytes | None, session: bool) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if session and self.token:
            headers["Authorization"] = f"Bearer {self.token}"
            return headers if claim is None else headers | {"Kim-Claim": encode_b64url(claim)}
        if claim is not None:
            headers["Authorization"] = f"Claim {encode_b64url(claim)}"
        if session:
            headers["Cookie"] = "; ".join(f"{name}={v}" for name, v in self._cookies.items())
            if method != "GET":
                token = next((self._cookies[n] for n in _CSRF_COOKIES if n in self._cookies), "")
                headers |= {"X-CSRFToken": token, "Origin": self.server}
        return headers

    def _repeated(
        self, method: str, path: str, body: object, headers: dict[str, str]
    ) -> urllib3.BaseHTTPResponse:
        for pause in PAUSES_SECONDS:
            try:
                answer = self._answer(method, path, body, headers)
            except Unreachable:
                self._wait(pause)
                continue
            if answer.status not in PASSING:
                return answer
            self._wait(max(pause, _asked_seconds(answer)))
        return self._answer(method, path, body, headers)

    def _answer(
        self, method: str, path: str, body: object, headers: dict[str, str]
    ) -> urllib3.BaseHTTPResponse:
        raw = json.dumps(body).encode() if not isinstance(body, bytes | None) else body
        try:
            return self.pool.request(
                method, self.server + path, body=raw, headers=headers, redirect=False
            )
        except HTTPError as error:
            raise Unreachable(
                "network", f"{self.server} does not answer.", "Nothing is lost: try again."
            ) from error

    def _keep(self, answer: urllib3.BaseHTTPResponse) -> None:
        for line in answer.headers.getlist("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                self._cookies[name] = morsel.value

    def _read(self, answer: urllib3.BaseHTTPResponse) -> Any:
        if 200 <= answer.status < 300:
            return json.loads(answer.data) if answer.data else None
        try:
            said = json.loads(answer.data)["error"]
            words = (str(said["code"]), str(said["message"]), str(said.get("hint", "")))
        except (ValueError, KeyError, TypeError):
            words = (f"http_{answer.status}", f"{self.server} answers {answer.status}.", "")
        if answer.status in PASSING:
            raise Unreachable(*words)
        raise Refused(*words, status=answer.status)


def read_stretch(pool: urllib3.PoolManager, stretch: Any, wait: Wait) -> bytes:
    """Exactly the bytes of a signed range, from the first copy that gives them. Raises Unreachable."""
    headers, size_bytes = dict(stretch["headers"]), int(stretch["bytes"])
    for pause in (0.0, *PAUSES_SECONDS[:3]):
        wait(pause)
        for url in (stretch["url"], *stretch.get("others", ())):
            raw = _bytes_of(pool, str(url), headers, size_bytes)
            if raw is not None:
                return raw
    raise Unreachable("store_unreadable", "No copy gives these bytes now.", "Try again later.")


def _bytes_of(
    pool: urllib3.PoolManager, url: str, headers: dict[str, str], size_bytes: int
) -> bytes | None:
    try:
        answer = pool.request("GET", url, headers=headers, preload_content=False)
    except HTTPError:
        return None
    try:
        # One byte more than promised: a host that gives more gives something else.
        raw = answer.read(size_bytes + 1) if answer.status == 206 else b""
    except HTTPError:
        return None
    finally:
        answer.release_conn()
    return raw if len(raw) == size_bytes else None


def _asked_seconds(answer: urllib3.BaseHTTPResponse) -> float:
    text = answer.headers.get("Retry-After", "")
    return min(float(text), _CALM_MOST_SECONDS) if text.isdecimal() else 0.0
