"""What 1 BCH costs, from several exchanges: fetched with limits, checked, and only then a median.

No database here: ``payments.rate_table`` keeps what this finds. A source that is down, absurd,
zero, negative or answers with a web page is left out with its reason, and never blocks the others.
"""

from __future__ import annotations

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from statistics import median
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

FETCH_SECONDS: Final = 5.0
ANSWER_BYTES: Final = 64 * 1024
LEAST_SOURCES: Final = 2
SPREAD: Final = Decimal("0.05")  # a source further than this from the median is not believed
BOUNDS: Final = {  # of 1 BCH, where one is wise to have an opinion
    currency: (Decimal(20), Decimal(20_000)) for currency in ("USD", "EUR", "GBP", "CHF")
}
ANY_BOUNDS: Final = (Decimal("0.000001"), Decimal(10) ** 12)


class SourceFailed(Exception):
    """One source gave nothing to use; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one source said: currency → price of 1 BCH. ``error`` is why there is nothing."""

    source: str
    rates: Mapping[str, Decimal]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Consensus:
    """A believed rate: the median of ``sources`` that agree within five per cent."""

    rate: Decimal
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """An exchange: where it is, what to ask, how to read the answer."""

    base_url: str
    paths: tuple[str, ...]
    read: Callable[[object, str], dict[str, Decimal]]


def fetch_all(names: Sequence[str], *, base_url: str = "") -> tuple[Answer, ...]:
    """Ask every named source at once. ``base_url``, if given, stands in front of all of them
    (``<base_url>/<name><path>``): a proxy, or a test's server. Never raises.
    """
    if not names:
        return ()
    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        return tuple(pool.map(lambda name: fetch(name, base_url=base_url), names))


def fetch(name: str, *, base_url: str = "") -> Answer:
    """Ask one source within its limits. A failure is an ``Answer`` with its reason."""
    source = SOURCES.get(name)
    if source is None:
        return Answer(name, {}, "unknown source")
    found: dict[str, Decimal] = {}
    try:
        for path in source.paths:
            url = f"{base_url.rstrip('/')}/{name}{path}" if base_url else source.base_url + path
            found |= source.read(_get_json(url), path)
    except SourceFailed as error:
        return Answer(name, {}, str(error))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, InvalidOperation) as error:
        return Answer(name, {}, f"unreadable answer: {type(error).__name__}")
    return Answer(name, {code: rate for code, rate in found.items() if _is_code(code)})


def agree(answers: Iterable[Answer]) -> dict[str, Consensus]:
    """The believed rate of every currency that at least two sources agree on.

    Validated first, chosen afterwards: a zero from the first source must not hide the second.
    """
    said: dict[str, dict[str, Decimal]] = {}
    for answer in answers:
        for currency, rate in answer.rates.items():
            if is_sane(currency, rate):
                said.setdefault(currency, {})[answer.source] = rate
    found = {currency: _median(rates) for currency, rates in said.items()}
    return {currency: consensus for currency, consensus in found.items() if consensus is not None}


def is_sane(currency: str, rate: Decimal) -> bool:
    """Finite, positive, and inside the bounds of its currency."""
    least, most = BOUNDS.get(currency, ANY_BOUNDS)
    return rate.is_finite() and least <= rate <= most


def _median(rates: Mapping[str, Decimal]) -> Consensus | None:
    middle = median(rates.values())
    near = {name: rate for name, rate in rates.items() if abs(rate - middle) <= SPREAD * middle}
    if len(near) < LEAST_SOURCES:
        return None
    rate = median(near.values()).quantize(Decimal("0.00000001"))
    return Consensus(rate, tuple(sorted(near)))


def _get_json(url: str) -> object:
    """One GET: five seconds in all, 64 KB at most, no redirects, numbers as ``Decimal``."""
    give_up_at = time.monotonic() + FETCH_SECONDS
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=FETCH_SECONDS)
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
        raise SourceFailed(f"unreachable: {type(error).__name__}") from error
    finally:
        connection.close()
    try:
        answer: object = json.loads(body, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError) as error:
        raise SourceFailed("not JSON") from error
    return answer


def _read(response: http.client.HTTPResponse, give_up_at: float) -> bytes:
    body = b""
    while chunk := response.read1(8192):
        body += chunk
        if len(body) > ANSWER_BYTES:
            raise SourceFailed("answer over 64 KB")
        if time.monotonic() > give_up_at:
            raise SourceFailed("too slow")
    return body


def _is_code(code: str) -> bool:
    return 3 <= len(code) <= 5 and code.isascii() and code.isalpha() and code.isupper()


# --- one reader per source; anything unexpected raises and becomes the reason ------------------


def _kraken(answer: object, _path: str) -> dict[str, Decimal]:
    return {
        pair[-3:]: Decimal(ticker["c"][0])
        for pair, ticker in _at(answer, "result").items()
        if pair.startswith("BCH")
    }


def _bitstamp(answer: object, path: str) -> dict[str, Decimal]:
    return {path.rstrip("/")[-3:].upper(): Decimal(_fields(answer)["last"])}


def _coinbase(answer: object, _path: str) -> dict[str, Decimal]:
    data = _at(answer, "data")
    if data["currency"] != "BCH":
        raise SourceFailed("answered for another currency")
    return _each(data["rates"].items())


def _coingecko(answer: object, _path: str) -> dict[str, Decimal]:
    return _each((code.upper(), rate) for code, rate in _at(answer, "bitcoin-cash").items())


def _bitpay(answer: object, _path: str) -> dict[str, Decimal]:
    return _each((row["code"], row["rate"]) for row in _fields(answer)["data"])


def _each(pairs: Iterable[tuple[str, str | Decimal]]) -> dict[str, Decimal]:
    return {code: Decimal(rate) for code, rate in pairs if code != "BCH"}


def _at(answer: object, key: str) -> Any:
    return _fields(answer)[key]


def _fields(answer: object) -> Any:
    """JSON of a shape that only the caller hopes for; a wrong one raises there, and is a reason."""
    if not isinstance(answer, dict):
        raise SourceFailed("not an object")
    return answer


_FIATS = "usd,eur,gbp,chf,jpy,cad,aud,nzd,sek,nok,dkk,pln,czk,huf,brl,mxn,ars,inr,cny,krw,zar,try"

SOURCES: Final[Mapping[str, Source]] = {
    "kraken": Source("https://api.kraken.com", ("/0/public/Ticker?pair=BCHUSD,BCHEUR",), _kraken),
    "bitstamp": Source(
        "https://www.bitstamp.net", ("/api/v2/ticker/bchusd/", "/api/v2/ticker/bcheur/"), _bitstamp
    ),
    "coinbase": Source("https://api.coinbase.com", ("/v2/exchange-rates?currency=BCH",), _coinbase),
    "coingecko": Source(
        "https://api.coingecko.com",
        (f"/api/v3/simple/price?ids=bitcoin-cash&vs_currencies={_FIATS}",),
        _coingecko,
    ),
    "bitpay": Source("https://bitpay.com", ("/rates/BCH",), _bitpay),
}
