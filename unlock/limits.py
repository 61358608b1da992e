"""Sizes, and the rules for what people type. Pure: numbers and text in, numbers and text out."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import unquote, urlsplit

from unlock.creator_errors import FileTooLarge, LinkSecretInText, TextInvalid, UsernameInvalid

MIB: Final = 1024 * 1024
PART_BYTES: Final = (8 * MIB, 16 * MIB, 32 * MIB, 64 * MIB)  # all equal: R2 demands it
PARTS_MAX: Final = 10_000  # S3's limit
PRESIGN_BATCH: Final = 20
OPEN_UPLOADS_MAX: Final = 50  # per creator: what an abandoned script may leave in the store

TITLE_MAX: Final = 200
DESCRIPTION_MAX: Final = 20_000
CONFIRMATIONS: Final = (1, 2, 6, 10)
REFERENCE_MAX: Final = 200
RETURN_URL_MAX: Final = 500
ABOUT_MAX: Final = 500
VERSION_NOTE_MAX: Final = 1000
CONTACT_MAX: Final = 200
REPORT_MAX: Final = 4000
REASON_MAX: Final = 300
STATEMENT_MAX: Final = 1000

_USERNAME = re.compile(r"(?=.{3,32}\Z)[a-z0-9]+(?:[-_][a-z0-9]+)*")
RESERVED_USERNAMES: Final = frozenset(
    {
        "about", "abuse", "account", "admin", "administrator", "anonymous", "api", "billing",
        "buyer", "contact", "creator", "devchain", "docs", "everyone", "files", "help", "info",
        "kim", "legal", "login", "logout", "mail", "moderator", "news", "null", "official",
        "operator", "owner", "payments", "postmaster", "privacy", "root", "sales", "security",
        "sell", "server", "settings", "signup", "staff", "static", "status", "support", "system",
        "team", "terms", "test", "undefined", "unlock", "user", "webmaster", "www",
    }
)  # fmt: skip

# The secret half of a link is "1." and 22 characters (docs/protocol.md); behind a "#" whatever
# follows, elsewhere only if it stands alone, as prose about version 1.x must pass.
_LINK_SECRET = re.compile(
    r"#\s*1\.[A-Za-z0-9_-]{22}|(?<![A-Za-z0-9_.-])1\.[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])"
)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_BIDI_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE_BREAKS = frozenset("\n\t")


def part_bytes_for(size_bytes: int) -> int:
    """The size of every part but the last: the least that needs no more than 10,000 parts.

    8 MiB up to 80 GB, then 16, 32 and 64 MiB. Raises FileTooLarge beyond that.
    """
    for part_bytes in PART_BYTES:
        if count_parts(size_bytes, part_bytes) <= PARTS_MAX:
            return part_bytes
    raise FileTooLarge(
        "{size_bytes} bytes are more than one upload can carry.", size_bytes=size_bytes
    )


def count_parts(size_bytes: int, part_bytes: int) -> int:
    return -(-size_bytes // part_bytes)


def size_of_part(number: int, *, size_bytes: int, part_bytes: int) -> int:
    """Exact bytes of part ``number`` (from 1)."""
    return min(part_bytes, size_bytes - (number - 1) * part_bytes)


def clean_title(text: str) -> str:
    """One line, trimmed, NFC. Raises TextInvalid, LinkSecretInText."""
    title = " ".join(_clean(text, allowed=frozenset(), most=TITLE_MAX).split())
    if not title:
        raise TextInvalid("The title is empty.", hint="Give the file a title.")
    return title


def clean_description(text: str) -> str:
    """Any number of lines, trimmed, NFC. Raises TextInvalid, LinkSecretInText."""
    return _clean(text.replace("\r\n", "\n"), allowed=_LINE_BREAKS, most=DESCRIPTION_MAX).strip()


def clean_reference(text: str) -> str:
    """A shop's own word for an order; may be empty. Raises TextInvalid, LinkSecretInText."""
    return " ".join(_clean(text, allowed=frozenset(), most=REFERENCE_MAX).split())


def clean_note(text: str) -> str:
    """What is new in a version: lines, may be empty. Raises TextInvalid, LinkSecretInText."""
    text = text.replace("\r\n", "\n")
    return _clean(text, allowed=_LINE_BREAKS, most=VERSION_NOTE_MAX).strip()


def clean_about(text: str) -> str:
    """What a creator says of themselves: lines, may be empty. Raises TextInvalid, LinkSecretInText."""
    return _clean(text.replace("\r\n", "\n"), allowed=_LINE_BREAKS, most=ABOUT_MAX).strip()


def clean_contact(text: str) -> str:
    """One line that buyers read; may be empty. Raises TextInvalid, LinkSecretInText."""
    return " ".join(_clean(text, allowed=frozenset(), most=CONTACT_MAX).split())


def clean_report(text: str, *, most: int = REPORT_MAX) -> str:
    """What strangers write to moderators: lines, may be empty, links cut. Raises TextInvalid,
    LinkSecretInText (one that hides from being cut).
    """
    return _clean(cut_links(text.replace("\r\n", "\n")), allowed=_LINE_BREAKS, most=most).strip()


def cut_links(text: str) -> str:
    """Without the secret halves of links, as far as they stand there plainly."""
    return _LINK_SECRET.sub("", text)


def clean_return_url(text: str) -> str:
    """Where a shop wants its buyer back: https and a host, or empty. Raises TextInvalid, LinkSecretInText."""
    url = _clean(text.strip(), allowed=frozenset(), most=RETURN_URL_MAX)
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme == "https" and bool(parts.hostname) and parts.username is None
    except ValueError:
        is_plain = False
    if not is_plain or not url.isascii() or any(character in url for character in ' "<>\\'):
        raise TextInvalid(
            "The return address is not a plain https address.",
            hint="Give an https:// address with a host, percent-encoded, without a user name.",
        )
    return url


def clean_username(text: str) -> str:
    """Lower-case ASCII, so that no two names look alike in another script. Raises UsernameInvalid."""
    name = text.strip().lower()
    if not name.isascii() or not _USERNAME.fullmatch(name):
        raise UsernameInvalid("That is not a possible user name.")
    if name in RESERVED_USERNAMES:
        raise UsernameInvalid("That name is reserved.", hint="Choose another name.")
    return name


def has_link_secret(text: str) -> bool:
    """Whether ``text`` holds the secret half of a link, also percent-encoded or stretched."""
    shown = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return any(_LINK_SECRET.search(form) for form in (shown, unquote(shown)))


def _clean(text: str, *, allowed: frozenset[str], most: int) -> str:
    if has_link_secret(text):
        raise LinkSecretInText("The text holds the secret part of a link.")
    for character in text:
        hidden = character in _BIDI_OVERRIDES or unicodedata.category(character) in {"Cc", "Cs"}
        if hidden and character not in allowed:
            raise TextInvalid(
                "The text holds the character U+{code}.", code=f"{ord(character):04X}"
            )
    clean = unicodedata.normalize("NFC", text)
    if len(clean) > most:
        raise TextInvalid("The text is longer than {most} characters.", most=most)
    return clean
