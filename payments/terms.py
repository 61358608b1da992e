"""What an owner wants of their invoices: how much may be missing, and what may open early.

Copied onto each invoice when it is opened, so that a later change moves no order under way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from payments import amounts
from payments.errors import BadTerms
from payments.models import Terms

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsView:
    """``honour_sats``: a late payment of the quoted satoshis counts at any rate. ``tolerance_bps``:
    what may be missing, in hundredths of a percent (0: nothing). ``instant_invoice_sat`` is the most
    one sale may be for that opens before a block, ``instant_total_sat`` the most that may be open so
    at one time; 0 turns it off.
    """

    honour_sats: bool = False
    tolerance_bps: int = amounts.TOLERANCE_BPS
    instant_invoice_sat: int = 0
    instant_total_sat: int = 0


def of(owner: UUID) -> TermsView:
    """The owner's terms; the defaults while they have set none."""
    row = Terms.objects.filter(pk=owner).first()
    return TermsView() if row is None else _view(row)


def set_for(owner: UUID, *, now: datetime, **changes: int) -> TermsView:
    """Change some of the owner's terms. Orders that are open keep theirs. Raises ``BadTerms``, and
    then nothing is changed.
    """
    with transaction.atomic():
        Terms.objects.get_or_create(owner=owner, defaults={"changed_at": now})
        row = Terms.objects.select_for_update(no_key=True).get(owner=owner)
        for name, value in changes.items():
            _check(name, value)
            setattr(row, name, value)
        if 0 < row.instant_total_sat < row.instant_invoice_sat:
            raise BadTerms("All sales together cannot be allowed less than one of them.")
        row.changed_at = now
        row.save()
    return _view(row)


def _check(name: str, value: int) -> None:
    if name == "honour_sats":
        if not isinstance(value, bool):
            raise BadTerms("Whether satoshis are honoured is yes or no.")
        return
    if name not in {"tolerance_bps", "instant_invoice_sat", "instant_total_sat"}:
        raise BadTerms("There is no term called {name}.", name=name)
    if type(value) is not int or value < 0:
        raise BadTerms("An amount must be a whole number, and not below zero.")
    if name == "tolerance_bps" and value > amounts.TOLERANCE_CAP_BPS:
        raise BadTerms("At most 5 % may be missing.")
    if value > amounts.MAX_SAT:
        raise BadTerms("That is more than all BCH there is.")


def _view(row: Terms) -> TermsView:
    return TermsView(
        honour_sats=row.honour_sats,
        tolerance_bps=row.tolerance_bps,
        instant_invoice_sat=row.instant_invoice_sat,
        instant_total_sat=row.instant_total_sat,
    )
