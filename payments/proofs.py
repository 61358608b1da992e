"""Whether an evidence file proves its payment, told offline: no database, no server, no Django.

``python -m payments.proofs FILE [--key KEY]`` prints what holds and what does not, and leaves with 0
only if everything does. The file is made by ``payments.evidence``; docs/accounting.md describes it.
What it proves: these bytes are the transactions, they pay this address, they lie in blocks that
follow each other with this network's difficulty, and the instance signed the rest.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from payments import addresses, amounts, covenants, evidence_format, headers, transactions
from payments.errors import BadEvidence, ServiceError
from payments.evidence_format import Evidence, Fault, SeenPayment
from payments.headers import Header

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COINBASE_DEPTH: Final = 100
BOUND: Final = 8  # times easier than the checkpoint, and a block is not believed


@dataclass(frozen=True, slots=True)
class Line:
    """One finding, in words. ``fault`` is None when it holds."""

    text: str
    fault: Fault | None = None

    def __str__(self) -> str:
        return f"ok   {self.text}" if self.fault is None else f"BAD  [{self.fault}] {self.text}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings. ``proved_sat`` lie as deep as the sale asked for; ``key`` signed the file."""

    lines: tuple[Line, ...]
    proved_sat: int = 0
    key: str = ""

    @property
    def is_good(self) -> bool:
        return all(line.fault is None for line in self.lines)

    @property
    def faults(self) -> tuple[Fault, ...]:
        return tuple(line.fault for line in self.lines if line.fault is not None)


@dataclass(slots=True)
class _Findings:
    lines: list[Line] = field(default_factory=list)

    def hold(self, check: Callable[[], str], fault: Fault) -> bool:
        """Run one check, which answers with words or raises; ``fault`` names what others raise."""
        try:
            self.lines.append(Line(check()))
        except BadEvidence as error:
            self.lines.append(Line(error.message, Fault(error.fault)))
            return False
        except ServiceError as error:
            self.lines.append(Line(error.message, fault))
            return False
        return True


def verify(raw: bytes, *, now: datetime, key: str = "") -> Verdict:
    """Check everything in the file. ``key``: the instance's public key, if known from elsewhere."""
    found = _Findings()
    try:
        file = evidence_format.read(raw)
    except BadEvidence as error:
        return Verdict((Line(error.message, Fault(error.fault)),))
    found.hold(lambda: _check_address(file), Fault.ADDRESS)
    easiest = _easiest(file, found)
    blocks = {}
    for height, chain in file.blocks.items():
        check = partial(_check_chain, file, height, easiest=easiest, now=now)
        if found.hold(check, Fault.HEADERS):
            blocks[height] = chain
    proved_sat = sum(_prove(file, each, blocks, found) for each in file.outputs)
    found.hold(lambda: _check_sum(file, proved_sat), Fault.UNPAID)
    if file.receipt is not None:
        found.hold(lambda: _check_receipt(file), Fault.RECEIPT)
    found.hold(lambda: _check_signature(file, key), Fault.SIGNATURE)
    return Verdict(tuple(found.lines), proved_sat, file.key)


def _check_address(file: Evidence) -> str:
    address = addresses.parse(file.address, file.network)
    if address.script != file.script:
        raise BadEvidence(Fault.ADDRESS, "The address does not stand for the script.")
    if not file.redeem_script:
        return f"The address {file.address} stands for the script that was paid."
    spent = covenants.from_script_sig(bytes([len(file.redeem_script)]) + file.redeem_script)
    if spent is None or spent.script != file.script:
        raise BadEvidence(Fault.REDEEM, "The redeem script is not the one of the address.")
    payee = addresses.encode(spent.payee_script, file.network)
    return f"The address {file.address} can pay on to {payee} only."


def _easiest(file: Evidence, found: _Findings) -> int | None:
    """The easiest target that is believed; None where there is no bound, or no checkpoint to tell."""
    rules = headers.RULES[file.network]

    def check() -> str:
        if headers.parse(file.checkpoint).hash != rules.checkpoint_hash:
            raise BadEvidence(Fault.CHECKPOINT, "The checkpoint is not this network's.")
        return f"Block {rules.checkpoint_height} is the {file.network} chain's checkpoint."

    held = found.hold(check, Fault.CHECKPOINT)
    if not held or not rules.is_bounded:
        return None
    return BOUND * headers.target_of(headers.parse(file.checkpoint).bits)


def _check_chain(file: Evidence, height: int, *, easiest: int | None, now: datetime) -> str:
    """The parent of the block at ``height``, that block, and those upon it."""
    chain = file.blocks[height]
    rules = headers.RULES[file.network]
    latest = now.timestamp() + headers.MAX_FUTURE_SECONDS
    for at, header in enumerate(chain, height - 1):
        if easiest is not None and headers.target_of(header.bits) > easiest:
            raise BadEvidence(
                Fault.TOO_EASY, "Block {at} was too easy to make to be believed.", at=at
            )
        if header.time_seconds > latest:
            raise BadEvidence(Fault.HEADERS, "Block {at} lies in the future.", at=at)
    if int.from_bytes(chain[0].hash, "little") > headers.target_of(chain[0].bits):
        raise BadEvidence(
            Fault.HEADERS, "Header {height} lacks its proof of work.", height=height - 1
        )
    times: list[int] = []
    for at, (prev, header) in enumerate(pairwise(chain), height):
        times.append(prev.time_seconds)
        # Fewer than eleven times: the rule of the median needs blocks that are not in the file.
        headers.check(header, height=at, prev=prev, times=tuple(times[-11:]), rules=rules)
    return f"Block {height} ({chain[1].hash_hex}) has {len(chain) - 2} more upon it."


def _prove(
    file: Evidence, paid: SeenPayment, blocks: dict[int, tuple[Header, ...]], found: _Findings
) -> int:
    """What this output adds to the sum, in satoshis: nothing unless all of it holds."""
    name = f"{paid.txid}:{paid.vout}"
    worth: list[int] = []

    def check_bytes() -> str:
        worth.append(_worth(file, paid))
        said = f"{name} pays {paid.value_sat} sat to the address"
        return said + ("." if worth[0] else ", and does not count: a token, or a forward.")

    if not found.hold(check_bytes, Fault.TXID) or not worth[0]:
        return 0
    if paid.height is None:
        found.lines.append(Line(f"{name} is in no block and does not count."))
        return 0
    if paid.branch is None or paid.position is None:
        found.lines.append(Line(f"{name}: no proof was kept for it, so it does not count."))
        return 0
    if not found.hold(lambda: _check_place(paid, blocks), Fault.BRANCH):
        return 0
    depth = len(blocks[paid.height]) - 1
    least = COINBASE_DEPTH if paid.is_coinbase else file.confirmations
    if depth < least:
        found.lines.append(Line(f"{name} is {depth} deep, not {least}, and does not count yet."))
        return 0
    return worth[0]


def _worth(file: Evidence, paid: SeenPayment) -> int:
    transaction = transactions.parse(paid.raw, txid=paid.txid)
    if paid.vout >= len(transaction.outputs):
        raise BadEvidence(
            Fault.OUTPUT, "{txid} has no output {vout}.", txid=paid.txid, vout=paid.vout
        )
    output = transaction.outputs[paid.vout]
    if output.script != file.script:
        raise BadEvidence(
            Fault.OUTPUT, "{txid}:{vout} does not pay the address.", txid=paid.txid, vout=paid.vout
        )
    if output.value_sat != paid.value_sat:
        said = f"{paid.txid}:{paid.vout} is worth {output.value_sat} sat, not {paid.value_sat}."
        raise BadEvidence(Fault.OUTPUT, said)
    if (output.has_token, transaction.is_coinbase) != (paid.has_token, paid.is_coinbase):
        raise BadEvidence(
            Fault.OUTPUT, "{txid}:{vout} is not what is said of it.", txid=paid.txid, vout=paid.vout
        )
    return 0 if output.has_token or covenants.is_forward(transaction) else output.value_sat


def _check_place(paid: SeenPayment, blocks: dict[int, tuple[Header, ...]]) -> str:
    chain = blocks.get(paid.height or 0)
    if chain is None:
        raise BadEvidence(
            Fault.HEADERS, "There is no good header for block {height}.", height=paid.height or 0
        )
    if chain[1].hash_hex != paid.block_hash:
        raise BadEvidence(
            Fault.HEADERS, "Block {height} has another hash.", height=paid.height or 0
        )
    branch = tuple(each[::-1] for each in paid.branch or ())
    headers.check_merkle(paid.txid, branch, paid.position or 0, chain[1])
    return f"{paid.txid} lies in block {paid.height}."


def _check_sum(file: Evidence, proved_sat: int) -> str:
    if proved_sat < file.least_sat:
        said = (
            f"{proved_sat} sat are proved {file.confirmations} deep; {file.least_sat} were asked."
        )
        raise BadEvidence(Fault.UNPAID, said)
    return f"{proved_sat} sat ({amounts.format_bch(proved_sat)} BCH) are proved: it is paid."


def _check_receipt(file: Evidence) -> str:
    body, signature = file.receipt or (b"", b"")
    evidence_format.check_signed(evidence_format.RECEIPT_LABEL + body, signature, key=file.key)
    said = evidence_format.receipt_of(body)
    values = {f"{each.txid}:{each.vout}": each.value_sat for each in file.outputs}
    if said["purchase"] != file.purchase or not values.keys() >= set(said["outputs"]):
        raise BadEvidence(Fault.RECEIPT, "The receipt is of another sale.")
    if sum(values[name] for name in said["outputs"]) != said["paid_sat"]:
        raise BadEvidence(Fault.RECEIPT, "The receipt's sum is not that of its outputs.")
    return f"The receipt of {said['settled_at']} over {said['paid_sat']} sat is signed."


def _check_signature(file: Evidence, key: str) -> str:
    if key and key != file.key:
        raise BadEvidence(Fault.KEY, "The file was signed with another key than the one given.")
    evidence_format.check_signed(file.signed, file.signature, key=file.key)
    known = "the key that was given" if key else "a key to be compared with the instance's own"
    return f"All other words of the file are signed with {known}: {file.key}"


def report(verdict: Verdict) -> list[str]:
    """The verdict as lines to be printed."""
    end = "PROVED" if verdict.is_good else "NOT PROVED"
    return [*map(str, verdict.lines), f"{end}: {verdict.proved_sat} sat"]


def main(arguments: Sequence[str]) -> int:
    """``FILE [--key KEY]``. 0: all holds; 1: something does not; 2: cannot be read."""
    given: list[Any] = list(arguments)
    key = ""
    if len(given) == 3 and given[1] == "--key":
        key = given[2]
        del given[1:]
    if len(given) != 1:
        sys.stderr.write("usage: python -m payments.proofs FILE [--key KEY]\n")
        return 2
    try:
        raw = Path(given[0]).read_bytes()
    except OSError as error:
        sys.stderr.write(f"{given[0]}: {error.strerror}\n")
        return 2
    verdict = verify(raw, now=datetime.now(UTC), key=key)
    sys.stdout.write("\n".join([*report(verdict), ""]))
    return 0 if verdict.is_good else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
