"""What the devchain refuses, in the words of a node where a node has words for it."""


class DevchainError(Exception):
    """Root. `code` is stable, `hint` says what to do, `http_status` is used by the control port."""

    def __init__(self, code: str, message: str, hint: str = "", http_status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.http_status = http_status


class Malformed(DevchainError):
    """Bytes that are no transaction, block, script or address."""

    def __init__(self, message: str) -> None:
        super().__init__("malformed", message, "Check the bytes that were sent.")


class Refused(DevchainError):
    """A transaction that a node refuses.

    `reason` is the reject reason of Bitcoin Cash Node (`dust`, `txn-mempool-conflict`, …) and
    `reject_code` its number (16 invalid, 18 duplicate, 64 non-standard, 66 low fee); the message
    reads like the one of `sendrawtransaction`.
    """

    def __init__(self, reason: str, reject_code: int | None = 16) -> None:
        message = reason if reject_code is None else f"{reason} (code {reject_code})"
        super().__init__("transaction_refused", message, "The rule named here was not met.")
        self.reason = reason
        self.reject_code = reject_code


class ScriptFailed(DevchainError):
    """An input's script did not hold; the message is the interpreter's reason."""

    def __init__(self, message: str) -> None:
        super().__init__("script_failed", message)


class NotStandard(ScriptFailed):
    """An input's script holds in a block, but nodes do not relay it."""
