"""Many open invoices at once, written straight into a stack's database: ``python -m tests.bench.filling N``.

Run in a part's environment. The addresses are random and nobody ever pays them: they are there to be
watched. Their quotes run for half a day, so that none expires under a benchmark.
"""

from __future__ import annotations

import os
import secrets
import sys
from datetime import timedelta
from uuid import uuid4

PER_WRITE = 500


def fill(count: int) -> None:
    from django.conf import settings
    from django.db import transaction
    from django.utils import timezone

    from payments.models import Address, Invoice, Payout, Quote

    now = timezone.now()
    until = now + timedelta(hours=12)
    payout = Payout.objects.filter(retired_at=None)[0]
    first = 1_000_000 + Address.objects.count()
    for at in range(0, count, PER_WRITE):
        rows = [
            Invoice(
                id=uuid4(), payout=payout, network=settings.KIM_NETWORK, price_amount="0.0002",
                price_currency="BCH", confirmations=1, due_sat=20_000, missing_sat=20_000,
                quote_until=until, sweep_due_at=now,
            )
            for _ in range(min(PER_WRITE, count - at))
        ]  # fmt: skip
        with transaction.atomic():
            Invoice.objects.bulk_create(rows)
            Address.objects.bulk_create(
                Address(
                    invoice=row, payout=payout, index=first + at + step, shown=f"bench {row.id}",
                    script=f"76a914{secrets.token_hex(20)}88ac",
                )
                for step, row in enumerate(rows)
            )  # fmt: skip
            Quote.objects.bulk_create(
                Quote(invoice=row, due_sat=20_000, min_sat=19_500, quoted_at=now, until=until)
                for row in rows
            )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kim.settings")
    import django

    django.setup()
    fill(int(sys.argv[1]))
