"""The script machine: flow control, limits, and what it takes for an input to be valid.

Follows Bitcoin Cash Node with today's rules: minimal pushes and numbers, big integers, native
introspection, P2SH with 20 and 32 byte hashes, clean stack. Operations live in opcodes.py.
"""

from collections.abc import Iterator

from devchain import opcodes
from devchain.encoding import double_sha256, hash160
from devchain.errors import NotStandard, ScriptFailed
from devchain.machine import Machine, as_bool
from devchain.sighash import Spend

MAX_SCRIPT_BYTES = 10_000
MAX_STACK_ITEMS = 1_000


def verify(spend: Spend, index: int) -> int:
    """Runs one input. Gives the number of signature checks; raises ScriptFailed."""
    unlocking = spend.transaction.inputs[index].unlocking
    locking = spend.coins[index].locking
    if not is_push_only(unlocking):
        raise ScriptFailed("Only push operators allowed in signature scripts")
    machine = Machine(spend, index)
    run(machine, unlocking)
    pushed = list(machine.stack)
    run(machine, locking)
    _require_true(machine)
    if is_p2sh(locking):
        machine.stack = pushed
        run(machine, machine.pop())
        _require_true(machine)
    if len(machine.stack) != 1:
        raise NotStandard("Extra items left on stack after execution")
    # The standard density of signature checks (MANDATORY/STANDARD INPUT_SIGCHECKS of the node).
    if machine.sigchecks and len(unlocking) < machine.sigchecks * 43 - 60:
        raise ScriptFailed("Input SigChecks limit exceeded")
    return machine.sigchecks


def run(machine: Machine, script: bytes) -> None:
    if len(script) > MAX_SCRIPT_BYTES:
        raise ScriptFailed("Script is too big")
    machine.enter(script)
    for opcode, data, end in instructions(script):
        machine.position = end
        if opcode in opcodes.DISABLED:
            raise ScriptFailed("Attempted to use a disabled opcode")
        if opcode in {0x65, 0x66}:  # VERIF and VERNOTIF are invalid even where nothing executes
            raise ScriptFailed("Opcode missing or not understood")
        if opcode in FLOW:
            _step_flow(machine, opcode)
        elif machine.is_executing:
            _step(machine, opcode, data)
        if len(machine.stack) + len(machine.alt) > MAX_STACK_ITEMS:
            raise ScriptFailed("Stack size limit exceeded")
    if machine.conditions:
        raise ScriptFailed("Invalid OP_IF construction")


def instructions(script: bytes) -> Iterator[tuple[int, bytes | None, int]]:
    """Yields (opcode, pushed data or None, position behind it); raises on a cut push."""
    position = 0
    while position < len(script):
        opcode = script[position]
        position += 1
        if opcode > 0x4E:
            yield opcode, None, position
            continue
        width = {0x4C: 1, 0x4D: 2, 0x4E: 4}.get(opcode, 0)
        length = int.from_bytes(script[position : position + width], "little") if width else opcode
        start, position = position + width, position + width + length
        if position > len(script):
            raise ScriptFailed("Opcode missing or not understood")
        yield opcode, script[start:position], position


def is_push_only(script: bytes) -> bool:
    try:
        return all(opcode <= 0x60 for opcode, _, _ in instructions(script))
    except ScriptFailed:
        return False


def is_p2pkh(locking: bytes) -> bool:
    return len(locking) == 25 and locking[:3] == b"\x76\xa9\x14" and locking[23:] == b"\x88\xac"


def is_p2sh(locking: bytes) -> bool:
    is_short = len(locking) == 23 and locking[:2] == b"\xa9\x14" and locking[22:] == b"\x87"
    return is_short or (
        len(locking) == 35 and locking[:2] == b"\xaa\x20" and locking[34:] == b"\x87"
    )


def is_p2pk(locking: bytes) -> bool:
    return len(locking) in {35, 67} and locking[0] == len(locking) - 2 and locking[-1] == 0xAC


def push(data: bytes) -> bytes:
    """The minimal push of the data."""
    if not data:
        return b"\x00"
    if len(data) == 1 and 1 <= data[0] <= 16:
        return bytes([0x50 + data[0]])
    if data == b"\x81":
        return b"\x4f"
    if len(data) <= 75:
        return bytes([len(data)]) + data
    if len(data) <= 255:
        return b"\x4c" + bytes([len(data)]) + data
    return b"\x4d" + len(data).to_bytes(2, "little") + data


def p2sh20(redeem: bytes) -> bytes:
    return b"\xa9\x14" + hash160(redeem) + b"\x87"


def p2sh32(redeem: bytes) -> bytes:
    return b"\xaa\x20" + double_sha256(redeem) + b"\x87"


OP_IF, OP_NOTIF, OP_ELSE, OP_ENDIF = 0x63, 0x64, 0x67, 0x68
FLOW = {OP_IF, OP_NOTIF, OP_ELSE, OP_ENDIF}


def _step_flow(machine: Machine, opcode: int) -> None:
    if opcode in {OP_IF, OP_NOTIF}:
        taken = False
        if machine.is_executing:
            if not machine.stack:
                raise ScriptFailed("Invalid OP_IF construction")
            taken = as_bool(machine.pop()) == (opcode == OP_IF)
        machine.conditions.append(taken)
        return
    if not machine.conditions:
        raise ScriptFailed("Invalid OP_IF construction")
    if opcode == OP_ELSE:
        machine.conditions[-1] = not machine.conditions[-1]
    else:
        machine.conditions.pop()


def _step(machine: Machine, opcode: int, data: bytes | None) -> None:
    if data is not None:
        if not _is_minimal(opcode, data):
            raise ScriptFailed("Data push larger than necessary")
        machine.push(data)
    elif opcode in opcodes.SMALL_NUMBERS:
        machine.push_number(opcodes.SMALL_NUMBERS[opcode])
    else:
        operation = opcodes.OPERATIONS.get(opcode)
        if operation is None:
            raise ScriptFailed("Opcode missing or not understood")
        operation(machine)


def _is_minimal(opcode: int, data: bytes) -> bool:
    return push(data)[0] == opcode or len(data) > 0xFFFF


def _require_true(machine: Machine) -> None:
    if not machine.stack or not as_bool(machine.stack[-1]):
        raise ScriptFailed(
            "Script evaluated without error but finished with a false/empty top stack element"
        )
