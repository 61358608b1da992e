"""Settings come from the environment, and a wrong one stops the program with one clear line.

Every reader takes the variable's name and raises :class:`BadSetting` that names it, says what is
wrong and never repeats a secret's value. A name may be given as ``NAME_FILE`` instead: the path of
a file that holds the value (container secrets).
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,8})?"


class BadSetting(ImproperlyConfigured):
    """A variable is missing or malformed; the message names it and says what to write."""


@dataclass(frozen=True)
class ElectrumServer:
    """One ``host:port:s|t[:pin=sha256hex][:operator=name]`` of ``KIM_ELECTRUM_SERVERS``.
    ``socks`` is the proxy (host:port) that a .onion name is reached through.
    """

    host: str
    port: int
    tls: bool
    pin: str = ""  # hex SHA-256 of the certificate, DER; empty: a CA must vouch
    operator: str = ""
    socks: str = ""


@dataclass(frozen=True)
class StoreConfig:
    """One S3-compatible store. ``public_endpoint`` is the one browsers reach; in ``is_path_style``
    the bucket stands in the path, else in the host. ``is_read_only``: it is read and re-hashed, and
    never written to.
    """

    name: str
    endpoint: str
    public_endpoint: str
    bucket: str
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    is_path_style: bool = True
    is_read_only: bool = False


@dataclass(frozen=True)
class MailConfig:
    """A mail server, or the console. ``tls`` is ``tls``, ``starttls`` or ``none``."""

    backend: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    tls: str = "none"


def text(name: str, default: str | None = None) -> str:
    """The variable as text; without a default it must be set and not empty."""
    value = _read(name)
    if value:
        return value
    if default is None:
        raise BadSetting(f"{name} is not set. See .env.example; `make run` makes one for you.")
    return default


def choice(name: str, allowed: tuple[str, ...], default: str) -> str:
    value = text(name, default)
    if value not in allowed:
        raise BadSetting(f"{name} must be one of {', '.join(allowed)}.")
    return value


def integer(name: str, default: int, *, least: int = 0, most: int = 2**53) -> int:
    raw = _read(name)
    if not raw:
        return default
    try:
        value = int(raw.replace("_", ""))
    except ValueError:
        raise BadSetting(f"{name} must be a whole number.") from None
    if not least <= value <= most:
        raise BadSetting(f"{name} must lie between {least} and {most}.")
    return value


def boolean(name: str, *, default: bool) -> bool:
    raw = _read(name)
    if not raw:
        return default
    if raw not in ("1", "0", "true", "false"):
        raise BadSetting(f"{name} must be 1 or 0.")
    return raw in ("1", "true")


def contact(name: str) -> str:
    """An e-mail address as ``mailto:``, or an https address; empty where nobody said one."""
    raw = _read(name)
    if not raw:
        return ""
    if re.fullmatch(r"[^@\s<>]{1,64}@[A-Za-z0-9.-]{1,190}", raw, re.ASCII):
        return f"mailto:{raw}"
    if re.fullmatch(r"https://[!-~]{1,300}", raw):
        return raw
    raise BadSetting(f"{name} must be an e-mail address or an https:// address.")


def number(name: str, default: str) -> str:
    """A positive decimal number, as it was written: ``400`` or ``400.50``."""
    raw = text(name, default)
    if not re.fullmatch(_NUMBER, raw) or not Decimal(raw):
        raise BadSetting(f"{name} must be a positive number, such as 400 or 400.50.")
    return raw


def rate_bounds(name: str) -> dict[str, tuple[Decimal, Decimal]]:
    """``USD:20:20000,EUR:20:20000``: per currency the least and the most that 1 BCH may cost."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for item in words(name):
        read = re.fullmatch(rf"([A-Z]{{3}}):({_NUMBER}):({_NUMBER})", item)
        if not read or read[1] in found:
            raise BadSetting(
                f"{name} must look like USD:20:20000,EUR:20:20000, each currency once."
            )
        least, most = Decimal(read[2]), Decimal(read[3])
        if not 0 < least < most:
            raise BadSetting(f"{name}: the least for {read[1]} must be above 0 and below the most.")
        found[read[1]] = (least, most)
    return found


def rate(name: str, default: str) -> str:
    """A limit as ``10/minute``: a whole number a second, minute, hour or day."""
    raw = text(name, default)
    if not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", raw):
        raise BadSetting(f"{name} must look like 10/minute (second, minute, hour or day).")
    return raw


def web_address(name: str, default: str = "", *, with_path: bool = False) -> str:
    """``http://host[:port]`` or https, without login, query and last slash; or empty."""
    raw = text(name, default).rstrip("/")
    host = r"https?://(\[[0-9a-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?"
    if raw and not re.fullmatch(host + (r"(/[^\s?#]*)?" if with_path else ""), raw):
        raise BadSetting(f"{name} must look like https://kim.example, with nothing behind it.")
    return raw


def redis(name: str, default: str) -> str:
    """``redis://``, ``rediss://`` or ``unix://``; it may hold a password, so it is not repeated."""
    raw = text(name, default)
    if not raw.startswith(("redis://", "rediss://", "unix://")):
        raise BadSetting(f"{name} must begin with redis://, rediss:// or unix://.")
    return raw


def words(name: str, default: str = "") -> tuple[str, ...]:
    """A comma-separated list, blanks dropped."""
    return tuple(word.strip() for word in text(name, default).split(",") if word.strip())


def beginning(prefix: str) -> frozenset[str]:
    """The names of the variables that are set and begin with ``prefix``, without ``_FILE``."""
    return frozenset(name.removesuffix("_FILE") for name in os.environ if name.startswith(prefix))


def secret_bytes(name: str, *, length: int, default: bytes | None = None) -> bytes:
    """Base64url without padding, of an exact length. The value never appears in the error."""
    raw = _read(name)
    if not raw and default is not None:
        return default
    return decode(name, text(name), length=length)


def decode(name: str, raw: str, *, length: int) -> bytes:
    padded = raw + "=" * (-len(raw) % 4)
    try:
        value = base64.b64decode(padded.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadSetting(f"{name} is not base64url.") from None
    if len(value) != length:
        raise BadSetting(f"{name} must be {length} bytes in base64url, not {len(value)}.")
    return value


def electrum_servers(name: str, *, socks: str = "") -> tuple[ElectrumServer, ...]:
    """The list of ``KIM_ELECTRUM_SERVERS``; plain TCP (``t``) is for loopback and .onion only.
    ``socks`` is the proxy that .onion names need.
    """
    return tuple(_electrum_server(name, item, socks) for item in words(name))


def loopback(name: str) -> str:
    """``host:port`` on this machine; or empty."""
    raw = text(name, "")
    host, _, port = raw.rpartition(":")
    if raw and (host not in ("127.0.0.1", "localhost", "[::1]") or not port.isdigit()):
        raise BadSetting(f"{name} must look like 127.0.0.1:9050: a port on this machine.")
    return raw


def database(name: str, default: str) -> dict[str, object]:
    """``sqlite:///path`` or ``postgres://user:password@host:port/name`` as Django wants it."""
    try:
        url = urlsplit(text(name, default))
        port = str(url.port or "")
    except ValueError:
        # Not chained: urllib repeats what it could not read, which may be the password.
        raise BadSetting(
            f"{name} cannot be read; write / : @ # ? % of a password as %2F and so on."
        ) from None
    if url.scheme == "sqlite" and url.path.strip("/"):
        return _sqlite(url.path[1:] if url.path.startswith("//") else url.path)
    if url.scheme in ("postgres", "postgresql"):
        if not url.path.strip("/") or url.query or url.fragment:
            raise BadSetting(f"{name} must look like postgres://user:password@host:5432/name.")
        return {
            "ENGINE": "kim.postgres",
            "NAME": unquote(url.path.lstrip("/")),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "HOST": unquote(url.hostname or ""),
            "PORT": port,
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            # A server that vanished without a word is noticed within a minute, not in two hours.
            "OPTIONS": {
                "connect_timeout": 10,
                "keepalives_idle": 30,
                "keepalives_interval": 10,
                "keepalives_count": 3,
                "tcp_user_timeout": 60_000,
            },
        }
    raise BadSetting(f"{name} must look like sqlite:///path or postgres://user@host/name.")


def mail(name: str) -> MailConfig | None:
    """``smtp://user:password@host:port?tls=starttls`` (or ``tls``, ``none``), ``console:``, or empty.

    Without ``tls`` it is STARTTLS: a password never crosses a wire in the open by an oversight.
    """
    raw = text(name, "")
    if not raw or raw == "console:":
        return MailConfig("console") if raw else None
    try:
        url = urlsplit(raw)
        port, tls = url.port or 0, dict(parse_qsl(url.query)).get("tls", "starttls")
    except ValueError:  # not chained: urllib repeats what it could not read
        raise BadSetting(
            f"{name} cannot be read; write / : @ # ? % of a password as %2F and so on."
        ) from None
    if url.scheme != "smtp" or not url.hostname or tls not in ("tls", "starttls", "none"):
        raise BadSetting(f"{name} must look like smtp://user:password@host:587?tls=starttls.")
    return MailConfig(
        "smtp",
        url.hostname,
        port or {"tls": 465, "starttls": 587, "none": 25}[tls],
        unquote(url.username or ""),
        unquote(url.password or ""),
        tls,
    )


def _sqlite(path: str) -> dict[str, object]:
    # IMMEDIATE takes the write lock at BEGIN: without it, concurrent writers that began by
    # reading fail at once with "database is locked", whatever the time-out (docs/operations.md).
    # synchronous=FULL because payment rows must survive a power cut.
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            " PRAGMA busy_timeout=20000;",
        },
    }


def _electrum_server(name: str, item: str, socks: str) -> ElectrumServer:
    fields = item.split(":")
    if len(fields) < 3 or fields[2] not in ("s", "t") or not fields[1].isdigit():
        raise BadSetting(f"{name}: '{item}' is not host:port:s or host:port:t.")
    host, port, tls = fields[0], int(fields[1]), fields[2] == "s"
    if not host or not 1 <= port <= 65535:
        raise BadSetting(f"{name}: '{item}' needs a host and a port between 1 and 65535.")
    options = dict(option.partition("=")[::2] for option in fields[3:])
    if unknown := set(options) - {"pin", "operator"}:
        raise BadSetting(f"{name}: unknown option {min(unknown)!r}; pin and operator exist.")
    if options.get("pin") and not re.fullmatch(r"[0-9A-Fa-f]{64}", options["pin"]):
        raise BadSetting(f"{name}: the pin of {host} must be 64 hex digits (SHA-256 of the DER).")
    is_onion = host.endswith(".onion")
    if not tls and not is_onion and host not in ("127.0.0.1", "localhost"):
        raise BadSetting(f"{name}: plain TCP (t) is for loopback only; use {host}:{port}:s.")
    if is_onion and not socks:
        raise BadSetting(f"{name}: {host} is reached through Tor only; set KIM_SOCKS_PROXY.")
    pin, operator = options.get("pin", "").lower(), options.get("operator", "")
    return ElectrumServer(host, port, tls, pin, operator, socks if is_onion else "")


def _read(name: str) -> str:
    value = os.environ.get(name, "")
    path = os.environ.get(f"{name}_FILE", "")
    if value and path:
        raise BadSetting(f"{name} and {name}_FILE are both set; keep one.")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise BadSetting(f"{name}_FILE: cannot read {path}: {error.strerror}.") from error
        except UnicodeDecodeError:  # not chained: it carries the bytes
            raise BadSetting(f"{name}_FILE: {path} is not UTF-8 text.") from None
    return value.strip()
