"""Discount codes and gifts: made by a creator for one file, carried by a link, used by buyers.

A code is 16 letters and digits (80 random bits), made here: nobody guesses one, so its hash may
lie in the clear. The code itself is sealed under KIM_FIELD_KEY, for the creator to copy again.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from django.db import transaction

from payments.amounts import Price
from unlock import at_rest, limits, stock
from unlock.creator_errors import MoveRefused
from unlock.models import DiscountCode, PaidFile
from unlock.pricing import COUNT_MAX, Discount
from unlock.pricing_errors import CodeInvalid, CodeMissing, PricingInvalid
from unlock.states import FileState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from unlock.models import Creator

NOTE_MAX: Final = 100
BATCH_MAX: Final = 200
CODES_MAX: Final = 2000  # of one file
_CODE_BYTES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A code as its creator sees it."""

    id: UUID
    code: str
    note: str
    is_gift: bool
    percent: int | None
    amount_off: Price | None
    quantity: int | None
    uses: int
    starts_at: datetime | None
    ends_at: datetime | None
    ended_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What a creator asks for: ``count`` codes alike. A gift takes all off, once each."""

    note: str = ""
    is_gift: bool = False
    percent: int | None = None
    amount_off: Price | None = None
    quantity: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    count: int = 1


def make(
    paid_file_id: UUID, asked: Making, *, creator: Creator, now: datetime
) -> list[DiscountCode]:
    """Raises PricingInvalid, MoveRefused (removed), CodeMissing (no file of theirs), TextInvalid."""
    _check(asked)
    with transaction.atomic():
        rows = PaidFile.objects.select_for_update().filter(id=paid_file_id, creator=creator)
        paid_file = rows.first()
        if paid_file is None:
            raise CodeMissing("There is no such file of yours.")
        if paid_file.state == FileState.REMOVED:
            raise MoveRefused("The file was removed.")
        if asked.amount_off and asked.amount_off.currency != paid_file.price_currency:
            raise PricingInvalid("The amount is in another currency than the price.")
        if DiscountCode.objects.filter(paid_file=paid_file).count() + asked.count > CODES_MAX:
            raise PricingInvalid("A file has {codes_max} codes at most.", codes_max=CODES_MAX)
        return DiscountCode.objects.bulk_create(
            [_new(paid_file, asked, now=now) for _ in range(asked.count)]
        )


def of_file(paid_file_id: UUID, *, creator: Creator) -> QuerySet[DiscountCode]:
    """All that were made for a file."""
    return DiscountCode.objects.filter(paid_file=paid_file_id, paid_file__creator=creator)


def end(code_id: UUID, *, creator: Creator, now: datetime) -> None:
    """From now on it takes nothing off. Orders that were made with it keep their price."""
    mine = DiscountCode.objects.filter(id=code_id, paid_file__creator=creator)
    if not mine.exists():
        raise CodeMissing("There is no such code.")
    mine.filter(ended_at=None).update(ended_at=now)


def find(paid_file: PaidFile, text: str) -> DiscountCode:
    """Raises CodeInvalid."""
    code = DiscountCode.objects.filter(paid_file=paid_file, code_hash=_hash(text)).first()
    if code is None:
        raise CodeInvalid("The code of this link does not hold now.")
    return code


def discount_of(code: DiscountCode, paid_file: PaidFile) -> Discount:
    """Raises CodeInvalid: an amount in another currency than the file is priced in by now."""
    if code.amount_off is not None and code.currency != paid_file.price_currency:
        raise CodeInvalid("The code of this link does not hold now.")
    return Discount(percent=code.percent, amount_off=code.amount_off, is_gift=code.is_gift)


def show(rows: Iterable[DiscountCode], *, now: datetime) -> list[Shown]:
    """With how often each was used."""
    listed = list(rows)
    uses = stock.uses_of([row.id for row in listed], now=now)
    return [
        Shown(
            id=row.id,
            code=_open(row),
            note=row.note,
            is_gift=row.is_gift,
            percent=row.percent,
            amount_off=None if row.amount_off is None else Price(row.amount_off, row.currency),
            quantity=row.quantity,
            uses=uses.get(row.id, 0),
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            ended_at=row.ended_at,
            created_at=row.created_at,
        )
        for row in listed
    ]


def _open(code: DiscountCode) -> str:
    return at_rest.unseal(bytes(code.sealed_code), bound=bound_to(code.id)).decode()


def _new(paid_file: PaidFile, asked: Making, *, now: datetime) -> DiscountCode:
    text = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode()
    code_id = uuid4()
    return DiscountCode(
        id=code_id,
        paid_file=paid_file,
        code_hash=_hash(text),
        sealed_code=at_rest.seal(text.encode(), bound=bound_to(code_id)),
        note=limits.clean_description(asked.note)[:NOTE_MAX],
        is_gift=asked.is_gift,
        percent=100 if asked.is_gift else asked.percent,
        amount_off=asked.amount_off.amount if asked.amount_off else None,
        currency=asked.amount_off.currency if asked.amount_off else "",
        quantity=1 if asked.is_gift else asked.quantity,
        starts_at=asked.starts_at,
        ends_at=asked.ends_at,
        created_at=now,
    )


def _check(asked: Making) -> None:
    given = [asked.percent is not None, asked.amount_off is not None, asked.is_gift]
    if sum(given) != 1:
        raise PricingInvalid("A code takes off a percentage or an amount, or it is a gift.")
    if asked.percent is not None and not 1 <= asked.percent <= 100:
        raise PricingInvalid("A percentage is from 1 to 100.")
    if asked.amount_off is not None and asked.amount_off.amount <= 0:
        raise PricingInvalid("The amount is more than nothing.")
    if asked.quantity is not None and not 1 <= asked.quantity <= COUNT_MAX:
        raise PricingInvalid(
            "A code is used once at least, {count_max} times at most.", count_max=COUNT_MAX
        )
    if not 1 <= asked.count <= BATCH_MAX:
        raise PricingInvalid("At most {batch_max} codes are made at a time.", batch_max=BATCH_MAX)
    if asked.starts_at and asked.ends_at and asked.starts_at >= asked.ends_at:
        raise PricingInvalid("The code would end before it begins.")


def _hash(text: str) -> str:
    return hashlib.sha256(text.strip().upper().encode()).hexdigest()


def bound_to(code_id: UUID) -> bytes:
    return b"kim discount code" + code_id.bytes
