"""32 bytes as 24 English words: BIP-39 entropy with its checksum, never its seed."""

import hashlib
import re
from functools import cache
from importlib.resources import files

from kimcli.errors import FilesWrong

_COUNT = 24
_BITS = 11
_ROOT_BYTES = 32


def to_words(root: bytes) -> str:
    """24 words with single spaces, for 32 bytes."""
    checked = int.from_bytes(root + hashlib.sha256(root).digest()[:1])
    known = _known()
    places = (_BITS * at for at in reversed(range(_COUNT)))
    return " ".join(known[checked >> place & 2047] for place in places)


def from_words(text: str) -> bytes:
    """32 bytes; case, commas, numbers and extra spaces do not matter. Raises FilesWrong."""
    typed = re.findall(r"[a-z]+", text.lower())
    places = {word: at for at, word in enumerate(_known())}
    unknown = next((at for at, word in enumerate(typed, 1) if word not in places), None)
    if unknown is not None:
        raise _malformed(f"Word {unknown} is not in the list.")
    if len(typed) != _COUNT:
        raise _malformed(f"There are {len(typed)} words, not {_COUNT}.")
    checked = 0
    for word in typed:
        checked = checked << _BITS | places[word]
    root, mark = divmod(checked, 256)
    raw = root.to_bytes(_ROOT_BYTES)
    if hashlib.sha256(raw).digest()[0] != mark:
        raise _malformed("The words do not fit together.")
    return raw


def _malformed(message: str) -> FilesWrong:
    return FilesWrong("words_malformed", message, "Read them off the paper again, in their order.")


@cache
def _known() -> tuple[str, ...]:
    return tuple((files("kimcli") / "english.txt").read_text("ascii").split())
