"""What was paid and does not open: told once, to its creator, and only by whoever paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from rest_framework.test import APIClient

from payments import models as money
from payments.states import InvoiceState, RefundReason
from tests.unlock import sale
from tests.unlock.sale import NOW, Buyer, Sold
from unlock import duties, failures, notices
from unlock.duties import DutyKind
from unlock.errors import NotPaid
from unlock.failures import Code, Step, Told
from unlock.models import Failure, Notice, Purchase
from unlock.states import NoticeKind

if TYPE_CHECKING:
    from unlock.models import Creator

pytestmark = pytest.mark.django_db
DAMAGED = Told(step=Step.SEGMENT, code=Code.DAMAGED, segment=7)
BODY = {"step": "segment", "code": "damaged", "segment": 7}


@pytest.fixture
def sold() -> Sold:
    return sale.publish()


def bought(sold: Sold, buyer: Buyer, state: InvoiceState = InvoiceState.PAID) -> Purchase:
    return buyer.purchase(sold, invoice_id=sale.owe(sold, state).id)


def tell(buyer: Buyer, purchase: Purchase, **changes: Any) -> Any:
    path = f"/api/v1/purchases/{purchase.id}/failures/"
    return buyer.client.post(path, {**BODY, **changes}, format="json")


def signed_in(creator: Creator) -> APIClient:
    client = APIClient()
    client.force_login(creator.user)
    return client


def test_a_failure_is_written_down_and_its_creator_told(sold: Sold) -> None:
    noor = Buyer()
    purchase = bought(sold, noor)

    answer = tell(noor, purchase)

    says = "Opening the bytes failed (at segment 7): the stored bytes are not those that were sold."
    assert answer.status_code == 201
    assert {name: answer.json()[name] for name in ("step", "code", "segment", "says", "note")} == {
        **BODY,
        "says": says,
        "note": "",
    }
    [told] = notices.of(sold.file.creator)
    assert told.kind == NoticeKind.REFUND_DUE
    assert told.purchase_id == purchase.id
    assert told.text == f"A buyer of “{sold.file.title}” paid and cannot open it. {says}"
    path = f"/api/v1/purchases/{purchase.id}/failures/"
    assert [each["says"] for each in noor.client.get(path).json()["failures"]] == [says]


def test_the_same_failure_is_told_once(sold: Sold) -> None:
    noor = Buyer()
    purchase = bought(sold, noor)

    for segment in (7, 7, 9):
        assert tell(noor, purchase, segment=segment).json()["segment"] == 7
    assert tell(noor, purchase, step="file", code="forged", segment=None).status_code == 201

    assert Failure.objects.count() == 2
    assert Notice.objects.count() == 2


@pytest.mark.parametrize("state", [InvoiceState.OPEN, InvoiceState.SEEN, InvoiceState.EXPIRED])
def test_what_is_not_paid_cannot_have_failed(sold: Sold, state: InvoiceState) -> None:
    noor = Buyer()
    purchase = bought(sold, noor, state)

    answer = tell(noor, purchase)

    assert (answer.status_code, answer.json()["error"]["code"]) == (402, "not_paid")
    assert not Failure.objects.exists()
    assert not Notice.objects.exists()


def test_nobody_else_tells_or_reads_it(sold: Sold) -> None:
    purchase = bought(sold, Buyer())
    eve = Buyer()
    bought(sale.publish(), eve)

    answer = tell(eve, purchase)

    assert answer.status_code == 404
    assert eve.client.get(f"/api/v1/purchases/{purchase.id}/failures/").status_code == 404
    assert APIClient().post(f"/api/v1/purchases/{purchase.id}/failures/", BODY).status_code == 401
    assert not Failure.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"step": "guess"},
        {"code": "<b>"},
        {"segment": -1},
        {"segment": 2**63},
        {"segment": "x"},
        {"step": ""},
    ],
)
def test_words_that_we_do_not_know_are_refused(sold: Sold, change: dict[str, Any]) -> None:
    noor = Buyer()
    purchase = bought(sold, noor)

    assert tell(noor, purchase, **change).status_code == 400
    assert not Failure.objects.exists()


def test_a_creators_own_proof_is_written_down_but_needs_nobody(sold: Sold) -> None:
    noor = Buyer()
    purchase = bought(sold, noor)
    Purchase.objects.update(is_proof=True)
    purchase.refresh_from_db()

    failures.note(purchase, DAMAGED, now=NOW)

    assert Failure.objects.count() == 1
    assert not Notice.objects.exists()
    assert failures.open_of(sold.file.creator_id) == ()


def test_it_is_a_task_of_its_creator_until_money_is_owed_back(sold: Sold) -> None:
    purchase = bought(sold, Buyer())
    failures.note(purchase, DAMAGED, now=NOW)
    maya, other = sold.file.creator, sale.creator("zoe")

    [task] = duties.of(maya, now=NOW)
    assert (task.kind, task.purchase, task.title) == (
        DutyKind.FAILURE,
        purchase.id,
        sold.file.title,
    )
    assert "not those that were sold" in task.says
    assert duties.of(other, now=NOW) == ()

    assert failures.is_open(purchase)
    assert purchase.invoice_id is not None

    money.Refund.objects.create(
        invoice_id=purchase.invoice_id, reason=RefundReason.FAILED, due_sat=10_000, asked_at=NOW
    )

    assert not failures.is_open(purchase)
    assert failures.open_of(maya.id) == ()


def test_it_may_be_settled_in_another_way_and_the_buyer_reads_how(sold: Sold) -> None:
    noor = Buyer()
    purchase = bought(sold, noor)
    failures.note(purchase, DAMAGED, now=NOW)
    path = f"/api/v1/sales/{purchase.id}/failures/"
    maya, zoe = signed_in(sold.file.creator), signed_in(sale.creator("zoe"))

    assert zoe.post(path, {"note": "mended"}, format="json").status_code == 404
    assert maya.post(path, {"note": " "}, format="json").status_code == 400
    assert Failure.objects.get().closed_at is None
    assert maya.post(path, {"note": "Copied anew."}, format="json").status_code == 200

    assert failures.open_of(sold.file.creator_id) == ()
    shown = noor.client.get(f"/api/v1/purchases/{purchase.id}/failures/").json()["failures"]
    assert [each["note"] for each in shown] == ["Copied anew."]
    assert shown[0]["closed_at"] is not None


def test_the_gate_is_asked_by_the_module_itself(sold: Sold) -> None:
    purchase = bought(sold, Buyer(), InvoiceState.OPEN)

    with pytest.raises(NotPaid):
        failures.note(purchase, DAMAGED, now=NOW)
