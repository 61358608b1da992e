"""Three groups of staff: what each may do, and what each may not."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client

from payments.states import InvoiceState
from tests.unlock.sale import NOW, Buyer, owe, publish
from unlock import journal
from unlock.models import (
    AuditEntry,
    Creator,
    Delivery,
    Invitation,
    Measure,
    PaidFile,
    Quota,
    Report,
    Webhook,
)

pytestmark = pytest.mark.django_db

UNLOCK = "/admin/unlock"
GROUPS = ("moderator", "support", "operator")


def staff(group: str) -> Client:
    cache.clear()
    user = get_user_model().objects.create_user(f"{group}-1", password="x" * 12, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def sees(client: Client, path: str) -> bool:
    status = client.get(path).status_code
    assert status in (200, 403), (path, status)
    return status == 200


@pytest.mark.parametrize(
    ("path", "who"),
    [
        (f"{UNLOCK}/report/", "moderator"),
        (f"{UNLOCK}/measure/", "moderator"),
        (f"{UNLOCK}/block/", "moderator"),
        (f"{UNLOCK}/auditentry/", "moderator operator"),
        (f"{UNLOCK}/auditentry/export/", "moderator operator"),
        (f"{UNLOCK}/paidfile/", "moderator support operator"),
        (f"{UNLOCK}/creator/", "moderator support operator"),
        (f"{UNLOCK}/purchase/", "support operator"),
        (f"{UNLOCK}/grant/", "support operator"),
        (f"{UNLOCK}/delivery/", "support operator"),
        (f"{UNLOCK}/invitation/", "operator"),
        (f"{UNLOCK}/invitation/add/", "operator"),
        (f"{UNLOCK}/quota/", "operator"),
        (f"{UNLOCK}/vault/", ""),
        (f"{UNLOCK}/apitoken/", ""),
        (f"{UNLOCK}/secondfactor/", ""),
        (f"{UNLOCK}/sessionnote/", ""),
        ("/admin/payments/invoice/", "support operator"),
        ("/admin/payments/refund/", "support operator"),
        ("/admin/payments/headerpage/", "operator"),
        ("/admin/auth/user/", ""),
        ("/admin/auth/user/add/", ""),
        ("/admin/auth/group/", ""),
    ],
)
def test_each_group_sees_its_own_lists(path: str, who: str) -> None:
    found = [name for name in GROUPS if sees(staff(name), path)]

    assert found == who.split()


def act(client: Client, model: str, action: str, key: Any) -> None:
    form = {"action": action, "_selected_action": [str(key)], "confirmed": "yes", "reason": "Why."}
    client.post(f"{UNLOCK}/{model}/", {**form, "max_bytes": "5", "max_files": ""})


@pytest.mark.parametrize("group", GROUPS)
def test_only_moderators_decide_about_files_creators_and_reports(group: str) -> None:
    sold = publish()
    report = Report.objects.create(
        reference="r", paid_file=sold.file, kind="fraud", text="A fraud.", created_at=NOW
    )
    client = staff(group)

    client.post(f"{UNLOCK}/report/{report.id}/decide/", {"act": "note", "reason": "Why."})
    act(client, "paidfile", "pause", sold.file.pk)
    act(client, "creator", "suspend", sold.file.creator_id)
    act(client, "creator", "set_quota", sold.file.creator_id)

    may = group == "moderator"
    done = (
        Report.objects.get().state == "acted",
        PaidFile.objects.get().state == "paused",
        Creator.objects.get().suspended_at is not None,
        Quota.objects.exists(),
        Measure.objects.exists(),
        AuditEntry.objects.count(),
    )
    assert done == (may, may, may, may, may, 4 if may else 0)


@pytest.mark.parametrize("group", GROUPS)
def test_a_piece_is_opened_for_moderators_alone(group: str) -> None:
    report = Report.objects.create(
        reference="r", paid_file=publish().file, kind="fraud", text="A fraud."
    )

    answer = staff(group).get(f"{UNLOCK}/report/{report.id}/segment/text/")

    # The moderator is told that this report has no proof; nobody else gets as far.
    assert answer.status_code == (302 if group == "moderator" else 403)


@pytest.mark.parametrize("group", GROUPS)
def test_support_and_operators_send_deliveries_again_and_operators_invite(group: str) -> None:
    hook = Webhook.objects.create(creator=publish().file.creator, url="https://shop.example/hook")
    delivery = Delivery.objects.create(webhook=hook, kind="test", body="{}", state="given_up")
    client = staff(group)

    act(client, "delivery", "send_again", delivery.pk)
    client.post(f"{UNLOCK}/invitation/add/", {"note": "for noor", "most": "2"})

    assert Delivery.objects.count() == (1 if group == "moderator" else 2)
    assert Invitation.objects.count() == (1 if group == "operator" else 0)


@pytest.mark.parametrize("group", GROUPS)
def test_nobody_edits_or_deletes_a_row_by_hand(group: str) -> None:
    sold = publish()
    bought = Buyer().purchase(sold, invoice_id=owe(sold, InvoiceState.PAID).id)
    entry = journal.note(sold.file, "pause", who="rita", now=NOW)
    client = staff(group)

    for model, key in (
        ("paidfile", sold.file.pk),
        ("creator", sold.file.creator_id),
        ("purchase", bought.pk),
        ("auditentry", entry.pk),
    ):
        for rest in ("change", "delete"):
            path = f"{UNLOCK}/{model}/{key}/{rest}/"
            assert client.post(path, {"post": "yes", "title": "x"}).status_code == 403, path
        act(client, model, "delete_selected", key)

    assert AuditEntry.objects.count() == 1
    assert PaidFile.objects.get().title == "Nine recordings"


def test_every_right_of_the_groups_belongs_to_a_model_of_the_admin() -> None:
    known = {
        (model._meta.app_label, f"{verb}_{model._meta.model_name}")
        for model in admin.site._registry
        for verb in ("add", "change", "delete", "view")
    }

    for group in Group.objects.filter(name__in=GROUPS):
        rights = set(group.permissions.values_list("content_type__app_label", "codename"))
        assert rights <= known
        assert not {name for app, name in rights if app == "auth"}
        deletes = {name for _, name in rights if name.startswith("delete_")}
        assert deletes <= {"delete_invitation"}
