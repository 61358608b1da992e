"""The one way out to an address that a creator typed: checked, pinned, short and small.

``parse`` looks at the text. ``post`` resolves the name once, refuses every address that is not
public, and connects to the very address it checked: a name that answers differently a moment later
changes nothing. No redirect is followed, an answer is read up to 64 KB, and the whole takes ten
seconds at most, whatever the other side does.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import re
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from django.conf import settings

from payments.states import Network
from unlock.creator_errors import TargetRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

URL_MAX: Final = 500
DEADLINE_SECONDS: Final = 10.0
CONNECT_SECONDS: Final = 4.0  # for one address, so that a dead one leaves time for the next
ANSWER_MAX: Final = 64 * 1024
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_UNICAST: Final = ipaddress.ip_network("2000::/3")  # all that IANA gives to hosts; no NAT64
_resolver = ThreadPoolExecutor(max_workers=16, thread_name_prefix="resolve")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A webhook's address in parts. ``host`` has no brackets; ``path`` includes the query."""

    is_tls: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """For the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one attempt ended. ``status`` is None where no answer came; ``error`` is for people."""

    status: int | None
    error: str
    milliseconds: int

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def parse(url: str) -> Target:
    """The parts of an address we would send to; nothing is resolved. Raises TargetRefused."""
    if len(url) > URL_MAX or not re.fullmatch(r"[!-~]+", url):
        raise TargetRefused("Up to {url_max} plain characters, without blanks.", url_max=URL_MAX)
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise TargetRefused("That cannot be read as an address.") from error
    if parts.scheme not in ("https", "http"):
        raise TargetRefused("The address must begin with https://.")
    if "@" in parts.netloc or "#" in url or "\\" in url:
        raise TargetRefused("Leave out logins and everything after a #.")
    is_tls = parts.scheme == "https"
    if not is_tls and not settings.KIM_WEBHOOK_ALLOW_HTTP and not _is_development(host):
        raise TargetRefused("The address must begin with https://.")
    target = Target(
        is_tls=is_tls,
        host=host,
        port=_port(port, is_tls=is_tls),
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )
    _check_host(target)
    return target


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send once. Never raises for what the other side does: the answer says how it went."""
    began = time.monotonic()
    deadline = began + DEADLINE_SECONDS
    status, error = None, ""
    try:
        target = parse(url)
        addresses = resolve(target, deadline=deadline)
        with _connect(target, addresses, deadline=deadline) as line:
            line.settimeout(_left(deadline))
            line.sendall(_request(target, body, headers))
            status = _read_status(line, deadline=deadline)
        if not 200 <= status < 300:
            error = "It redirects, which is not followed." if 300 <= status < 400 else ""
    except TargetRefused as refused:
        error = refused.message
    except (TimeoutError, NotInTime):
        error = f"No answer within {DEADLINE_SECONDS:g} seconds."
    except ssl.SSLError as failed:
        error = f"The certificate or TLS failed: {_reason(failed)}."
    except OSError as failed:
        error = f"No connection: {failed.strerror or failed or type(failed).__name__}."
    return Answer(status=status, error=error, milliseconds=int((time.monotonic() - began) * 1000))


@contextlib.contextmanager
def connect(target: Target, *, seconds: float = DEADLINE_SECONDS) -> Iterator[socket.socket]:
    """A socket to the host, resolved, checked and pinned as for ``post``; for other verbs than POST.

    Raises TargetRefused, TimeoutError, OSError.
    """
    deadline = time.monotonic() + seconds
    addresses = resolve(target, deadline=deadline)
    with _connect(target, addresses, deadline=deadline) as line:
        yield line


def resolve(target: Target, *, deadline: float) -> tuple[str, ...]:
    """The addresses behind the name, each of them allowed. Raises TargetRefused, TimeoutError.

    One forbidden address among them refuses all: whoever mixes them is up to something.
    """
    asked = _resolver.submit(socket.getaddrinfo, target.host, target.port, type=socket.SOCK_STREAM)
    try:
        found = asked.result(timeout=_left(deadline))
    except (socket.gaierror, UnicodeError) as error:
        raise TargetRefused("The name of the host is not known.") from error
    addresses = tuple(dict.fromkeys(str(row[4][0]) for row in found))
    if not _is_named(target.host):
        for address in addresses:
            if not is_public(address):
                raise TargetRefused("The host is not on the public internet.")
    return addresses


def is_public(text: str) -> bool:
    """Whether an address may be sent to: nothing private, local, shared, reserved or many-to-one."""
    try:
        address: Address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        # Written as IPv6 and arriving as IPv4: never what an honest host does.
        is_tunnel = address.sixtofour is not None or address.teredo is not None
        if address not in _UNICAST or is_tunnel or "%" in text:
            return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )


def _port(port: int | None, *, is_tls: bool) -> int:
    """443 or 80, or one that no system service has: letters and logins live below 1024."""
    usual = 443 if is_tls else 80
    if port is None or port == usual:
        return usual
    if port < 1024:
        raise TargetRefused("The port may be {usual}, or 1024 and above.", usual=usual)
    return port


def _check_host(target: Target) -> None:
    host = target.host
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        if not is_public(host) and not _is_named(host):
            raise TargetRefused("The host is not on the public internet.")
        return
    # 0x7f.1 and 2130706433 are addresses to some resolvers: a last label needs a letter.
    if not _HOST.fullmatch(host) or not re.search(r"[a-z]", host.rpartition(".")[2]):
        raise TargetRefused("The host must be a name such as example.com.")
    is_local = "." not in host or host.endswith((".localhost", ".local", ".internal"))
    if is_local and not _is_named(host):
        raise TargetRefused("The host is not on the public internet.")


def _is_named(host: str) -> bool:
    """Whether whoever runs this instance allowed it, wherever it lies."""
    return host in settings.KIM_WEBHOOK_PRIVATE_TARGETS or _is_development(host)


def _is_development(host: str) -> bool:
    """Play money on one's own machine."""
    return settings.KIM_NETWORK == Network.REGTEST and host in _LOOPBACK_NAMES


@contextlib.contextmanager
def _connect(
    target: Target, addresses: tuple[str, ...], *, deadline: float
) -> Iterator[socket.socket]:
    """A socket to one of the checked addresses, in TLS under the host's name."""
    line = _first_that_answers(target.port, addresses, deadline=deadline)
    try:
        if target.is_tls:
            line.settimeout(_left(deadline))
            line = _tls().wrap_socket(line, server_hostname=target.host)
        yield line
    finally:
        line.close()


def _first_that_answers(port: int, addresses: tuple[str, ...], *, deadline: float) -> socket.socket:
    failed: OSError = OSError("no address")
    for address in addresses:
        try:
            return socket.create_connection(
                (address, port), timeout=min(CONNECT_SECONDS, _left(deadline))
            )
        except OSError as error:
            failed = error
    raise failed


def _request(target: Target, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = {
        "Host": target.authority,
        "User-Agent": f"kim/{settings.KIM_VERSION}",
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {target.path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


def _read_status(line: socket.socket, *, deadline: float) -> int:
    """The status of the final answer, once its head is whole; the rest does not matter to us."""
    read = b""
    while len(read) < ANSWER_MAX:
        line.settimeout(_left(deadline))
        chunk = line.recv(4096)
        if not chunk:
            break
        read += chunk
        while b"\r\n\r\n" in read:
            found = _STATUS.match(read)
            if found is None:
                raise OSError("it does not speak HTTP")
            if not found[1].startswith(b"1"):  # 100 Continue and the like come before the answer
                return int(found[1])
            read = read.partition(b"\r\n\r\n")[2]
    raise OSError("no whole answer")


def _left(deadline: float) -> float:
    """Seconds until the deadline. Raises TimeoutError once it is over."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return error.reason or type(error).__name__


@functools.cache
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
