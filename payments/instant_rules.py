"""Whether a payment may open its file before a block: one pure rule each, with a stable code.

Frozen facts in, the first rule that is not met out. ``payments.instant`` fills the facts from the
chain and from rows. Why these rules: docs/payments.md, "Instant unlock".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from payments import addresses, transactions

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

SILENCE: Final = timedelta(seconds=8)  # equal-fee double spends win in under 0.1 % after three
SIZE_BELOW_BYTES: Final = 100_000
INPUTS_MOST: Final = 50  # each may need a transaction of its own to be fetched and read
ALL_FORKID: Final = 0x41  # SIGHASH_ALL | SIGHASH_FORKID: every input and output is signed for
_SCHNORR_BYTES: Final = 65  # with its hash type
_DER_BYTES: Final = range(9, 74)  # with its hash type (BIP 66)
_KEY_PREFIXES: Final = {33: (2, 3), 65: (4,)}  # by length


class Wait(StrEnum):
    """What is still waited for. The codes are stored and shown; they do not change."""

    CEILING = "ceiling"
    ONE_OPERATOR = "one_operator"
    DOUBT = "doubt"
    REFUSED = "refused"
    RAW = "raw"
    PARENTS = "parents"
    SIZE = "size"
    INPUTS = "many_inputs"
    COINS = "coins"
    INPUT_KIND = "input_kind"
    SIGNATURE_KIND = "signature_kind"
    FEE = "fee"
    STALE = "stale"
    SECOND_SERVER = "second_server"
    REBROADCAST = "rebroadcast"
    PROOFS = "proof_server"
    SILENCE = "8_seconds"
    TOTAL_CEILING = "total_ceiling"
    NOTHING = ""


# These pass by themselves, within seconds or once other payments are in a block.
PASSING: Final = frozenset(
    {Wait.COINS, Wait.STALE, Wait.SECOND_SERVER, Wait.REBROADCAST, Wait.PROOFS, Wait.SILENCE}
)
# Once contradicted, a payment is decided by a block alone, whatever servers say afterwards.
LASTING: Final = frozenset({Wait.DOUBT, Wait.REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class SpentFacts:
    """One input. ``locking`` and ``value_sat`` are of the output it spends, read from the parent's
    own bytes; None where no server gave them.
    """

    unlocking: bytes
    locking: bytes | None
    value_sat: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TxFacts:
    """One unconfirmed transaction. ``operators`` show it, ``accepted_by`` took it from us or had it
    already, ``refused_by`` refused it. ``has_unconfirmed_parents``: a server said height -1.
    ``is_proof_told``: a server answered whether a double-spend proof is known.
    """

    txid: str
    raw: bytes
    inputs: tuple[SpentFacts, ...]
    outputs_sat: int
    has_unconfirmed_parents: bool
    operators: frozenset[str]
    accepted_by: frozenset[str] = frozenset()
    refused_by: frozenset[str] = frozenset()
    is_proof_told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFacts:
    """All that an invoice's answer hangs on, but for the ceiling of all sales together.

    ``configured`` and ``live`` are operators of servers; ``least_operators`` must show the payment.
    ``asked_at``: nothing here was asked before it, double-spend proofs too. ``silent_from``: the
    second from which silence was long enough. ``is_doubted``: an output is missing, contradicted or
    has a proof against it. ``is_watched``: neither held nor stale.
    """

    due_sat: int
    ceiling_sat: int
    configured: frozenset[str]
    live: frozenset[str]
    least_operators: int
    transactions: tuple[TxFacts, ...]
    is_doubted: bool
    is_watched: bool
    asked_at: datetime
    silent_from: datetime


def unmet(facts: PaymentFacts) -> Wait:
    """The first rule that is not met; NOTHING when all are and only the ceiling of all is left."""
    for wait, holds in RULES:
        if not holds(facts):
            return wait
    return Wait.NOTHING


def unmet_alone(tx: TxFacts) -> Wait:
    """The first rule that the transaction breaks by itself; NOTHING when it may be offered."""
    for wait, holds in TX_RULES:
        if not holds(tx):
            return wait
    return Wait.NOTHING


def fits(worth_sat: int, *, released_sat: int, total_sat: int) -> bool:
    """Whether one more release stays within what may be out unconfirmed at any one time."""
    return released_sat + worth_sat <= total_sat


def is_p2pkh(spent: SpentFacts) -> bool:
    """A signature and a public key, and the output is locked with that key's hash."""
    pushes = _two_pushes(spent.unlocking)
    if pushes is None or spent.locking is None:
        return False
    signature, key = pushes
    is_key = bool(key) and key[0] in _KEY_PREFIXES.get(len(key), ())
    is_signature = len(signature) == _SCHNORR_BYTES or _is_der(signature)
    return is_key and is_signature and spent.locking == addresses.p2pkh_script(key)


def signs_all(spent: SpentFacts) -> bool:
    """Exactly SIGHASH_ALL|FORKID: no ANYONECANPAY, NONE, SINGLE or UTXOS, which no proof covers."""
    pushes = _two_pushes(spent.unlocking)
    return pushes is not None and pushes[0][-1:] == bytes([ALL_FORKID])


def fee_sat(tx: TxFacts) -> int | None:
    """What the miner gets; None while a coin that is spent is not known."""
    values = [spent.value_sat for spent in tx.inputs]
    known = [value for value in values if value is not None]
    return sum(known) - tx.outputs_sat if len(known) == len(values) else None


def _pays_enough(tx: TxFacts) -> bool:
    """1.0 sat per byte at least, in whole numbers."""
    paid_sat = fee_sat(tx)
    return paid_sat is not None and paid_sat >= len(tx.raw)


def _is_passed_on(tx: TxFacts, facts: PaymentFacts) -> bool:
    """We sent it ourselves: a server beyond those whose word is counted already took it; or, where
    there is no further one, all that live did.
    """
    if len(facts.live) > facts.least_operators:
        return bool(tx.accepted_by) and len(tx.operators | tx.accepted_by) > facts.least_operators
    return bool(tx.accepted_by) and tx.accepted_by >= facts.live


def _two_pushes(unlocking: bytes) -> tuple[bytes, bytes] | None:
    """The two direct pushes (1 to 75 bytes each) that make up the whole of ``unlocking``."""
    first, rest = _push(unlocking)
    second, rest = _push(rest)
    return (first, second) if first and second and not rest else None


def _push(script: bytes) -> tuple[bytes, bytes]:
    size = script[0] if script else 0
    if not 1 <= size <= 75 or len(script) <= size:
        return b"", script
    return script[1 : 1 + size], script[1 + size :]


def _is_der(signature: bytes) -> bool:
    """The outer shape of BIP 66; the rest is for nodes, which refuse what does not verify."""
    return (
        len(signature) in _DER_BYTES and signature[0] == 0x30 and signature[1] == len(signature) - 3
    )


def _all(holds: Callable[[TxFacts], bool]) -> Callable[[PaymentFacts], bool]:
    return lambda facts: all(holds(tx) for tx in facts.transactions)


# What can be told from the transaction and the coins it spends.
TX_RULES: Final[tuple[tuple[Wait, Callable[[TxFacts], bool]], ...]] = (
    (Wait.RAW, lambda tx: transactions.txid_of(tx.raw) == tx.txid),
    (Wait.PARENTS, lambda tx: not tx.has_unconfirmed_parents),
    (Wait.SIZE, lambda tx: len(tx.raw) < SIZE_BELOW_BYTES),
    (Wait.INPUTS, lambda tx: 1 <= len(tx.inputs) <= INPUTS_MOST),
    (Wait.COINS, lambda tx: all(spent.locking is not None for spent in tx.inputs)),
    (Wait.INPUT_KIND, lambda tx: all(is_p2pkh(spent) for spent in tx.inputs)),
    (Wait.SIGNATURE_KIND, lambda tx: all(signs_all(spent) for spent in tx.inputs)),
    (Wait.FEE, _pays_enough),
)

# What can never pass comes first, so that its buyer is told at once that a block decides.
RULES: Final[tuple[tuple[Wait, Callable[[PaymentFacts], bool]], ...]] = (
    (Wait.CEILING, lambda facts: facts.due_sat <= facts.ceiling_sat),
    (Wait.ONE_OPERATOR, lambda facts: len(facts.configured) >= facts.least_operators),
    (Wait.REFUSED, _all(lambda tx: not tx.refused_by)),
    (Wait.DOUBT, lambda facts: not facts.is_doubted),
    *((wait, _all(holds)) for wait, holds in TX_RULES),
    (Wait.STALE, lambda facts: facts.is_watched),
    (
        Wait.SECOND_SERVER,
        lambda facts: (
            bool(facts.transactions)
            and all(len(tx.operators) >= facts.least_operators for tx in facts.transactions)
        ),
    ),
    (
        Wait.REBROADCAST,
        lambda facts: all(_is_passed_on(tx, facts) for tx in facts.transactions),
    ),
    (Wait.PROOFS, _all(lambda tx: tx.is_proof_told)),
    (Wait.SILENCE, lambda facts: facts.asked_at >= facts.silent_from),
)
