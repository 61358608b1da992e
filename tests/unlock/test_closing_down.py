"""An instance that winds down: nothing new begins, and what was bought is served."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from payments import models as money
from payments.states import InvoiceState
from tests.unlock import sale
from tests.unlock.sale import INSTANCE_PRIVATE, NOW, Buyer
from unlock import instances, keys, purchases, uploads
from unlock.errors import InstanceClosing
from unlock.models import Instance, Purchase, Upload
from unlock.states import ReleaseState

pytestmark = pytest.mark.django_db
SAYS = "This site is closing."


@pytest.fixture
def closing(settings: Settings) -> None:
    settings.KIM_WINDING_DOWN = True


@pytest.mark.usefixtures("closing")
def test_nothing_is_ordered_or_uploaded_any_more() -> None:
    sold = sale.publish()

    with pytest.raises(InstanceClosing):
        purchases.begin(Buyer().order(sold), now=NOW)
    held = sold.file.container
    assert held is not None
    with pytest.raises(InstanceClosing):
        uploads.begin(
            sale.creator(), size_bytes=held.size_bytes, core_header=bytes(held.core_header), now=NOW
        )

    assert not Purchase.objects.exists()
    assert not money.Invoice.objects.exists()
    assert not Upload.objects.exists()


@pytest.mark.usefixtures("closing")
def test_who_paid_is_served_all_the_same() -> None:
    sold = sale.publish()
    bought = Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)

    keys.release(bought.id, private_keys=INSTANCE_PRIVATE, now=NOW)

    assert keys.standing_of(bought.id, now=NOW).release_state is ReleaseState.READY


def test_every_page_says_that_the_site_is_closing_and_what_its_operator_says(
    client: Client, settings: Settings
) -> None:
    assert SAYS not in client.get("/").content.decode()

    settings.KIM_WINDING_DOWN = True
    Instance.objects.create(banner="Until the <b>end</b> of March.", done_at=NOW)
    instances.forget()
    page = client.get("/").content.decode()

    assert SAYS in page
    assert "Until the &lt;b&gt;end&lt;/b&gt; of March." in page
