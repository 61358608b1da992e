"""The stack of a running script, its numbers and what it may see of the transaction."""

from devchain.errors import ScriptFailed
from devchain.sighash import Spend

MAX_ITEM_BYTES = 10_000


class Machine:
    """State of one input while its scripts run."""

    def __init__(self, spend: Spend, index: int) -> None:
        self.spend = spend
        self.index = index
        self.stack: list[bytes] = []
        self.alt: list[bytes] = []
        self.conditions: list[bool] = []
        self.script = b""
        self.position = 0
        self.code_start = 0
        self.sigchecks = 0

    def enter(self, script: bytes) -> None:
        self.script, self.position, self.code_start = script, 0, 0
        self.alt, self.conditions = [], []

    @property
    def is_executing(self) -> bool:
        return all(self.conditions)

    @property
    def active_code(self) -> bytes:
        """The running script from the last OP_CODESEPARATOR on."""
        return self.script[self.code_start :]

    def need(self, count: int) -> None:
        if len(self.stack) < count:
            raise ScriptFailed("Operation not valid with the current stack size")

    def push(self, item: bytes) -> None:
        if len(item) > MAX_ITEM_BYTES:
            raise ScriptFailed("Push value size limit exceeded")
        self.stack.append(item)

    def push_number(self, number: int) -> None:
        self.push(encode_number(number))

    def push_bool(self, value: bool) -> None:  # noqa: FBT001 - the value itself, not a switch
        self.push(b"\x01" if value else b"")

    def pop(self) -> bytes:
        self.need(1)
        return self.stack.pop()

    def pop_number(self) -> int:
        return decode_number(self.pop())


def as_bool(item: bytes) -> bool:
    """False for zero of any length, negative zero included."""
    return any(item[:-1]) or item[-1:] not in {b"", b"\x00", b"\x80"}


def encode_number(number: int) -> bytes:
    """Minimal little-endian with a sign bit."""
    if number == 0:
        return b""
    size = abs(number).bit_length() // 8 + 1
    data = bytearray(abs(number).to_bytes(size, "little"))
    if number < 0:
        data[-1] |= 0x80
    return bytes(data)


def decode_number(item: bytes, max_bytes: int = MAX_ITEM_BYTES) -> int:
    if len(item) > max_bytes:
        raise ScriptFailed("Given operand is not a number within the valid range")
    if item and not item[-1] & 0x7F and (len(item) == 1 or not item[-2] & 0x80):
        raise ScriptFailed("Given operand is not a minimally encoded number")
    return decode_loose(item)


def decode_loose(item: bytes) -> int:
    """A number whose encoding need not be minimal."""
    if not item:
        return 0
    magnitude = int.from_bytes(item[:-1] + bytes([item[-1] & 0x7F]), "little")
    return -magnitude if item[-1] & 0x80 else magnitude
