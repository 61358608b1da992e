"""What a creator's page does to replace a file: contents as rows, keys that are real, calls by HTTP."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from rest_framework.test import APIClient

from tests.unlock.creating import b64
from tests.unlock.sale import INSTANCE_PRIVATE, NOW, Buyer, Sold
from unlock import container, keys
from unlock.container import layout
from unlock.models import Container, Copy, Upload
from unlock.states import UploadState

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

    from unlock.models import Creator

META = b"m" * (28 + 256)


@dataclass(frozen=True)
class Share:
    """The server's share under one link, and the S that only its maker knows."""

    generation: int
    link_generation: int = 0
    secret: bytes = field(default_factory=lambda: os.urandom(32))
    wrapped_key: bytes = field(default_factory=lambda: os.urandom(60))
    meta_link: bytes = b""

    @property
    def h_s(self) -> str:
        return container.hash_commitment(self.secret).hex()

    @property
    def body(self) -> dict[str, Any]:
        return {
            "link_generation": self.link_generation,
            "generation": self.generation,
            "wrapped_key": b64(self.wrapped_key),
            "h_s": self.h_s,
            "s": b64(self.secret),
            "meta_link": b64(self.meta_link),
        }


def uploaded(owner: Creator, *, verified: bool = True, segments: int = 1) -> Upload:
    """The rows of an upload that was checked whole; its bytes lie nowhere."""
    file_id = os.urandom(16)
    payload = 2000 if segments == 1 else (segments - 1) * 262_112 + 1
    core = layout.build_core_prefix(payload_bytes=payload, file_id=file_id) + os.urandom(64)
    held = Container.objects.create(
        creator=owner,
        core_header=core,
        file_id=file_id,
        size_bytes=layout.CoreHeader.parse(core).total_bytes,
        payload_bytes=payload,
        segments=segments,
        content_id=hashlib.sha256(core).hexdigest(),
        verified_at=NOW if verified else None,
    )
    copy = Copy.objects.create(
        container=held,
        store="main",
        object_key=f"c/{held.id}",
        size_bytes=held.size_bytes,
        etag="e-2",
        verified_at=NOW if verified else None,
    )
    return Upload.objects.create(
        creator=owner,
        container=held,
        copy=copy,
        multipart_id="",
        part_bytes=8_388_608,
        part_count=1,
        state=UploadState.VERIFIED if verified else UploadState.VERIFYING,
        claimed_content_id=held.content_id,
    )


@dataclass(frozen=True)
class Page:
    """The creator's browser, signed in, on one file of theirs."""

    sold: Sold

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        client = APIClient()
        client.force_login(self.sold.file.creator.user)
        answer: Response = getattr(client, method)(
            f"/api/v1/files/{self.sold.file.id}/{path}", body, format="json", **headers
        )
        return answer

    def stage(self, *shares: Share, upload: Upload | None = None, **said: Any) -> Response:
        body = {"keys": [share.body for share in shares], **said}
        if upload is not None:
            body["upload"] = str(upload.id)
        return self.call("put", "replacement/", body)

    def test(self) -> str:
        """The buyer's path on what is staged, as far as it is the server's; the purchase."""
        tester = Buyer()
        begun = self.call(
            "post",
            "replacement/selftest/",
            {"buyer_key": b64(tester.keys.public_key)},
            HTTP_AUTHORIZATION=f"Claim {b64(tester.claim)}",
        )
        assert begun.status_code == 201, begun.content
        made: str = begun.json()["purchase"]
        keys.release(UUID(made), private_keys=INSTANCE_PRIVATE, now=NOW)
        assert tester.client.post(f"/api/v1/purchases/{made}/release/").status_code == 200
        return made

    def swap(self, selftest: str) -> Response:
        return self.call("post", "replacement/publication/", {"selftest": selftest, "passed": True})

    def replace(self, *shares: Share, upload: Upload | None = None, **said: Any) -> dict[str, Any]:
        """All of it at once; the file as its creator sees it then."""
        staged = self.stage(*shares, upload=upload, **said)
        assert staged.status_code == 200, staged.content
        answer = self.swap(self.test())
        assert answer.status_code == 200, answer.content
        self.sold.file.refresh_from_db()
        shown: dict[str, Any] = answer.json()
        return shown


def release(buyer: Buyer, purchase_id: object, content_id: str = "") -> Any:
    body = {"content_id": content_id} if content_id else {}
    path = f"/api/v1/purchases/{purchase_id}/release/"
    return buyer.client.post(path, body, format="json")
