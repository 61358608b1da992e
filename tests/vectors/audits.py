"""Write audit.json: `python -m tests.vectors.audits`. By the rule in docs/protocol.md, with hashlib
alone and nothing of ours.
"""

import hashlib
import json
import struct
from pathlib import Path

CASES = (200, 201, 299, 2_000, 38_147, 2**35)
COUNTS = {0: 0, 1: 0, 199: 0, 200: 2, 299: 2, 300: 3, 1_999: 19, 2_000: 20, 40_000: 20}


def stream(label: str) -> bytes:
    return hashlib.sha256(f"kim audit vector {label}".encode()).digest()


def draw(content_id: bytes, nonce: bytes, segments: int, count: int) -> list[int]:
    found: list[int] = []
    turn = 0
    while len(found) < count:
        digest = hashlib.sha256(b"KIM1 audit" + content_id + nonce + struct.pack(">I", turn))
        segment = struct.unpack(">Q", digest.digest()[:8])[0] % segments
        if segment not in found:
            found.append(segment)
        turn += 1
    return found


def cases() -> list[dict[str, object]]:
    made = []
    for segments in CASES:
        content_id, nonce = stream(f"content {segments}"), stream(f"nonce {segments}")
        count = min(20, segments // 100)
        made.append(
            {
                "content_id": content_id.hex(),
                "nonce": nonce.hex(),
                "segments": segments,
                "count": count,
                "drawn": draw(content_id, nonce, segments, count),
            }
        )
    # Few segments, most of them drawn: repeats are skipped many times.
    content_id, nonce = stream("content few"), stream("nonce few")
    few = {"content_id": content_id.hex(), "nonce": nonce.hex(), "segments": 7, "count": 6}
    return [*made, {**few, "drawn": draw(content_id, nonce, 7, 6)}]


def text() -> str:
    counts = [{"segments": segments, "count": count} for segments, count in COUNTS.items()]
    return json.dumps({"counts": counts, "draws": cases()}, indent=1) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("audit.json").write_text(text(), encoding="utf-8")
