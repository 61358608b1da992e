"""What each operation does. One function each, or one lambda where a line says it all.

Left out, and refused as unknown: OP_CHECKMULTISIG and its VERIFY form, and the loops and functions
of May 2026. The covenants of this project use none of them.
"""

import hashlib
from collections.abc import Callable

from bitcash._ripemd160 import ripemd160

from devchain import introspection
from devchain.encoding import double_sha256, hash160, sha256
from devchain.errors import ScriptFailed
from devchain.machine import (
    MAX_ITEM_BYTES,
    Machine,
    as_bool,
    decode_loose,
    decode_number,
    encode_number,
)
from devchain.signatures import check_data_signature, check_signature

Operation = Callable[[Machine], None]

SMALL_NUMBERS = {0x4F: -1} | {0x50 + number: number for number in range(1, 17)}
DISABLED = {0x8D, 0x8E, 0x98, 0x99}  # 2MUL, 2DIV, LSHIFT, RSHIFT
LOCKTIME_THRESHOLD = 500_000_000
SEQUENCE_DISABLED = 1 << 31
SEQUENCE_IS_TIME = 1 << 22


def fail(message: str) -> None:
    raise ScriptFailed(message)


def verify(machine: Machine, message: str) -> None:
    if not as_bool(machine.pop()):
        raise ScriptFailed(message)


def unary(compute: Callable[[int], int]) -> Operation:
    return lambda machine: machine.push_number(compute(machine.pop_number()))


def binary(compute: Callable[[int, int], int]) -> Operation:
    def operation(machine: Machine) -> None:
        machine.need(2)
        b, a = machine.pop_number(), machine.pop_number()
        machine.push_number(compute(a, b))

    return operation


def digest(compute: Callable[[bytes], bytes]) -> Operation:
    return lambda machine: machine.push(compute(machine.pop()))


def divide(a: int, b: int) -> int:
    """Towards zero, unlike Python's //."""
    if b == 0:
        raise ScriptFailed("Division by zero error")
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def modulo(a: int, b: int) -> int:
    if b == 0:
        raise ScriptFailed("Modulo by zero error")
    return a - b * divide(a, b)


def rearrange(count: int, order: Callable[[list[bytes]], list[bytes]]) -> Operation:
    """Takes the top items (deepest first) and puts back what order gives."""

    def operation(machine: Machine) -> None:
        machine.need(count)
        items = machine.stack[-count:]
        del machine.stack[-count:]
        machine.stack += order(items)

    return operation


def from_alt(machine: Machine) -> None:
    if not machine.alt:
        raise ScriptFailed("Operation not valid with the current altstack size")
    machine.push(machine.alt.pop())


def if_dup(machine: Machine) -> None:
    machine.need(1)
    if as_bool(machine.stack[-1]):
        machine.push(machine.stack[-1])


def pick_depth(machine: Machine) -> int:
    depth = machine.pop_number()
    if not 0 <= depth < len(machine.stack):
        raise ScriptFailed("Operation not valid with the current stack size")
    return -1 - depth


def split(machine: Machine) -> None:
    machine.need(2)
    place, item = machine.pop_number(), machine.pop()
    if not 0 <= place <= len(item):
        raise ScriptFailed("Invalid OP_SPLIT range")
    machine.stack += [item[:place], item[place:]]


def num2bin(machine: Machine) -> None:
    machine.need(2)
    size, item = machine.pop_number(), encode_number(decode_loose(machine.pop()))
    if not 0 <= size <= MAX_ITEM_BYTES:
        raise ScriptFailed("Push value size limit exceeded")
    if len(item) > size:
        raise ScriptFailed("The requested encoding is impossible to satisfy")
    sign = item[-1] & 0x80 if item else 0
    padded = bytearray(item.ljust(size, b"\x00"))
    if item and len(item) < size:
        padded[len(item) - 1] &= 0x7F
        padded[-1] |= sign
    machine.push(bytes(padded))


def bitwise(compute: Callable[[int, int], int]) -> Operation:
    def operation(machine: Machine) -> None:
        machine.need(2)
        b, a = machine.pop(), machine.pop()
        if len(a) != len(b):
            raise ScriptFailed("Invalid operand size")
        machine.push(bytes(compute(x, y) for x, y in zip(a, b, strict=True)))

    return operation


def equal(machine: Machine) -> None:
    machine.need(2)
    machine.push_bool(machine.pop() == machine.pop())


def within(machine: Machine) -> None:
    machine.need(3)
    high, low, number = machine.pop_number(), machine.pop_number(), machine.pop_number()
    machine.push_bool(low <= number < high)


def separate_code(machine: Machine) -> None:
    machine.code_start = machine.position


def check_lock_time(machine: Machine) -> None:
    """BIP 65."""
    machine.need(1)
    wanted = decode_number(machine.stack[-1], 5)
    locktime = machine.spend.transaction.locktime
    if wanted < 0:
        raise ScriptFailed("Negative locktime")
    same_kind = (wanted < LOCKTIME_THRESHOLD) == (locktime < LOCKTIME_THRESHOLD)
    is_final = machine.spend.transaction.inputs[machine.index].sequence == 0xFFFFFFFF
    if not same_kind or wanted > locktime or is_final:
        raise ScriptFailed("Locktime requirement not satisfied")


def check_sequence(machine: Machine) -> None:
    """BIP 112."""
    machine.need(1)
    wanted = decode_number(machine.stack[-1], 5)
    if wanted < 0:
        raise ScriptFailed("Negative locktime")
    if wanted & SEQUENCE_DISABLED:
        return
    sequence = machine.spend.transaction.inputs[machine.index].sequence
    mask = SEQUENCE_IS_TIME | 0xFFFF
    same_kind = (wanted & SEQUENCE_IS_TIME) == (sequence & SEQUENCE_IS_TIME)
    too_old = machine.spend.transaction.version < 2 or sequence & SEQUENCE_DISABLED
    if too_old or not same_kind or wanted & mask > sequence & mask:
        raise ScriptFailed("Locktime requirement not satisfied")


def then_verify(operation: Operation, message: str) -> Operation:
    def both(machine: Machine) -> None:
        operation(machine)
        verify(machine, message)

    return both


STACK: dict[int, Operation] = {
    0x6B: lambda m: m.alt.append(m.pop()),
    0x6C: from_alt,
    0x6D: rearrange(2, lambda _: []),
    0x6E: rearrange(2, lambda x: x * 2),
    0x6F: rearrange(3, lambda x: x * 2),
    0x70: rearrange(4, lambda x: x + x[:2]),
    0x71: rearrange(6, lambda x: x[2:] + x[:2]),
    0x72: rearrange(4, lambda x: x[2:] + x[:2]),
    0x73: if_dup,
    0x74: lambda m: m.push_number(len(m.stack)),
    0x75: rearrange(1, lambda _: []),
    0x76: rearrange(1, lambda x: x * 2),
    0x77: rearrange(2, lambda x: x[1:]),
    0x78: rearrange(2, lambda x: [*x, x[0]]),
    0x79: lambda m: m.push(m.stack[pick_depth(m)]),
    0x7A: lambda m: m.push(m.stack.pop(pick_depth(m))),
    0x7B: rearrange(3, lambda x: [x[1], x[2], x[0]]),
    0x7C: rearrange(2, lambda x: [x[1], x[0]]),
    0x7D: rearrange(2, lambda x: [x[1], x[0], x[1]]),
}

BYTES: dict[int, Operation] = {
    0x7E: rearrange(2, lambda x: [x[0] + x[1]]),
    0x7F: split,
    0x80: num2bin,
    0x81: lambda m: m.push_number(decode_loose(m.pop())),
    0x82: rearrange(1, lambda x: [x[0], encode_number(len(x[0]))]),
    0x84: bitwise(lambda a, b: a & b),
    0x85: bitwise(lambda a, b: a | b),
    0x86: bitwise(lambda a, b: a ^ b),
    0x87: equal,
    0x88: then_verify(equal, "Script failed an OP_EQUALVERIFY operation"),
    0xA6: digest(lambda data: bytes(ripemd160(data))),
    0xA7: digest(lambda data: hashlib.sha1(data, usedforsecurity=False).digest()),
    0xA8: digest(sha256),
    0xA9: digest(hash160),
    0xAA: digest(double_sha256),
    0xBC: digest(lambda data: data[::-1]),
}

NUMBERS: dict[int, Operation] = {
    0x8B: unary(lambda a: a + 1),
    0x8C: unary(lambda a: a - 1),
    0x8F: unary(lambda a: -a),
    0x90: unary(abs),
    0x91: unary(lambda a: int(a == 0)),
    0x92: unary(lambda a: int(a != 0)),
    0x93: binary(lambda a, b: a + b),
    0x94: binary(lambda a, b: a - b),
    0x95: binary(lambda a, b: a * b),
    0x96: binary(divide),
    0x97: binary(modulo),
    0x9A: binary(lambda a, b: int(a != 0 and b != 0)),
    0x9B: binary(lambda a, b: int(a != 0 or b != 0)),
    0x9C: binary(lambda a, b: int(a == b)),
    0x9D: then_verify(
        binary(lambda a, b: int(a == b)), "Script failed an OP_NUMEQUALVERIFY operation"
    ),
    0x9E: binary(lambda a, b: int(a != b)),
    0x9F: binary(lambda a, b: int(a < b)),
    0xA0: binary(lambda a, b: int(a > b)),
    0xA1: binary(lambda a, b: int(a <= b)),
    0xA2: binary(lambda a, b: int(a >= b)),
    0xA3: binary(min),
    0xA4: binary(max),
    0xA5: within,
}

OTHERS: dict[int, Operation] = {
    0x61: lambda _: None,
    0x69: lambda m: verify(m, "Script failed an OP_VERIFY operation"),
    0x6A: lambda _: fail("OP_RETURN was encountered"),
    0xAB: separate_code,
    0xAC: check_signature,
    0xAD: then_verify(check_signature, "Script failed an OP_CHECKSIGVERIFY operation"),
    0xB1: check_lock_time,
    0xB2: check_sequence,
    0xBA: check_data_signature,
    0xBB: then_verify(check_data_signature, "Script failed an OP_CHECKDATASIGVERIFY operation"),
} | dict.fromkeys(
    (0xB0, *range(0xB3, 0xBA)), lambda _: fail("NOPx reserved for soft-fork upgrades")
)

OPERATIONS: dict[int, Operation] = STACK | BYTES | NUMBERS | OTHERS | introspection.OPERATIONS
