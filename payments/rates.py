"""What 1 BCH costs, as several exchanges say: fetched with limits, and read.

Whom to believe is ``payments.rate_rules``, what is kept is ``payments.rate_feed``. A source that is
down, slow, huge or answers with a web page gives its reason, and never blocks the others.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import urlsplit

from payments.rate_rules import FIATS

FETCH_SECONDS: Final = 5.0  # for all that one source is asked, from the first to the last byte
ANSWER_BYTES: Final = 64 * 1024
_BOTH_WAYS: Final = 2  # SHUT_RDWR of socket(2)

Numbers = dict[str, Decimal]


class SourceFailed(Exception):
    """One source gave nothing to use; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one source said: currency → price of 1 BCH, not judged yet. ``error``: why there is nothing.

    ``times`` are the source's own, where it tells them; otherwise the moment of asking counts.
    """

    source: str
    rates: Mapping[str, Decimal]
    error: str = ""
    times: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """An exchange: where it is, what to ask, how to read the answer, and where its own time is."""

    base_url: str
    paths: tuple[str, ...]
    read: Callable[[object, str], Numbers]
    time: Callable[[object], Any] | None = None


def fetch_all(names: Sequence[str], *, base_url: str = "") -> tuple[Answer, ...]:
    """Ask every named source at once. ``base_url``, if given, stands in front of all of them
    (``<base_url>/<name><path>``): a proxy, or a test's server. Never raises, nor takes much longer
    than ``FETCH_SECONDS``, whatever one of them does.
    """
    if not names:
        return ()
    pool = ThreadPoolExecutor(max_workers=len(names), thread_name_prefix="rates")
    asked = [pool.submit(fetch, name, base_url=base_url) for name in names]
    wait(asked, timeout=FETCH_SECONDS + 1)
    pool.shutdown(wait=False)
    return tuple(
        each.result() if each.done() else Answer(name, {}, "too slow")
        for name, each in zip(names, asked, strict=True)
    )


def fetch(name: str, *, base_url: str = "") -> Answer:
    """Ask one source within its limits. A failure is an ``Answer`` with its reason."""
    source = SOURCES.get(name)
    if source is None:
        return Answer(name, {}, "unknown source")
    give_up_at = time.monotonic() + FETCH_SECONDS
    found: Numbers = {}
    times: dict[str, datetime] = {}
    try:
        for path in source.paths:
            url = f"{base_url.rstrip('/')}/{name}{path}" if base_url else source.base_url + path
            answer = _get_json(url, give_up_at)
            read = {code: x for code, x in source.read(answer, path).items() if code in FIATS}
            found |= read
            at = None if source.time is None else _moment(source.time(answer))
            times |= dict.fromkeys(read, at) if at else {}
    except SourceFailed as error:
        return Answer(name, {}, str(error))
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, OSError) as error:
        return Answer(name, {}, f"unreadable answer: {type(error).__name__}")
    if not any(rate.is_finite() and rate > 0 for rate in found.values()):
        return Answer(name, {}, "no price in it")
    return Answer(name, found, "", times)


def _get_json(url: str, give_up_at: float) -> object:
    """One GET: until ``give_up_at``, 64 KB at most, no redirects, numbers as ``Decimal``."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=max(give_up_at - time.monotonic(), 0.001))
    # The time-out is for one read: whoever sends a byte now and then is stopped by the clock.
    clock = threading.Timer(max(give_up_at - time.monotonic(), 0), _hang_up, (connection,))
    clock.daemon = True
    clock.start()
    try:
        connection.request(
            "GET",
            f"{parts.path}?{parts.query}" if parts.query else parts.path,
            headers={"Accept": "application/json", "User-Agent": "kim"},
        )
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise SourceFailed(f"HTTP {response.status}")
        body = _read(response, give_up_at)
    except (OSError, http.client.HTTPException) as error:
        is_late = time.monotonic() >= give_up_at
        raise SourceFailed(
            "too slow" if is_late else f"unreachable: {type(error).__name__}"
        ) from error
    finally:
        clock.cancel()
        connection.close()
    try:
        answer: object = json.loads(
            body, parse_float=Decimal, parse_int=Decimal, parse_constant=Decimal
        )
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise SourceFailed("not JSON") from error
    return answer


def _hang_up(connection: http.client.HTTPConnection) -> None:
    with suppress(OSError, AttributeError):  # not connected yet, or done in this moment
        connection.sock.shutdown(_BOTH_WAYS)


def _read(response: http.client.HTTPResponse, give_up_at: float) -> bytes:
    body = b""
    while chunk := response.read1(8192):
        body += chunk
        if len(body) > ANSWER_BYTES:
            raise SourceFailed("answer over 64 KB")
    if time.monotonic() >= give_up_at:  # hung up on: this is no whole answer
        raise SourceFailed("too slow")
    return body


# --- one reader per source; anything unexpected raises and becomes the reason ------------------


def _kraken(answer: object, _path: str) -> Numbers:
    return {
        pair[-3:]: _number(ticker["c"][0])
        for pair, ticker in _at(answer, "result").items()
        if pair.startswith("BCH")
    }


def _bitstamp(answer: object, path: str) -> Numbers:
    return {path.rstrip("/")[-3:].upper(): _number(_fields(answer)["last"])}


def _coinbase(answer: object, _path: str) -> Numbers:
    data = _at(answer, "data")
    if data["currency"] != "BCH":
        raise SourceFailed("answered for another currency")
    return _each(data["rates"].items())


def _coingecko(answer: object, _path: str) -> Numbers:
    return _each((code.upper(), rate) for code, rate in _at(answer, "bitcoin-cash").items())


def _bitpay(answer: object, _path: str) -> Numbers:
    return _each((row["code"], row["rate"]) for row in _fields(answer)["data"])


def _each(pairs: Iterable[tuple[str, object]]) -> Numbers:
    return {code: _number(rate) for code, rate in pairs}


def _number(raw: object) -> Decimal:
    """NaN for what is none: one bad currency of a source says nothing about its others."""
    try:
        return Decimal(raw) if isinstance(raw, str | Decimal) else Decimal("NaN")
    except InvalidOperation:
        return Decimal("NaN")


def _moment(raw: object) -> datetime | None:
    """Unix seconds; None where a source tells none, or nothing sensible."""
    seconds = _number(raw)
    is_time = seconds.is_finite() and 0 < seconds < 10**11
    return datetime.fromtimestamp(int(seconds), UTC) if is_time else None


def _at(answer: object, key: str) -> Any:
    return _fields(answer)[key]


def _fields(answer: object) -> Any:
    """JSON of a shape that only the caller hopes for; a wrong one raises there, and is a reason."""
    if not isinstance(answer, dict):
        raise SourceFailed("not an object")
    return answer


_FIATS = "usd,eur,gbp,chf,jpy,cad,aud,nzd,sek,nok,dkk,pln,czk,huf,brl,mxn,ars,inr,cny,krw,zar,try"
_WITH_TIME = "include_last_updated_at=true"

SOURCES: Final[Mapping[str, Source]] = {
    "kraken": Source("https://api.kraken.com", ("/0/public/Ticker?pair=BCHUSD,BCHEUR",), _kraken),
    "bitstamp": Source(
        "https://www.bitstamp.net",
        ("/api/v2/ticker/bchusd/", "/api/v2/ticker/bcheur/"),
        _bitstamp,
        lambda answer: _fields(answer).get("timestamp"),
    ),
    "coinbase": Source("https://api.coinbase.com", ("/v2/exchange-rates?currency=BCH",), _coinbase),
    "coingecko": Source(
        "https://api.coingecko.com",
        (f"/api/v3/simple/price?ids=bitcoin-cash&vs_currencies={_FIATS}&{_WITH_TIME}",),
        _coingecko,
        lambda answer: _at(answer, "bitcoin-cash").get("last_updated_at"),
    ),
    "bitpay": Source("https://bitpay.com", ("/rates/BCH",), _bitpay),
}
