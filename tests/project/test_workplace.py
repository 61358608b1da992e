"""The first page of the admin: exact sums, a fixed number of queries, and only what one may see."""

from __future__ import annotations

import html
import re
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from kim import workplace
from payments import models as money
from payments import turnover
from payments.states import InvoiceState, RefundReason
from tests.unlock import plenty
from tests.unlock.sale import Buyer, creator, owe, publish
from unlock import models as ours
from unlock import workload
from unlock.states import UploadState

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

MOST_QUERIES = 60


@pytest.fixture
def root() -> Client:
    get_user_model().objects.create_superuser("root", password="x" * 12)
    client = Client()
    client.force_login(get_user_model().objects.get(username="root"))
    return client


def lines(page: str) -> dict[str, str]:
    """Every figure's label and what stands beside it."""
    found = re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", page, re.DOTALL)
    plain = [[" ".join(re.sub(r"<[^>]+>", " ", part).split()) for part in pair] for pair in found]
    return {label: html.unescape(value) for label, value in plain}


def test_sales_are_the_sums_of_their_rows_and_test_purchases_are_none() -> None:
    now = timezone.now()
    plenty.sell(400, now=now)
    sold = publish(price_amount=Decimal("4.99"), price_currency="EUR")
    proof = Buyer().purchase(sold, invoice_id=owe(sold, InvoiceState.PAID, settled_at=now).id)
    ours.Purchase.objects.filter(pk=proof.pk).update(is_proof=True)
    owe(sold, InvoiceState.REVERSED, settled_at=now)
    moments = [now - timedelta(days=days) for days in (1, 7, 30)]

    found = turnover.since(moments, without=workload.proofs())

    for moment, each in zip(moments, found, strict=True):
        rows = [
            row
            for row in money.Invoice.objects.all()
            if row.pk != proof.invoice_id
            and row.state == InvoiceState.PAID
            and row.settled_at
            and row.settled_at >= moment
        ]
        prices: Counter[str] = Counter()
        for row in rows:
            prices[row.price_currency] += row.price_amount  # type: ignore[assignment]
        assert rows
        assert each.count == len(rows)
        assert each.settled_sat == sum(row.settled_sat for row in rows)
        assert {price.currency: price.amount for price in each.prices} == dict(prices)


def test_prices_of_any_number_of_digits_are_summed_exactly() -> None:
    now = timezone.now()
    sold = publish(price_currency="EUR")
    amounts = [Decimal(text) for text in ("0.1", "0.2", "4.35", "1.005", "0.00000001", "99999.99")]
    for amount in amounts * 7:
        sold.file.price_amount = amount
        owe(sold, InvoiceState.PAID, settled_at=now)

    (found,) = turnover.since([now - timedelta(hours=1)], without=workload.proofs())

    assert found.prices[0].amount == sum(amounts) * 7


def test_what_is_owed_back_is_what_was_not_sent_yet() -> None:
    sold, at = publish(), timezone.now() - timedelta(days=3)
    for due, paid, closed in ((500, 0, None), (900, 400, None), (300, 350, None), (7, 0, at)):
        money.Refund.objects.create(
            invoice=owe(sold, InvoiceState.PAID), reason=RefundReason.OVER, due_sat=due,
            paid_sat=paid, asked_at=at, closed_at=closed,
        )  # fmt: skip

    found = turnover.owed()

    assert (found.count, found.rest_sat, found.oldest_at) == (3, 1000, at)


def test_the_first_page_tells_what_waits_and_what_fails(root: Client, settings: Settings) -> None:
    settings.KIM_INSTANCE_MAX_BYTES = 2000
    now = timezone.now()
    sold = publish()
    ago = now - timedelta(hours=5)
    paid = owe(sold, InvoiceState.PAID, settled_at=now)
    late = Buyer().purchase(sold, invoice_id=paid.id)
    ours.Purchase.objects.filter(pk=late.pk).update(release_due_at=ago)
    money.Refund.objects.create(invoice=paid, reason=RefundReason.OVER, due_sat=1_500, asked_at=ago)
    ours.Report.objects.create(reference="r", paid_file=sold.file, kind="fraud", created_at=ago)
    ours.Measure.objects.create(
        paid_file=sold.file, kind="pause", reason="x", decided_by="rita", appealed_at=ago
    )
    ours.Copy.objects.update(damaged_at=ago, wanted_at=ago)
    hook = ours.Webhook.objects.create(creator=sold.file.creator, url="https://shop.example/")
    ours.Delivery.objects.create(
        webhook=hook, kind="test", body="{}", state="given_up", due_at=now, created_at=ago
    )
    ours.Failure.objects.create(purchase=late, step="open", code="forged", created_at=ago)

    told = lines(root.get("/admin/").content.decode())

    for label in ("Open reports", "Open appeals", "Buyers who cannot open", "Keys owed for minutes",
                  "Webhooks given up, 7 days", "Copies that wait for an hour"):  # fmt: skip
        assert told[label] == "1 the oldest 5 hours ago", label
    assert told["Refunds to be sent"] == "1 0.00001500 BCH, the oldest 5 hours ago"
    assert told["Today (UTC): 1 sale"].startswith("0.00010000 BCH 0.0001")
    assert told["Stored: 1 file"].endswith("of 2.00 KB")
    assert told["Damaged on main"] == told["Contents without a good copy"] == "1"
    assert told["Uploads failed, 7 days"] == "0"
    assert told["Payments are seen"].startswith("Broken")


def test_each_figure_leads_to_a_list_with_as_many_rows(root: Client) -> None:
    plenty.sell(40, now=timezone.now())
    page = root.get("/admin/").content.decode()
    links = [html.unescape(link) for link in re.findall(r'<dt>\s*<a href="([^"]+)"', page)]

    assert len(links) > 20
    for link in links:
        answer = root.get(link)
        assert answer.status_code == 200, link
        assert "e=1" not in link
    sales = [link for link in links if "settled_at__gte" in link][-1]  # 30 days
    assert root.get(sales).context["cl"].result_count > 0


@pytest.mark.parametrize(
    ("group", "titles"),
    [
        ("moderator", ["What waits", "Storage"]),
        ("support", ["What waits", "What fails", "Sales"]),
        (
            "operator",
            ["What waits", "What fails", "Sales", "Watcher", "Rates", "Storage"],
        ),
    ],
)
def test_each_group_sees_its_own_panels(group: str, titles: list[str], rf: Any) -> None:
    user = get_user_model().objects.create_user(group, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    request = rf.get("/admin/")
    request.user = user

    found = [panel.title for panel in workplace.panels(request, now=timezone.now())]

    assert [title for title in found if title in titles] == titles
    labels = {
        figure.label
        for panel in workplace.panels(request, now=timezone.now())
        for figure in panel.figures
    }
    assert ("Open reports" in labels) == (group == "moderator")
    assert ("Refunds to be sent" in labels) == (group != "moderator")


def queries(client: Client, path: str) -> int:
    """Without the operator's own words, which every page reads anew after some seconds."""
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200, path
    return sum('FROM "unlock_instance"' not in each["sql"] for each in asked.captured_queries)


def test_no_list_and_not_the_first_page_asks_more_when_there_is_more(root: Client) -> None:
    plenty.sell(20, now=timezone.now(), files=4)
    paths = ["/admin/"]
    for model in admin.site._registry:
        if model._meta.app_label in ("unlock", "payments"):
            path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
            paths += [path, f"{path}?q=maya"]
    before = {path: queries(root, path) for path in paths}
    plenty.sell(60, now=timezone.now() + timedelta(days=1), files=8)

    after = {path: queries(root, path) for path in paths}

    assert {path: (n, before[path]) for path, n in after.items() if n > before[path]} == {}
    assert before["/admin/"] <= MOST_QUERIES
    assert max(before[path] for path in paths[1:]) <= 20


def test_ids_of_every_kind_find_their_order_and_nothing_else(root: Client) -> None:
    plenty.sell(8, now=timezone.now(), files=2)
    invoice = money.Invoice.objects.filter(state=InvoiceState.PAID)[0]
    bought = ours.Purchase.objects.get(invoice_id=invoice.pk)
    txid = invoice.outputs.get().transaction_id
    payable = owe(publish(creator("ada")))
    from payments import addresses
    from payments.states import Network

    shown = addresses.encode(bytes.fromhex(payable.address.script), Network.REGTEST)

    def found(path: str, word: object) -> list[Any]:
        listed = root.get(f"/admin/{path}/", {"q": str(word)}).context["cl"]
        return [row.pk for row in listed.result_list]

    for word in (bought.pk, invoice.pk, txid, txid.upper()):
        assert found("unlock/purchase", word) == [bought.pk], word
    assert len(found("unlock/purchase", bought.content_id)) == 4
    for word in (invoice.pk, txid):
        assert found("payments/invoice", word) == [invoice.pk], word
    assert found("payments/invoice", shown) == [payable.pk]
    assert found("payments/chaintransaction", txid) == [txid]
    assert len(found("unlock/paidfile", "maya")) == 1
    assert found("unlock/paidfile", bought.paid_file_id) == [bought.paid_file_id]
    assert found("unlock/creator", "ada") == [
        ours.Creator.objects.get(user__username__startswith="ada").pk
    ]
    for odd in ("zzz", "ab" * 32, "00000000-0000-0000-0000-000000000000", "bchreg:nothing"):
        assert found("payments/invoice", odd) == []
        assert found("unlock/purchase", odd) == []


def test_an_upload_that_failed_is_counted_for_a_week() -> None:
    sold = publish()
    assert sold.file.container is not None
    now = timezone.now()
    made = ours.Upload.objects.create(
        creator=sold.file.creator, container=sold.file.container, copy=ours.Copy.objects.get(),
        multipart_id="m", part_bytes=1, part_count=1, state=UploadState.FAILED, touched_at=now,
    )  # fmt: skip

    assert workload.failed_uploads(now=now).count == 1
    ours.Upload.objects.filter(pk=made.pk).update(touched_at=now - timedelta(days=8))
    assert workload.failed_uploads(now=now).count == 0
