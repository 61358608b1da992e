"""The evidence file "kim-evidence-1": read strictly, and what of it is signed. Pure.

JSON without floats and without doubled members. Chain data is hex as people read it (hashes
byte-reversed, branches as Electrum servers give them); keys and signatures are base64url without
padding. The signature covers every member but itself, in canonical form.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from payments import headers
from payments.errors import BadEvidence, BadHeaders
from payments.headers import HEADER_BYTES, Header
from payments.states import Network

FORMAT: Final = "kim-evidence-1"
LABEL: Final = b"KIM1 evidence"
RECEIPT_LABEL: Final = b"KIM1 receipt"  # of docs/protocol.md: what unlock signs for a buyer
_MAX_BYTES: Final = 64 * 1024 * 1024
_HASH: Final = re.compile(r"[0-9a-f]{64}")


class Fault(StrEnum):
    """What does not hold. Stable: programs branch on it."""

    FORMAT = "format"
    ADDRESS = "address_wrong"
    REDEEM = "redeem_script_wrong"
    CHECKPOINT = "checkpoint_wrong"
    HEADERS = "headers_wrong"
    TOO_EASY = "block_too_easy"
    TXID = "transaction_wrong"
    OUTPUT = "output_wrong"
    BRANCH = "branch_wrong"
    UNPAID = "not_enough"
    RECEIPT = "receipt_wrong"
    SIGNATURE = "signature_wrong"
    KEY = "other_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPayment:
    """One output, as the file has it. ``branch`` None: no proof was kept."""

    txid: str
    vout: int
    value_sat: int
    raw: bytes
    has_token: bool
    is_coinbase: bool
    height: int | None
    block_hash: str
    branch: tuple[bytes, ...] | None
    position: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is checked of a file. ``blocks``: by height, the parent's header, then upwards."""

    network: Network
    purchase: str
    address: str
    script: bytes
    redeem_script: bytes
    confirmations: int
    least_sat: int
    outputs: tuple[SeenPayment, ...]
    checkpoint: bytes
    blocks: dict[int, tuple[Header, ...]]
    receipt: tuple[bytes, bytes] | None
    key: str
    signed: bytes
    signature: bytes


def read(raw: bytes) -> Evidence:
    """Raises ``BadEvidence`` (format) unless every member that is checked is there and well-formed."""
    members = _load(raw)
    try:
        return _take(members)
    except (KeyError, TypeError, ValueError, AttributeError, BadHeaders) as error:
        raise BadEvidence(
            Fault.FORMAT, "The file is incomplete or damaged: {error}.", error=repr(error)
        ) from error


def sign(members: dict[str, Any], signing_key: bytes) -> dict[str, Any]:
    """``members`` with the instance's key and its signature over all of them."""
    private = Ed25519PrivateKey.from_private_bytes(signing_key)
    whole = {**members, "key": encode(private.public_key().public_bytes_raw())}
    return {**whole, "signature": encode(private.sign(signed_bytes(whole)))}


def signed_bytes(members: dict[str, Any]) -> bytes:
    """The label, then the JSON with sorted members, no spaces, UTF-8, without ``signature``."""
    rest = {name: value for name, value in members.items() if name != "signature"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return LABEL + text.encode()


def check_signed(message: bytes, signature: bytes, *, key: str) -> None:
    """Raises ``BadEvidence`` (signature) unless ``key`` signed ``message``."""
    try:
        Ed25519PublicKey.from_public_bytes(decode(key)).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        said = "The signature does not fit: something was changed after it was signed."
        raise BadEvidence(Fault.SIGNATURE, said) from error


def receipt_of(body: bytes) -> dict[str, Any]:
    """The members of a signed receipt that are compared. Raises ``BadEvidence`` (receipt)."""
    try:
        said = json.loads(body)
        return {
            "purchase": _typed(said["purchase"], str),
            "outputs": [_typed(each, str) for each in said["outputs"]],
            "paid_sat": _typed(said["paid_sat"], int),
            "settled_at": _typed(said["settled_at"], str),
        }
    except (ValueError, KeyError, TypeError) as error:
        raise BadEvidence(Fault.RECEIPT, "The receipt cannot be read.") from error


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Raises ``ValueError`` for anything that ``encode`` would not have written."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if encode(raw) != text:
        raise ValueError("not base64url")
    return raw


def _load(raw: bytes) -> dict[str, Any]:
    try:
        if len(raw) > _MAX_BYTES:
            raise ValueError("too long")  # noqa: TRY301 - one way out for all that is no file
        members = json.loads(raw, object_pairs_hook=_once, parse_float=_no_float)
    except (ValueError, RecursionError) as error:
        raise BadEvidence(
            Fault.FORMAT, "This is no evidence file: {error}.", error=str(error)
        ) from error
    if not isinstance(members, dict) or members.get("format") != FORMAT:
        raise BadEvidence(Fault.FORMAT, "This is not a file of the format {format}.", format=FORMAT)
    return members


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _no_float(text: str) -> Any:
    raise ValueError(f"{text} is not a whole number")


def _take(members: dict[str, Any]) -> Evidence:
    invoice, chain, receipt = members["invoice"], members["chain"], members["receipt"]
    return Evidence(
        network=Network(invoice["network"]),
        purchase=_typed(members["sale"]["purchase"], str),
        address=_typed(invoice["address"], str),
        script=bytes.fromhex(invoice["script"]),
        redeem_script=bytes.fromhex(invoice["redeem_script"]),
        confirmations=_count(invoice["confirmations"], least=1),
        least_sat=_least_sat(invoice, members["quotes"]),
        outputs=_outputs(members["outputs"]),
        checkpoint=bytes.fromhex(chain["checkpoint"]),
        blocks={_count(each["height"], least=1): _chain(each) for each in chain["blocks"]},
        receipt=None
        if receipt is None
        else (decode(receipt["body"]), decode(receipt["signature"])),
        key=_typed(members["key"], str),
        signed=signed_bytes(members),
        signature=decode(members["signature"]),
    )


def _least_sat(invoice: dict[str, Any], quotes: list[dict[str, Any]]) -> int:
    """What had to come: the least of what was quoted, what is due now, what the seller took."""
    asked = [_count(each["min_sat"], least=1) for each in quotes]
    asked.append(_count(invoice["due_sat"], least=1))
    if invoice["accepted_sat"] is not None:
        asked.append(_count(invoice["accepted_sat"], least=1))
    return min(asked)


def _outputs(each: list[dict[str, Any]]) -> tuple[SeenPayment, ...]:
    found = tuple(_output(one) for one in each)
    if len({(one.txid, one.vout) for one in found}) != len(found):
        raise ValueError("an output stands twice")
    return found


def _output(each: dict[str, Any]) -> SeenPayment:
    branch, position, height = each["branch"], each["position"], each["height"]
    return SeenPayment(
        txid=_hash(each["txid"]),
        vout=_count(each["vout"]),
        value_sat=_count(each["value_sat"]),
        raw=bytes.fromhex(each["raw"]),
        has_token=_typed(each["has_token"], bool),
        is_coinbase=_typed(each["is_coinbase"], bool),
        height=None if height is None else _count(height, least=1),
        block_hash="" if height is None else _hash(each["block_hash"]),
        branch=None if branch is None else tuple(bytes.fromhex(_hash(one)) for one in branch),
        position=None if position is None else _count(position),
    )


def _chain(each: dict[str, Any]) -> tuple[Header, ...]:
    raw = bytes.fromhex(each["headers"])
    found = tuple(
        headers.parse(raw[at : at + HEADER_BYTES]) for at in range(0, len(raw), HEADER_BYTES)
    )
    if len(found) < 2:
        raise ValueError("a block lacks its header, or its parent's")
    return found


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"not a {kind.__name__}")
    return value


def _count(value: Any, *, least: int = 0) -> int:
    number: int = _typed(value, int)
    if number < least:
        raise ValueError(f"{number} is too little")
    return number


def _hash(value: Any) -> str:
    if not _HASH.fullmatch(_typed(value, str)):
        raise ValueError("not a hash")
    return str(value)
