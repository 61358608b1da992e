"""What ends a command: one line with a code and a hint, and an exit code (docs/kim.md)."""

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_FILES = 3
EXIT_UNREACHABLE = 4
EXIT_UNPAID = 5
EXIT_STOPPED = 130


class CommandFailed(Exception):
    """Root of it; ``code`` is stable, the message never holds a secret."""

    exit_code = EXIT_REFUSED

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class Refused(CommandFailed):
    """The server said no, in its own words. ``status`` is HTTP's."""

    def __init__(self, code: str, message: str, hint: str, *, status: int) -> None:
        super().__init__(code, message, hint)
        self.status = status


class Unreachable(CommandFailed):
    """No answer, or none that counts: the same command may work in a moment."""

    exit_code = EXIT_UNREACHABLE


class FilesWrong(CommandFailed):
    """A file or folder of this machine is not what the command needs."""

    exit_code = EXIT_FILES


class Unpaid(CommandFailed):
    """The time to wait is over and the payment was not seen whole. Nothing is lost."""

    exit_code = EXIT_UNPAID
