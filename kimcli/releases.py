"""From a release to the content key: what was promised before payment is what opens."""

from typing import Any
from uuid import UUID

from kimcli.errors import Unreachable
from kimcli.means import Means
from kimcli.offers import Proven
from kimcli.wire import Api
from unlock import container
from unlock.container import decode_b64url
from unlock.errors import Forged

_PAUSES_SECONDS = (0.3, 0.5, 1.0, 2.0, 3.0)
_TURNS = 200


def wait_for(api: Api, purchase_id: str, claim: bytes, means: Means) -> Any:
    """The release, once the server has sealed it. Raises Refused (402: not paid), Unreachable."""
    for turn in range(_TURNS):
        answer = api.post(f"purchases/{purchase_id}/release/", claim=claim, repeatable=True)
        if answer.get("release") != "pending":
            return answer
        means.wait(_PAUSES_SECONDS[min(turn, len(_PAUSES_SECONDS) - 1)])
    raise Unreachable("release_late", "The key is late.", "Nothing is lost: run it again.")


def content_key(
    release: Any, offer: Any, proven: Proven, *, purchase_id: str, seed: bytes, link_secret: bytes
) -> bytes:
    """M, proven against the header. Raises Forged, WrongKey."""
    if (release["content_id"], release["h_s"]) != (offer["content_id"], offer["h_s"]):
        raise Forged("The key was released for something else than what was offered.")
    secret = container.open_release(
        container.buyer_key_pair(seed).private_key,
        decode_b64url(release["sealed"]),
        paid_file=UUID(offer["id"]),
        purchase=UUID(purchase_id),
        content_id=proven.content_id,
    )
    if container.hash_commitment(secret).hex() != release["h_s"]:
        raise Forged("The released secret is not the one promised before payment.")
    wraps = [decode_b64url(one["wrapped_key"]) for one in (release, offer)]
    return container.unwrap_any(
        proven.core,
        [*wraps, *container.wraps_of(proven.tlvs)],
        release_secret=secret,
        link_secret=link_secret,
    )
