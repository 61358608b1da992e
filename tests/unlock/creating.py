"""A creator's browser, as far as the server can tell: seals for real, sends parts, calls the API.

``maya`` creates, ``eve`` is another creator who tries. Bytes are really sealed and really stored.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rest_framework.test import APIClient

from tests.stores import send
from unlock import container, creators, storage, uploads, verification

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

    from unlock.models import Creator, Upload

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Sealed:
    """A container as the browser holds it before it is sent, with all of its secrets."""

    body: bytes
    packed: container.Packed
    secrets: container.Secrets

    @property
    def core_header(self) -> bytes:
        return self.packed.core.raw

    @property
    def content_id(self) -> str:
        return self.packed.content_id.hex()

    @property
    def h_s(self) -> str:
        return container.hash_commitment(self.secrets.release_secret).hex()

    def part(self, number: int, part_bytes: int) -> bytes:
        return self.body[(number - 1) * part_bytes : number * part_bytes]


def seal(payload: bytes = b"nine recordings", *, file_id: bytes | None = None) -> Sealed:
    file_id = file_id or os.urandom(16)
    made = container.derive_secrets(os.urandom(32), file_id)
    out = io.BytesIO()
    source = container.Source("a.bin", len(payload), io.BytesIO(payload))
    packed = container.pack(
        out, [source], container.Sealing(secrets=made, file_id=file_id, title="Nine recordings")
    )
    return Sealed(out.getvalue(), packed, made)


def creator(name: str = "maya") -> Creator:
    return sign_up(f"{name}-{secrets.token_hex(4)}")[0]


def sign_up(username: str, *, derived: bytes = b"d" * 32) -> tuple[Creator, bytes]:
    asked = creators.SignUp(username=username, salt=b"s" * 16, derived=derived)
    return creators.sign_up(asked, now=NOW), derived


def begin(owner: Creator, sealed: Sealed, *, now: datetime = NOW) -> Upload:
    return uploads.begin(
        owner, size_bytes=len(sealed.body), core_header=sealed.core_header, now=now
    )


def send_parts(upload: Upload, sealed: Sealed, *numbers: int, body: bytes | None = None) -> None:
    """PUT parts as the page does; all of them if none is named."""
    wanted = numbers or tuple(range(1, upload.part_count + 1))
    for number, request in uploads.sign_parts(upload, wanted, now=NOW):
        part = sealed.part(number, upload.part_bytes) if body is None else body
        answer = send(request, "PUT", body=part)
        assert answer.status == 200, answer


def upload_whole(owner: Creator, sealed: Sealed) -> Upload:
    """An upload that was accepted; nobody looked at it yet."""
    upload = begin(owner, sealed)
    send_parts(upload, sealed)
    assert uploads.complete(upload, content_id=sealed.content_id, now=NOW)
    return upload


def verified_upload(owner: Creator, sealed: Sealed) -> Upload:
    upload = upload_whole(owner, sealed)
    verification.advance(upload.id, clock=lambda: NOW)
    upload.refresh_from_db()
    return upload


def store_parts(upload: Upload) -> list[int]:
    """Numbers of the parts that lie in the store."""
    parts = storage.get(upload.copy.store).list_parts(upload.copy.object_key, upload.multipart_id)
    return [part.number for part in parts]


@dataclass
class Browser:
    """A page of ours: cookies, the CSRF token in the header, JSON both ways."""

    client: APIClient = field(default_factory=lambda: APIClient(enforce_csrf_checks=True))
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    def __post_init__(self) -> None:
        self.client.cookies["csrftoken"] = self.token

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        # Django renews the token when somebody logs in; a page reads it from the cookie each time.
        token = self.client.cookies["csrftoken"].value
        sent = {"HTTP_X_CSRFTOKEN": token, **headers}
        answer: Response = getattr(self.client, method)(
            f"/api/v1/{path}", body, format="json", **sent
        )
        return answer

    def get(self, path: str) -> Response:
        return self.call("get", path)

    def post(self, path: str, body: Any = None, **headers: str) -> Response:
        return self.call("post", path, {} if body is None else body, **headers)

    def put(self, path: str, body: Any) -> Response:
        return self.call("put", path, body)

    def patch(self, path: str, body: Any) -> Response:
        return self.call("patch", path, body)

    def delete(self, path: str) -> Response:
        return self.call("delete", path)

    def sign_up(self, username: str = "maya", *, password: str = "correct horse") -> Response:
        return self.post(
            "creators/",
            {"username": username, "salt": b64(b"s" * 16), "derived": derive(password)},
        )


def signed_in(username: str = "maya") -> Browser:
    browser = Browser()
    answer = browser.sign_up(username)
    assert answer.status_code == 201, answer.content
    return browser


def derive(password: str) -> str:
    """Stands for the browser's Argon2id, which the server neither knows nor checks."""
    return b64(hashlib.sha256(password.encode()).digest())


def b64(raw: bytes) -> str:
    return container.encode_b64url(raw)


def refusal(answer: Any) -> tuple[int, str]:
    """Status and code of an error of the one shape."""
    return answer.status_code, answer.json()["error"]["code"]
