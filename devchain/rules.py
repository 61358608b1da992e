"""What a node asks of a transaction before it enters the mempool, in the node's order and words."""

from collections.abc import Mapping

from devchain import script, tokens
from devchain.errors import NotStandard, Refused, ScriptFailed
from devchain.ledger import Coin, Ledger
from devchain.opcodes import LOCKTIME_THRESHOLD, SEQUENCE_DISABLED, SEQUENCE_IS_TIME
from devchain.sighash import Spend
from devchain.transaction import MAX_MONEY_SAT, Outpoint, Output, Transaction

MIN_BYTES = 65
MAX_STANDARD_BYTES = 100_000
MAX_UNLOCKING_BYTES = 1_650
MAX_DATA_BYTES = 223
MIN_FEE_SAT_PER_BYTE = 1
MAX_FEE_SAT = 10_000_000
COINBASE_MATURITY = 100
NON_STANDARD, LOW_FEE = 64, 66
FINAL = 0xFFFFFFFF
NULL: Outpoint = ("00" * 32, 0xFFFFFFFF)


def check_form(transaction: Transaction) -> None:
    """What the transaction alone tells: consensus form, then standardness. Raises Refused."""
    if transaction.is_coinbase:
        raise Refused("bad-tx-coinbase")
    _check_consensus_form(transaction)
    _check_standard_form(transaction)


def check_in_context(transaction: Transaction, ledger: Ledger) -> None:
    """Lock time against the next block (BIP 113), and size; refused as not standard *yet*."""
    lock = transaction.locktime
    limit = ledger.height + 1 if lock < LOCKTIME_THRESHOLD else ledger.median_time()
    if lock >= limit and any(each.sequence != FINAL for each in transaction.inputs):
        raise Refused("bad-txns-nonfinal, non-final transaction", NON_STANDARD)
    if len(transaction.raw) < MIN_BYTES:
        raise Refused("bad-txns-undersize", NON_STANDARD)


def check_spend(transaction: Transaction, coins: Mapping[Outpoint, Coin], ledger: Ledger) -> int:
    """Values, maturity, tokens, fee and scripts. Gives the fee in satoshis; raises Refused."""
    spent = [coins[each.outpoint] for each in transaction.inputs]
    _check_sequence_locks(transaction, spent, ledger)
    for coin in spent:
        if coin.is_coinbase and ledger.height + 1 - (coin.height or 0) < COINBASE_MATURITY:
            raise Refused("bad-txns-premature-spend-of-coinbase")
    outputs = [coin.output for coin in spent]
    in_sat, out_sat = sum(each.value_sat for each in outputs), total_sat(transaction)
    fee_sat = in_sat - out_sat
    if fee_sat < 0:
        told = f"value in ({_money(in_sat)}) < value out ({_money(out_sat)})"
        raise Refused(f"bad-txns-in-belowout, {told}")
    tokens.check(transaction, outputs)
    if not all(is_standard(output.locking) for output in outputs):
        raise Refused("bad-txns-nonstandard-inputs", NON_STANDARD)
    if fee_sat < len(transaction.raw) * MIN_FEE_SAT_PER_BYTE:
        raise Refused("min relay fee not met", LOW_FEE)
    if fee_sat > MAX_FEE_SAT:
        raise Refused("absurdly-high-fee", 256)
    check_scripts(transaction, outputs)
    return fee_sat


def check_scripts(transaction: Transaction, outputs: list[Output]) -> None:
    spend = Spend(transaction, outputs)
    for index in range(len(transaction.inputs)):
        try:
            script.verify(spend, index)
        except NotStandard as failure:
            reason = f"non-mandatory-script-verify-flag ({failure.message})"
            raise Refused(reason, NON_STANDARD) from failure
        except ScriptFailed as failure:
            raise Refused(f"mandatory-script-verify-flag-failed ({failure.message})") from failure


def total_sat(transaction: Transaction) -> int:
    return sum(output.value_sat for output in transaction.outputs)


def dust_limit_sat(output: Output) -> int:
    """Three times the fee of creating and spending the output; nothing for data."""
    if output.locking[:1] == b"\x6a":
        return 0
    return 3 * (len(output.serialize()) + 148)


def is_standard(locking: bytes) -> bool:
    """P2PKH, P2SH with 20 or 32 bytes, P2PK."""
    return script.is_p2pkh(locking) or script.is_p2sh(locking) or script.is_p2pk(locking)


def _check_consensus_form(transaction: Transaction) -> None:
    values = [output.value_sat for output in transaction.outputs]
    outpoints = [each.outpoint for each in transaction.inputs]
    wrong = (
        (not outpoints, "bad-txns-vin-empty"),
        (not values, "bad-txns-vout-empty"),
        (len(transaction.raw) > 1_000_000, "bad-txns-oversize"),
        (any(value > MAX_MONEY_SAT for value in values), "bad-txns-vout-toolarge"),
        (sum(values) > MAX_MONEY_SAT, "bad-txns-txouttotal-toolarge"),
        (NULL in outpoints, "bad-txns-prevout-null"),
        (len(set(outpoints)) != len(outpoints), "bad-txns-inputs-duplicate"),
    )
    for is_wrong, reason in wrong:
        if is_wrong:
            raise Refused(reason)


def _check_standard_form(transaction: Transaction) -> None:
    data = [each for each in transaction.outputs if each.locking[:1] == b"\x6a"]
    others = [each for each in transaction.outputs if each.locking[:1] != b"\x6a"]
    unlocking = [each.unlocking for each in transaction.inputs]
    wrong = (
        (transaction.version not in {1, 2}, "version"),
        (len(transaction.raw) > MAX_STANDARD_BYTES, "tx-size"),
        (any(len(each) > MAX_UNLOCKING_BYTES for each in unlocking), "scriptsig-size"),
        (not all(script.is_push_only(each) for each in unlocking), "scriptsig-not-pushonly"),
        (not all(is_standard(each.locking) for each in others), "scriptpubkey"),
        (not all(script.is_push_only(each.locking[1:]) for each in data), "scriptpubkey"),
        (sum(len(each.locking) for each in data) > MAX_DATA_BYTES, "oversize-op-return"),
        (any(each.value_sat < dust_limit_sat(each) for each in others), "dust"),
    )
    for is_wrong, reason in wrong:
        if is_wrong:
            raise Refused(reason, NON_STANDARD)


def _money(amount_sat: int) -> str:
    """As the node writes BCH: two digits after the point at least."""
    whole, rest = divmod(amount_sat, 100_000_000)
    digits = f"{rest:08}"
    return f"{whole}.{digits[:2]}{digits[2:].rstrip('0')}"


def _check_sequence_locks(transaction: Transaction, spent: list[Coin], ledger: Ledger) -> None:
    """BIP 68: relative lock times of version 2 transactions."""
    if transaction.version < 2:
        return
    for each, coin in zip(transaction.inputs, spent, strict=True):
        if each.sequence & SEQUENCE_DISABLED:
            continue
        amount = each.sequence & 0xFFFF
        height = ledger.height + 1 if coin.height is None else coin.height
        if each.sequence & SEQUENCE_IS_TIME:
            start = ledger.median_time(max(height - 1, 0))
            is_locked = start + amount * 512 > ledger.median_time()
        else:
            is_locked = height + amount > ledger.height + 1
        if is_locked:
            raise Refused("non-BIP68-final", NON_STANDARD)
