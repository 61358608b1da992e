"""The audit of an offer, done again by whoever has the sealed file: from the offer's JSON, as
``GET /api/v1/files/<id>/`` gives it.
"""

import json
from typing import Any

from unlock.container import showing
from unlock.container.papers import decode_b64url
from unlock.container.reader import Container
from unlock.errors import Damaged


def check_audit(container: Container, raw: bytes) -> int:
    """Open the segments that the audit drew; how many. 0: the offer names no audit.

    Raises Damaged where the offer is unreadable, of another file, or shows other segments than were
    drawn; Forged where a key is not the committed one or opens nothing.
    """
    nonce, entries = _read(container, raw)
    core = container.core
    count = showing.audit_count(core.segments)
    shown = showing.parse_entries(entries)
    if not nonce or count == 0:
        return 0
    drawn = showing.audit_segments(container.content_id, nonce, segments=core.segments, count=count)
    if [entry.segment for entry in shown] != drawn:
        raise Damaged("The offer shows keys of other segments than were drawn.")
    for entry in shown:
        stored = container.stored_segment(entry.segment)
        showing.open_shown(core, container.index, entry, stored)
    return count


def _read(container: Container, raw: bytes) -> tuple[bytes, bytes]:
    try:
        offer: Any = json.loads(raw)
        content_id, audit = bytes.fromhex(offer["content_id"]), offer["audit"]
        if audit is None:
            nonce, entries = b"", b""
        else:
            nonce = decode_b64url(audit["nonce"], showing.NONCE_BYTES)
            entries = decode_b64url(audit["entries"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damaged("The offer cannot be read.") from error
    container.check_content_id(content_id)
    return nonce, entries
