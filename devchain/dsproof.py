"""Double-spend proofs (spec dsproof): two signed spends of one P2PKH output, compact."""

from dataclasses import dataclass

from devchain import script, sighash
from devchain.encoding import double_sha256, write_bytes, write_varint
from devchain.sighash import Spend
from devchain.transaction import Outpoint, Output, Transaction


@dataclass(frozen=True)
class Proof:
    """`txid` is the transaction of the mempool that was double-spent."""

    txid: str
    outpoint: Outpoint
    raw: bytes

    @property
    def dspid(self) -> str:
        return double_sha256(self.raw)[::-1].hex()


def prove(
    first: Transaction, second: Transaction, outpoint: Outpoint, coin: Output
) -> Proof | None:
    """None where no proof can exist: not P2PKH, or a signature that covers the spent outputs."""
    if not script.is_p2pkh(coin.locking):
        return None
    spenders = [_spender(each, outpoint, coin) for each in (first, second)]
    if any(spender is None for spender in spenders):
        return None
    # The spec orders the two by their hash of outputs, so that both finders make the same bytes.
    ordered = sorted((spender for spender in spenders if spender), key=lambda each: each[0])
    place = bytes.fromhex(outpoint[0])[::-1] + outpoint[1].to_bytes(4, "little")
    return Proof(first.txid, outpoint, place + b"".join(raw for _, raw in ordered))


def _spender(
    transaction: Transaction, outpoint: Outpoint, coin: Output
) -> tuple[bytes, bytes] | None:
    index = [each.outpoint for each in transaction.inputs].index(outpoint)
    spent = transaction.inputs[index]
    pushes = [data for _, data, _ in script.instructions(spent.unlocking)]
    signature = pushes[0] or b"\x00"
    if signature[-1] & sighash.UTXOS:
        return None
    # Only the hashes of the transaction are asked for, so one coin stands in for all.
    spend = Spend(transaction, [coin] * len(transaction.inputs))
    hash_type = signature[-1]
    outputs_hash = spend.outputs_hash_for(index, hash_type)
    fields = (transaction.version, spent.sequence, transaction.locktime)
    raw = (
        b"".join(field.to_bytes(4, "little") for field in fields)
        + spend.prevouts_hash_for(hash_type)
        + spend.sequence_hash_for(hash_type)
        + outputs_hash
        + write_varint(1)
        + write_bytes(signature)
    )
    return outputs_hash[::-1] + spend.prevouts_hash_for(hash_type)[::-1], raw
