"""A seller and a buyer who speak the API as the pages do, with the container of ``unlock.container``.

No browser: kill tests, races and benchmarks need many sales. Whatever may be repeated is repeated
until a deadline, as the pages do it, because processes die in these tests.
"""

from __future__ import annotations

import http.client
import http.cookiejar
import io
import json
import os
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from unlock import container
from unlock.container import Sealing, Source

T = TypeVar("T")
PATIENCE_SECONDS = 90.0
PASSING = {429, 502, 503, 504}


class Refused(Exception):
    """The API said no, for good."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code


class Unreached(Exception):
    """No answer, or one that will change by itself."""


def patiently(work: Callable[[], T], *, seconds: float = PATIENCE_SECONDS) -> T:
    """Repeats ``work`` while it is ``Unreached``, until the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return work()
        except Unreached:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def until(condition: Callable[[], T | None], *, seconds: float = PATIENCE_SECONDS) -> T:
    """The first true value of ``condition``; silence in between is waited out as well."""
    deadline = time.monotonic() + seconds
    while True:
        value = patiently(condition, seconds=max(0.1, deadline - time.monotonic()))
        if value:
            return value
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


class Api:
    """JSON over HTTP with cookies and Django's CSRF token, like a page."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def call(self, method: str, path: str, body: object = None, *, claim: bytes = b"") -> Any:
        headers = {"Accept": "application/json", "Origin": self.base_url}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if claim:
            headers["Authorization"] = f"Claim {container.encode_b64url(claim)}"
        for cookie in self.cookies:
            if cookie.name == "csrftoken":
                headers["X-CSRFToken"] = cookie.value or ""
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(
            f"{self.base_url}/api/v1/{path}", data=data, headers=headers, method=method
        )
        return self._send(asked)

    def visit(self, path: str) -> None:
        """Opens a page, for its cookies."""
        with self.opener.open(self.base_url + path, timeout=30) as answer:
            answer.read()

    def _send(self, asked: urllib.request.Request) -> Any:
        try:
            with self.opener.open(asked, timeout=30) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            said = error.read()
            if error.code in PASSING:
                raise Unreached(str(error.code)) from error
            try:
                facts = json.loads(said)["error"]
            except (ValueError, KeyError):
                facts = {"code": "unknown", "message": said[:200].decode(errors="replace")}
            if error.code >= 500:
                raise Unreached(f"{error.code} {facts}") from error
            raise Refused(error.code, facts["code"], facts["message"]) from error
        except (OSError, http.client.HTTPException) as error:
            raise Unreached(type(error).__name__) from error
        return json.loads(text) if text else None


@dataclass
class Offer:
    """What maya published, with everything a test needs to check it."""

    file_id: uuid.UUID
    content_id: bytes
    payload: bytes
    secrets: container.Secrets
    stored: bytes

    @property
    def path(self) -> str:
        """The share link, below the shop's own address."""
        return f"/f/{self.file_id}#1.{container.encode_b64url(self.secrets.link_secret)}"


@dataclass
class Seller:
    """maya: seals in memory, uploads by presigned parts, prices, tests, publishes."""

    base_url: str
    username: str
    at: Callable[[str], None] = field(default=lambda point: None)  # told before each named point
    patience_seconds: float = PATIENCE_SECONDS  # with the re-hashing of an upload

    def __post_init__(self) -> None:
        self.api = Api(self.base_url)

    def sign_up(self) -> None:
        patiently(lambda: self._visit("/signup/"))
        body = {
            "username": self.username,
            "salt": container.encode_b64url(os.urandom(16)),
            "derived": container.encode_b64url(os.urandom(32)),
        }
        patiently(lambda: self.api.call("POST", "creators/", body))

    def publish(
        self,
        payload: bytes | Mapping[str, bytes],
        *,
        amount: str = "0.0002",
        currency: str = "BCH",
        payout: str,
    ) -> Offer:
        """Sells one file, or a bundle of several under their paths."""
        root, file_id = os.urandom(32), os.urandom(16)
        secrets = container.derive_secrets(root, file_id)
        out = io.BytesIO()
        is_bundle = not isinstance(payload, bytes)
        files = {"aurora.bin": payload} if isinstance(payload, bytes) else dict(payload)
        sources = [Source(path, len(data), io.BytesIO(data)) for path, data in files.items()]
        sealing = Sealing(secrets, file_id, title="Aurora", is_bundle=is_bundle)
        packed = container.pack(out, sources, sealing)
        stored = out.getvalue()
        upload = self._upload(stored, packed)
        self._call("PUT", "payout/", {"value": payout})
        price = {"amount": amount, "currency": currency}
        made = self._call("POST", "files/", {"title": "Aurora", "price": price, "upload": upload})
        file_uuid = uuid.UUID(made["id"])
        self.at("deposit")
        self._call(
            "PUT",
            f"files/{file_uuid}/secret/",
            {
                "content_id": packed.content_id.hex(),
                "generation": 0,
                "wrapped_key": container.encode_b64url(packed.wrapped_key),
                "h_s": container.hash_commitment(secrets.release_secret).hex(),
                "s": container.encode_b64url(secrets.release_secret),
            },
        )
        self.at("selftest")
        buyer = Buyer(self.base_url, link_secret=secrets.link_secret)
        selftest = buyer.with_a_new_claim(lambda: self._begin_selftest(file_uuid, buyer))
        buyer.adopt(uuid.UUID(selftest), file_uuid, packed.content_id)
        buyer.release()
        self.at("publish")
        passed = {"selftest": selftest, "passed": True}
        self._call("POST", f"files/{file_uuid}/publication/", passed)
        sold = b"".join(files.values())
        return Offer(file_uuid, packed.content_id, sold, secrets, stored)

    def _begin_selftest(self, file_id: uuid.UUID, buyer: Buyer) -> str:
        body = {"buyer_key": container.encode_b64url(buyer.keys.public_key)}
        path = f"files/{file_id}/selftest/"
        return str(self._call("POST", path, body, claim=buyer.claim)["purchase"])

    def _upload(self, stored: bytes, packed: container.Packed) -> str:
        begun = self._call(
            "POST",
            "uploads/",
            {
                "size_bytes": len(stored),
                "core_header": container.encode_b64url(packed.core.raw),
            },
        )
        upload, size = begun["id"], begun["part_bytes"]
        self.at("parts")
        for number in range(1, begun["part_count"] + 1):
            part = stored[(number - 1) * size : number * size]
            patiently(lambda number=number, part=part: self._put(upload, number, part))  # type: ignore[misc]
        self.at("complete")
        body = {"content_id": packed.content_id.hex()}
        self._call("POST", f"uploads/{upload}/completion/", body)
        self.at("verify")
        state = until(lambda: self._settled(upload), seconds=self.patience_seconds)
        assert state == "verified", state
        return str(upload)

    def _put(self, upload: str, number: int, part: bytes) -> None:
        signed = self.api.call("POST", f"uploads/{upload}/parts/", {"numbers": [number]})["urls"][0]
        url = urlsplit(signed["url"])
        line = http.client.HTTPConnection(url.netloc, timeout=30)
        try:
            line.request("PUT", f"{url.path}?{url.query}", part, dict(signed["headers"]))
            answer = line.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreached(type(error).__name__) from error
        finally:
            line.close()
        if answer.status != 200:
            raise Unreached(f"store said {answer.status}")

    def _settled(self, upload: str) -> str | None:
        state = self.api.call("GET", f"uploads/{upload}/")["state"]
        return state if state in ("verified", "failed", "aborted") else None

    def _visit(self, path: str) -> None:
        try:
            self.api.visit(path)
        except OSError as error:
            raise Unreached(type(error).__name__) from error

    def _call(self, method: str, path: str, body: object, *, claim: bytes = b"") -> Any:
        return patiently(lambda: self.api.call(method, path, body, claim=claim))


class Buyer:
    """noor: orders, waits, opens the release, reads the stored object. Proved by her claim alone."""

    def __init__(self, base_url: str, *, link_secret: bytes, root: bytes | None = None) -> None:
        self.api = Api(base_url)
        self.link_secret = link_secret
        self._root, self._number = root or os.urandom(32), 0
        self._take_claim()

    def _take_claim(self) -> None:
        seed = container.derive_seed(self._root, self._number)
        self.claim = container.derive_claim(seed)
        self.keys = container.buyer_key_pair(seed)

    def with_a_new_claim(self, order: Callable[[], T]) -> T:
        """An order whose answer was lost made its claim known: the next one is taken, as pages do."""
        while True:
            try:
                return order()
            except Refused as error:
                if error.code != "claim_known":
                    raise
            self._number += 1
            self._take_claim()

    def adopt(self, purchase: uuid.UUID, file_id: uuid.UUID, content_id: bytes) -> None:
        self.purchase, self.file_id, self.content_id = purchase, file_id, content_id

    def order(self, offer: Offer) -> str:
        """Presses Buy; returns the BIP-21 URI."""
        path = f"files/{offer.file_id}/purchases/"

        def ordered() -> Any:
            body = {"buyer_key": container.encode_b64url(self.keys.public_key)}
            return patiently(lambda: self.api.call("POST", path, body, claim=self.claim))

        made = self.with_a_new_claim(ordered)
        self.adopt(uuid.UUID(made["id"]), offer.file_id, offer.content_id)
        return str(made["invoice"]["uri"])

    def view(self) -> Any:
        return patiently(
            lambda: self.api.call("GET", f"purchases/{self.purchase}/", claim=self.claim)
        )

    def wait_state(self, *states: str, seconds: float = PATIENCE_SECONDS) -> str:
        def reached() -> str | None:
            view = self.api.call("GET", f"purchases/{self.purchase}/", claim=self.claim)
            state = str(view["invoice"]["state"])
            return state if state.upper() in states else None

        return until(reached, seconds=seconds)

    def release(self, *, seconds: float = PATIENCE_SECONDS) -> bytes:
        """S, once the gate is open; checked against h_S."""

        def fetched() -> Any:
            path = f"purchases/{self.purchase}/release/"
            try:
                answer = self.api.call("POST", path, {}, claim=self.claim)
            except Refused as error:
                if error.status == 402:
                    return None
                raise
            return answer if "sealed" in answer else None

        answer = until(fetched, seconds=seconds)
        secret = container.open_release(
            self.keys.private_key,
            container.decode_b64url(answer["sealed"], container.SEALED_BYTES),
            paid_file=self.file_id,
            purchase=self.purchase,
            content_id=self.content_id,
        )
        assert container.hash_commitment(secret).hex() == answer["h_s"]
        return secret

    def download(self) -> bytes:
        """The whole stored object, by a signed address."""

        def whole() -> bytes:
            signed = self.api.call(
                "POST", f"purchases/{self.purchase}/location/", {}, claim=self.claim
            )
            try:
                with urllib.request.urlopen(signed["urls"][0]["url"], timeout=30) as answer:
                    return bytes(answer.read())
            except OSError as error:
                raise Unreached(type(error).__name__) from error

        return patiently(whole)
