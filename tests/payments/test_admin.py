"""The admin shows every row of payments and lets nobody change one."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.test import Client

from payments.models import Output, Payout
from tests.devchains import Devchain
from tests.tills import look, sell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(get_user_model().objects.create_superuser("staff", password="x"))
    return client


def test_every_list_and_row_opens_and_nothing_can_be_changed(
    chain: Devchain, staff: Client
) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 20_000)
    look(invoice.id)

    for model in apps.get_app_config("payments").get_models():
        name = model._meta.model_name
        assert staff.get(f"/admin/payments/{name}/?q=x").status_code == 200, name
        assert staff.get(f"/admin/payments/{name}/add/").status_code == 403, name
        row = model._default_manager.first()
        if row is not None:
            page = staff.get(f"/admin/payments/{name}/{row.pk}/change/")
            assert page.status_code == 200, name
            assert b'name="_save"' not in page.content, name
            assert staff.post(f"/admin/payments/{name}/{row.pk}/delete/").status_code == 403, name
    assert Output.objects.count() == 1


def test_sealed_bytes_are_not_shown(chain: Devchain, staff: Client) -> None:
    sell(chain)
    row = Payout.objects.get()

    page = staff.get(f"/admin/payments/payout/{row.pk}/change/").content

    assert b"sealed" not in page.lower()
    assert bytes(row.sealed).hex().encode() not in page
