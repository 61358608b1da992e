"""The doors Celery uses: they run twice safely, and a chain that is away is no failure."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from kim.celery import app
from payments import health, invoices, tasks
from payments.errors import WatcherStale
from payments.models import Forward, Invoice
from tests.devchains import Devchain
from tests.tills import sell

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_scheduled_task_of_payments_exists_and_is_acknowledged_late() -> None:
    app.loader.import_default_modules()
    named = [str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()]
    ours = [name for name in named if name.startswith("payments.")]

    assert sorted(ours) == [
        "payments.fetch_rates",
        "payments.forward",
        "payments.look_refunds",
        "payments.rebroadcast",
        "payments.rebroadcast_payments",
        "payments.sweep",
    ]
    for name in [*ours, "payments.reconcile", "payments.follow_block"]:
        assert app.tasks[name].acks_late
        assert app.tasks[name].time_limit


def test_a_worker_waits_for_its_broker_however_long_it_is_away() -> None:
    assert app.conf.broker_connection_max_retries is None


def test_the_whole_way_by_tasks_alone_each_run_twice(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 20_000)
    chain.mine()

    for task in (tasks.reconcile, tasks.reconcile):
        task(str(invoice.id))
    for scheduled in (tasks.sweep, tasks.follow_block, tasks.forward, tasks.rebroadcast) * 2:
        scheduled()
    tasks.fetch_rates()

    assert Invoice.objects.get().state == "PAID"
    assert Forward.objects.get().error == ""


def test_a_hint_about_nothing_is_no_failure(chain: Devchain) -> None:
    tasks.reconcile(str(uuid4()))
    assert chain.is_running


def test_a_chain_that_is_away_changes_nothing(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 20_000)
    chain.stop()
    before = invoices.status_of(invoice.id, now=timezone.now())

    tasks.reconcile(str(invoice.id))
    tasks.sweep()

    assert invoices.status_of(invoice.id, now=timezone.now()) == before
    with pytest.raises(WatcherStale):
        health.check_alive(now=timezone.now())
    with pytest.raises(CommandError, match="No Electrum server"):
        call_command("sweep_payments")


def test_an_invoice_that_nobody_looked_at_is_called_stale(chain: Devchain) -> None:
    invoice = sell(chain)
    now = timezone.now()

    assert not invoices.status_of(invoice.id, now=now).stale
    assert invoices.status_of(invoice.id, now=now + 2 * invoices.STALE_AFTER).stale
