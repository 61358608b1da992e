"""The small things around a container: links, licences, release files, receipts, order tickets.

Files are UTF-8 JSON with base64url values without padding; unknown members are ignored, an unknown
``v`` is refused.
"""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from unlock.errors import LicenceMalformed, LinkMalformed, SignatureInvalid, UnsupportedVersion

_PATH = re.compile(r"/(f|p)/([A-Za-z0-9_-]+)/?")
_CODE = re.compile(r"[A-Za-z2-7]{16}")
_B64URL = re.compile(r"[A-Za-z0-9_-]*")
_RECEIPT_LABEL = b"KIM1 receipt"
_TICKET_LABEL = b"KIM1 ticket"
_SHOP = ("code", "reference", "return_url")


def encode_b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_b64url(text: str, size_bytes: int | None = None) -> bytes:
    """Strict: no padding, no stray bits, exact length. Raises ValueError."""
    if not _B64URL.fullmatch(text):
        raise ValueError("not base64url")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode_b64url(raw) != text or size_bytes not in {None, len(raw)}:
        raise ValueError("not the base64url of the right length")
    return raw


# --- links ---


@dataclass(frozen=True, repr=False)
class Link:
    """A share link (``seed`` is None) or a return link. ``id`` names paid file or purchase.

    ``code`` is the discount code that a share link may end in.
    """

    id: str
    link_secret: bytes
    seed: bytes | None
    code: str = ""


def parse_link(url: str) -> Link:
    """Read ``…/f/<id>#1.<L>[.<code>]`` or ``…/p/<purchase>#1.<L>.<seed>``. Raises LinkMalformed."""
    try:
        parts = urlsplit(url.strip())
        path = _PATH.fullmatch(parts.path)
    except ValueError as error:
        raise LinkMalformed("This is not a link.") from error
    if path is None or parts.scheme not in {"http", "https"}:
        raise LinkMalformed("This is not a link to a file or a purchase.")
    # Chat programs glue punctuation to the end of links.
    version, *values = re.sub(r"[^A-Za-z0-9_-]+$", "", parts.fragment).split(".")
    if version != "1" and version.isdigit():
        raise UnsupportedVersion("The link was made by a newer version.")
    is_return = path[1] == "p"
    has_code = not is_return and len(values) == 2 and _CODE.fullmatch(values[1])
    code = values.pop() if has_code else ""
    if version != "1" or len(values) != 1 + is_return:
        raise LinkMalformed("The end of the link, behind the # sign, is missing.")
    try:
        seed = decode_b64url(values[1], 32) if is_return else None
        return Link(path[2], decode_b64url(values[0], 16), seed, code)
    except ValueError as error:
        raise LinkMalformed(
            "The end of the link, behind the # sign, is cut or mistyped."
        ) from error


# --- licence and release files ---


@dataclass(frozen=True, repr=False)
class Licence:
    """What a buyer keeps: opens any copy for ever. ``receipt`` are the signed bytes."""

    content_id: bytes
    content_key: bytes
    name: str
    copies: tuple[str, ...]
    receipt: bytes
    signature: bytes


@dataclass(frozen=True, repr=False)
class ReleaseFile:
    content_id: bytes
    release_secret: bytes


def parse_licence(raw: bytes) -> Licence:
    """Raises LicenceMalformed or UnsupportedVersion. The receipt's signature is not checked."""
    members = _load(raw, "licence")
    try:
        return Licence(
            content_id=_hash(members["content_id"]),
            content_key=decode_b64url(members["m"], 32),
            name=_text(members["name"]),
            copies=tuple(_text(copy) for copy in members["copies"]),
            receipt=decode_b64url(members["receipt"]),
            signature=decode_b64url(members["signature"], 64),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise LicenceMalformed("The licence file is incomplete.") from error


def build_licence(licence: Licence) -> bytes:
    """The inverse of ``parse_licence``; the browser writes the same members."""
    return _dump(
        {
            "kim": "licence",
            "v": 1,
            "content_id": licence.content_id.hex(),
            "m": encode_b64url(licence.content_key),
            "name": licence.name,
            "copies": list(licence.copies),
            "receipt": encode_b64url(licence.receipt),
            "signature": encode_b64url(licence.signature),
        }
    )


def parse_release(raw: bytes) -> ReleaseFile:
    """Raises LicenceMalformed or UnsupportedVersion."""
    members = _load(raw, "release")
    try:
        return ReleaseFile(_hash(members["content_id"]), decode_b64url(members["s"], 32))
    except (ValueError, KeyError, TypeError) as error:
        raise LicenceMalformed("The release file is incomplete.") from error


def build_release(release: ReleaseFile) -> bytes:
    secret = encode_b64url(release.release_secret)
    name = release.content_id.hex()
    return _dump({"kim": "release", "v": 1, "content_id": name, "s": secret})


# --- what the instance signs ---


@dataclass(frozen=True)
class Receipt:
    """That a purchase was settled. ``outputs`` are "txid:vout"; ids are the API's strings."""

    instance: str
    paid_file: str
    purchase: str
    content_id: bytes
    paid_sat: int
    outputs: tuple[str, ...]
    settled_at: datetime


@dataclass(frozen=True)
class Ticket:
    """What an order promised: whoever holds it can prove which address was theirs, until when."""

    paid_file: str
    purchase: str
    content_id: bytes
    address: str
    derivation: str
    due_sat: int
    until: datetime
    buyer_key: bytes
    claim_hash: bytes
    generation: int | None = None  # of S; tickets of before there were versions name none
    code: str = ""  # the id of the discount code it was ordered with
    reference: str = ""  # a shop's own word, and where it wants its buyer back
    return_url: str = ""


def receipt_bytes(receipt: Receipt) -> bytes:
    """The JSON that is signed, kept and shown; never rebuilt from its members."""
    return _dump(
        {
            "instance": receipt.instance,
            "paid_file": receipt.paid_file,
            "purchase": receipt.purchase,
            "content_id": receipt.content_id.hex(),
            "paid_sat": receipt.paid_sat,
            "outputs": list(receipt.outputs),
            "settled_at": _time_text(receipt.settled_at),
        }
    )


def ticket_bytes(ticket: Ticket) -> bytes:
    named: dict[str, Any] = {} if ticket.generation is None else {"generation": ticket.generation}
    shop = {name: getattr(ticket, name) for name in _SHOP}
    named.update({name: text for name, text in shop.items() if text})
    return _dump(
        {
            "paid_file": ticket.paid_file,
            "purchase": ticket.purchase,
            "content_id": ticket.content_id.hex(),
            "address": ticket.address,
            "derivation": ticket.derivation,
            "due_sat": ticket.due_sat,
            "until": _time_text(ticket.until),
            "buyer_key": encode_b64url(ticket.buyer_key),
            "claim_hash": ticket.claim_hash.hex(),
            **named,
        }
    )


def sign_receipt(signing_key: bytes, receipt: bytes) -> bytes:
    """Ed25519 over the label and ``receipt_bytes``; ``signing_key`` is the 32-byte seed."""
    return Ed25519PrivateKey.from_private_bytes(signing_key).sign(_RECEIPT_LABEL + receipt)


def verify_receipt(public_key: bytes, receipt: bytes, signature: bytes) -> Receipt:
    """Return the receipt if this instance signed it. Raises SignatureInvalid."""
    _verify(public_key, _RECEIPT_LABEL + receipt, signature)
    members = _signed_members(receipt)
    try:
        return Receipt(
            instance=_text(members["instance"]),
            paid_file=_text(members["paid_file"]),
            purchase=_text(members["purchase"]),
            content_id=_hash(members["content_id"]),
            paid_sat=int(members["paid_sat"]),
            outputs=_texts(members["outputs"]),
            settled_at=_time(members["settled_at"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SignatureInvalid("What was signed is not a receipt.") from error


def sign_ticket(signing_key: bytes, ticket: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(signing_key).sign(_TICKET_LABEL + ticket)


def verify_ticket(public_key: bytes, ticket: bytes, signature: bytes) -> Ticket:
    """Return the ticket if this instance signed it. Raises SignatureInvalid."""
    _verify(public_key, _TICKET_LABEL + ticket, signature)
    members = _signed_members(ticket)
    try:
        return Ticket(
            paid_file=_text(members["paid_file"]),
            purchase=_text(members["purchase"]),
            content_id=_hash(members["content_id"]),
            address=_text(members["address"]),
            derivation=_text(members["derivation"]),
            due_sat=int(members["due_sat"]),
            until=_time(members["until"]),
            buyer_key=decode_b64url(members["buyer_key"], 65),
            claim_hash=_hash(members["claim_hash"]),
            generation=None if (given := members.get("generation")) is None else int(given),
            **{name: _text(members.get(name, "")) for name in _SHOP},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SignatureInvalid("What was signed is not an order ticket.") from error


def signing_public_key(signing_key: bytes) -> bytes:
    """The 32 bytes that ``/.well-known/kim.json`` publishes."""
    return Ed25519PrivateKey.from_private_bytes(signing_key).public_key().public_bytes_raw()


def _verify(public_key: bytes, message: bytes, signature: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise SignatureInvalid("The signature is not this server's.") from error


def _load(raw: bytes, kind: str) -> dict[str, Any]:
    try:
        members = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise LicenceMalformed("This is not a {kind} file.", kind=kind) from error
    if not isinstance(members, dict) or members.get("kim") != kind:
        raise LicenceMalformed("This is not a {kind} file.", kind=kind)
    if type(members.get("v")) is not int or members["v"] != 1:
        raise UnsupportedVersion("The {kind} file was made by a newer version.", kind=kind)
    return members


def _signed_members(raw: bytes) -> dict[str, Any]:
    try:
        members = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise SignatureInvalid("What was signed cannot be read.") from error
    return members if isinstance(members, dict) else {}


def _dump(members: dict[str, Any]) -> bytes:
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


def _hash(text: str) -> bytes:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError("not a SHA-256")
    return bytes.fromhex(text)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(_text(value) for value in values)


def _time_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
