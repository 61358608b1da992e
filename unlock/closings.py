"""Closing an account: nobody logs in any more, nothing is sold, and who bought is served for ever.

Files stay where they are, paused, because their buyers come back; orders that ran out unpaid are
still served if they are paid late. What only its creator needed goes: the vault, the second step, the
address of the e-mails, sessions, tokens, webhooks, drafts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from payments import unsettled
from payments.amounts import bch
from unlock import account_sessions, creators, files, mail, payout_changes, second_factors, tokens
from unlock.account_errors import MoneyMoving, RefundsOwed
from unlock.models import ClosedAccount, Creator, PaidFile, Profile, Purchase, Vault, Webhook
from unlock.states import FileState

if TYPE_CHECKING:
    from datetime import datetime


def close(creator: Creator, *, now: datetime) -> None:
    """For good. Repeating it is no error.

    Raises RefundsOwed and MoneyMoving while something is open between the creator and buyers; then
    nothing was changed.
    """
    with transaction.atomic():
        Creator.objects.select_for_update().get(pk=creator.pk)
        if ClosedAccount.objects.filter(creator=creator).exists():
            return
        _stop_selling(creator, now=now)
        # After the files: whoever ordered before they stopped is seen here.
        _check_settled(creator, now=now)
        ClosedAccount.objects.create(creator=creator, closed_at=now)
        creators.suspend(creator, now=now)  # every door that is shut to those is shut now
        _forget(creator, now=now)


def _check_settled(creator: Creator, *, now: datetime) -> None:
    found = unsettled.of(creator.id, now=now)
    if found.refunds:
        raise RefundsOwed("Refunds that you owe: {refunds}.", refunds=found.refunds)
    if found.orders:
        raise MoneyMoving("Orders whose payment is not settled yet: {orders}.", orders=found.orders)
    if found.payable_until is not None:
        raise MoneyMoving(
            "Somebody has ordered, and may pay until {until}.", until=found.payable_until
        )
    if found.forwarding_sat:
        raise MoneyMoving(
            "{amount} BCH are on their way to your address.", amount=bch(found.forwarding_sat)
        )


def _stop_selling(creator: Creator, *, now: datetime) -> None:
    mine = PaidFile.objects.filter(creator=creator)
    for file_id in mine.filter(state=FileState.PUBLISHED).values_list("id", flat=True):
        files.pause(file_id, creator=creator)
    for file_id in mine.filter(state=FileState.DRAFT).values_list("id", flat=True):
        if not Purchase.objects.filter(paid_file=file_id, invoice_id__isnull=False).exists():
            files.delete(file_id, creator=creator, now=now)


def _forget(creator: Creator, *, now: datetime) -> None:
    """Everything that served its creator alone. The password stays: it tells them, and nobody else,
    that the account was closed.
    """
    payout_changes.stop(creator, now=now)
    second_factors.drop(creator)
    tokens.end_all(creator, now=now)
    mail.stop(creator)
    Webhook.objects.filter(creator=creator, removed_at=None).update(is_active=False, removed_at=now)
    Vault.objects.filter(creator=creator).delete()
    Profile.objects.filter(creator=creator).delete()
    account_sessions.end_others(creator, None, now=now)
