"""An offer and its link, proven to belong together before a coin moves (docs/protocol.md)."""

from dataclasses import dataclass
from typing import Any

from kimcli.means import Means
from kimcli.wire import Api, read_stretch
from unlock import container
from unlock.container import CoreHeader, Index, Meta, Tlv, decode_b64url
from unlock.container.tlvs import TYPE_META_LINK
from unlock.errors import Damaged


@dataclass(frozen=True)
class Proven:
    """What is sold, as it lies in the store: header, index and description fit each other, the
    offer and the link.
    """

    core: CoreHeader
    index: Index
    tlvs: tuple[Tlv, ...]
    meta: Meta
    content_id: bytes

    @property
    def name(self) -> str:
        return self.meta.name or self.meta.title


def prove(
    api: Api, offer: Any, link_secret: bytes, means: Means, *, session: bool = False
) -> Proven:
    """Read header and index from the store and check everything that can be checked unpaid.

    Raises WrongKey where only the link is wrong, Damaged, Unreachable, Refused.
    """
    named = f"?content_id={offer['content_id']}"  # of the version that is meant
    ranges = api.get(f"files/{offer['id']}/ranges/{named}", session=session)
    head = read_stretch(api.pool, ranges["header"], means.wait)
    core = CoreHeader.parse(head)
    core.check_size(int(offer["size_bytes"]))
    if core.raw != decode_b64url(offer["core_header"]):
        raise Damaged("The stored header is not the one that was promised.")
    tlvs = container.parse_tlvs(head[container.CORE_BYTES :], core)
    described = tlvs
    if offer.get("meta_link"):  # the seller made a new link since the object was stored
        described = (Tlv(TYPE_META_LINK, decode_b64url(offer["meta_link"])),)
    raw_index = read_stretch(api.pool, ranges["index"], means.wait)
    index = container.parse_index(raw_index, core)
    content_id = container.content_id(core, index.root)
    if content_id.hex() != offer["content_id"]:
        raise Damaged("What is stored is not what is offered.")
    if core.payload_bytes != offer["payload_bytes"]:
        raise Damaged("The size is not the one that was promised.")
    return Proven(core, index, tlvs, container.open_meta(core, described, link_secret), content_id)
