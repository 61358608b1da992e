"""The Python side of a round trip, for tests in other languages: one JSON request on stdin.

    {"do": "pack", "root", "file_id", "seg_log2", "is_bundle", "title", "files": [{path, type, data}]}
        -> {"container", "content_id", "m", "s", "l", "w"}
    {"do": "open", "container", "m" | "s" and "l"}
        -> {"payload", "content_id"} or {"error": class name, "segment"}

Bytes are base64url, in both directions. Run: `python -m tests.vectors.pyside`.
"""

import json
import sys
from io import BytesIO
from typing import Any

from unlock import container, errors
from unlock.container import decode_b64url, encode_b64url
from unlock.container.unpack import check_payload

TEST_SIZES = frozenset({12, 18})


def pack(request: dict[str, Any]) -> dict[str, str]:
    file_id = decode_b64url(request["file_id"])
    secrets = container.derive_secrets(decode_b64url(request["root"]), file_id)
    files = [(file, decode_b64url(file["data"])) for file in request["files"]]
    out = BytesIO()
    packed = container.pack(
        out,
        [container.Source(f["path"], len(data), BytesIO(data), f["type"]) for f, data in files],
        container.Sealing(
            secrets,
            file_id,
            title=request["title"],
            is_bundle=request["is_bundle"],
            seg_log2=request["seg_log2"],
        ),
    )
    made = {
        "container": out.getvalue(),
        "content_id": packed.content_id,
        "m": secrets.content_key,
        "s": secrets.release_secret,
        "l": secrets.link_secret,
        "w": packed.wrapped_key,
    }
    return {name: encode_b64url(value) for name, value in made.items()}


def unpack(request: dict[str, Any]) -> dict[str, Any]:
    try:
        opened = container.Container(
            BytesIO(decode_b64url(request["container"])), seg_log2s=TEST_SIZES
        )
        if "m" in request:
            content_key = decode_b64url(request["m"])
        else:
            content_key = container.unwrap_any(
                opened.core,
                container.wraps_of(opened.tlvs),
                release_secret=decode_b64url(request["s"]),
                link_secret=decode_b64url(request["l"]),
            )
        reader = container.Reader(opened, content_key)
        check_payload(reader, progress=lambda _: None)
    except errors.ContainerError as error:
        return {"error": type(error).__name__, "segment": getattr(error, "segment", None)}
    payload = reader.read(0, reader.core.payload_bytes)
    return {
        "payload": encode_b64url(payload),
        "content_id": encode_b64url(opened.content_id),
    }


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump({"pack": pack, "open": unpack}[asked["do"]](asked), sys.stdout)
