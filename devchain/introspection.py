"""The operations that look at the transaction (CHIP-2021-02 native introspection, and tokens)."""

from collections.abc import Callable

from devchain.errors import ScriptFailed
from devchain.machine import Machine
from devchain.transaction import Output, Token

Operation = Callable[[Machine], None]


def plain(get: Callable[[Machine], int | bytes]) -> Operation:
    return lambda machine: _give(machine, get(machine))


def by_input(get: Callable[[Machine, int], int | bytes]) -> Operation:
    def operation(machine: Machine) -> None:
        index = machine.pop_number()
        if not 0 <= index < len(machine.spend.transaction.inputs):
            raise ScriptFailed("Specified transaction input index is out of range")
        _give(machine, get(machine, index))

    return operation


def by_output(get: Callable[[Output], int | bytes]) -> Operation:
    def operation(machine: Machine) -> None:
        index, outputs = machine.pop_number(), machine.spend.transaction.outputs
        if not 0 <= index < len(outputs):
            raise ScriptFailed("Specified transaction output index is out of range")
        _give(machine, get(outputs[index]))

    return operation


def category(output: Output) -> bytes:
    """Category in byte order of a hash, then 1 for mutable and 2 for minting; empty without token."""
    token = output.token
    if token is None:
        return b""
    suffix = {"mutable": b"\x01", "minting": b"\x02"}.get(token.capability or "", b"")
    return bytes.fromhex(token.category)[::-1] + suffix


def commitment(output: Output) -> bytes:
    return (output.token or Token("")).commitment


def token_amount(output: Output) -> int:
    return (output.token or Token("")).amount


OPERATIONS: dict[int, Operation] = {
    0xC0: plain(lambda m: m.index),
    0xC1: plain(lambda m: m.active_code),
    0xC2: plain(lambda m: m.spend.transaction.version),
    0xC3: plain(lambda m: len(m.spend.transaction.inputs)),
    0xC4: plain(lambda m: len(m.spend.transaction.outputs)),
    0xC5: plain(lambda m: m.spend.transaction.locktime),
    0xC6: by_input(lambda m, i: m.spend.coins[i].value_sat),
    0xC7: by_input(lambda m, i: m.spend.coins[i].locking),
    0xC8: by_input(lambda m, i: bytes.fromhex(m.spend.transaction.inputs[i].txid)[::-1]),
    0xC9: by_input(lambda m, i: m.spend.transaction.inputs[i].index),
    0xCA: by_input(lambda m, i: m.spend.transaction.inputs[i].unlocking),
    0xCB: by_input(lambda m, i: m.spend.transaction.inputs[i].sequence),
    0xCC: by_output(lambda output: output.value_sat),
    0xCD: by_output(lambda output: output.locking),
    0xCE: by_input(lambda m, i: category(m.spend.coins[i])),
    0xCF: by_input(lambda m, i: commitment(m.spend.coins[i])),
    0xD0: by_input(lambda m, i: token_amount(m.spend.coins[i])),
    0xD1: by_output(category),
    0xD2: by_output(commitment),
    0xD3: by_output(token_amount),
}


def _give(machine: Machine, value: int | bytes) -> None:
    if isinstance(value, int):
        machine.push_number(value)
    else:
        machine.push(value)
