"""The admin: staff look at everything but secrets, moderate files, and edit nothing."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from tests.unlock.creating import sign_up
from tests.unlock.sale import NOW, Buyer, publish
from unlock import creators, webhooks
from unlock.errors import NotForSale
from unlock.models import AuditEntry, Copy, Creator, Delivery, Invitation, PaidFile
from unlock.purchases import begin
from unlock.states import FileState

pytestmark = pytest.mark.django_db

FILES = "/admin/unlock/paidfile/"


@pytest.fixture
def staff() -> Client:
    get_user_model().objects.create_superuser("staff", password="staff password")
    client = Client()
    assert client.login(username="staff", password="staff password")
    return client


def test_every_model_has_a_list_that_can_be_searched(staff: Client) -> None:
    publish()

    for model in apps.get_app_config("unlock").get_models():
        assert model in admin.site._registry, model
        assert admin.site._registry[model].search_fields, model
        url = f"/admin/unlock/{model._meta.model_name}/"
        assert staff.get(url).status_code == 200
        assert staff.get(url, {"q": "nine"}).status_code == 200


def test_staff_see_a_file_and_none_of_its_secrets(staff: Client) -> None:
    sold = publish()

    page = staff.get(f"{FILES}{sold.file.id}/change/").content.decode()

    assert "Nine recordings" in page
    for name in ("s_sealed", "wrapped_key"):
        assert name not in page
    for name in ("core_header", "salt"):
        owner, held = sold.file.creator_id, sold.file.container_id
        for url in (f"creator/{owner}", f"container/{held}"):
            assert name not in staff.get(f"/admin/unlock/{url}/change/").content.decode()
    assert sold.secret.hex() not in page


def test_nothing_is_edited_added_or_deleted_by_hand(staff: Client) -> None:
    sold = publish()

    answer = staff.post(f"{FILES}{sold.file.id}/change/", {"state": "draft", "title": "x"})

    assert answer.status_code == 403
    assert staff.get(f"{FILES}add/").status_code == 403
    assert staff.post(f"{FILES}{sold.file.id}/delete/", {"post": "yes"}).status_code == 403
    kept = PaidFile.objects.get()
    assert (kept.state, kept.title) == (FileState.PUBLISHED, "Nine recordings")


def test_a_file_is_removed_with_a_reason_after_asking(staff: Client) -> None:
    sold = publish()
    chosen = {"action": "remove", "_selected_action": [str(sold.file.id)]}

    asked = staff.post(FILES, chosen)

    assert asked.status_code == 200
    assert "Whoever bought" in asked.content.decode()
    assert PaidFile.objects.get().state == FileState.PUBLISHED

    done = staff.post(FILES, {**chosen, "confirmed": "Remove", "reason": "somebody else's work"})

    assert done.status_code == 302
    kept = PaidFile.objects.get()
    assert (kept.state, kept.removed_reason) == (FileState.REMOVED, "somebody else's work")
    assert "somebody else's work" in LogEntry.objects.get().change_message


def test_a_file_is_paused_and_a_draft_is_told_not_to_be(staff: Client) -> None:
    sold, draft = publish(), publish(state=FileState.DRAFT)
    both = [str(sold.file.id), str(draft.file.id)]

    page = staff.post(
        FILES,
        {"action": "pause", "_selected_action": both, "confirmed": "Pause", "reason": "asked to"},
        follow=True,
    ).content.decode()

    states = {row.id: row.state for row in PaidFile.objects.all()}
    assert states == {sold.file.id: FileState.PAUSED, draft.file.id: FileState.DRAFT}
    assert "cannot become paused" in page


def test_staff_without_the_right_to_change_files_cannot_moderate() -> None:
    looker = get_user_model().objects.create_user("looker", password="x" * 12, is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_paidfile"))
    sold = publish()
    client = Client()
    client.force_login(looker)

    page = client.get(FILES).content.decode()
    client.post(
        FILES,
        {"action": "remove", "_selected_action": [str(sold.file.id)], "confirmed": "Remove"},
    )

    assert "Remove: never sold again" not in page
    assert PaidFile.objects.get().state == FileState.PUBLISHED


def test_a_suspended_creator_sells_nothing_until_reinstated(staff: Client) -> None:
    sold = publish()
    chosen: dict[str, object] = {"_selected_action": [str(sold.file.creator_id)]}

    asked = staff.post("/admin/unlock/creator/", {"action": "suspend", **chosen})
    assert "who bought stays served" in asked.content.decode()
    assert Creator.objects.get().suspended_at is None
    chosen |= {"confirmed": "yes", "reason": "a complaint"}
    staff.post("/admin/unlock/creator/", {"action": "suspend", **chosen})

    assert Creator.objects.get().suspended_at is not None
    with pytest.raises(NotForSale):
        begin(Buyer().order(sold), now=sold.file.created_at)
    staff.post("/admin/unlock/creator/", {"action": "reinstate", **chosen})
    assert Creator.objects.get().suspended_at is None
    entries = AuditEntry.objects.values_list("action", "who", "reason")
    assert list(entries) == [
        ("suspend", "staff", "a complaint"),
        ("reinstate", "staff", "a complaint"),
    ]


def test_a_creators_user_cannot_be_made_staff_here(staff: Client) -> None:
    maya, _ = sign_up("maya")

    listed = staff.get("/admin/auth/user/").content.decode()
    answer = staff.get(f"/admin/auth/user/{maya.user.pk}/change/")

    assert "maya" not in listed
    assert answer.status_code == 302
    assert not get_user_model().objects.get(pk=maya.user.pk).is_staff


def test_an_invitation_shows_its_code_once(staff: Client) -> None:
    page = staff.post(
        "/admin/unlock/invitation/add/", {"note": "for maya", "most": "3"}, follow=True
    ).content.decode()

    kept = Invitation.objects.get()
    code = page.partition("shown only now: ")[2].partition("<")[0].strip()
    assert kept.code_hash == creators.hash_invitation(code)
    assert code not in staff.get("/admin/unlock/invitation/").content.decode()
    assert (kept.note, kept.most) == ("for maya", 3)


def test_staff_send_a_delivery_again_and_it_is_written_down(staff: Client) -> None:
    owner = publish().file.creator
    hook, _ = webhooks.add(owner, "https://merchant.example/kim", now=NOW)
    first = webhooks.test(hook, now=NOW)
    asked = {"action": "send_again", "_selected_action": [str(first.id)]}

    staff.post("/admin/unlock/delivery/", asked)
    assert Delivery.objects.filter(original=first).count() == 1
    assert "sent again as" in LogEntry.objects.get(object_id=str(first.id)).change_message

    webhooks.switch(hook, is_active=False)
    staff.post("/admin/unlock/delivery/", asked)
    assert Delivery.objects.count() == 2


def test_staff_ask_for_a_copy_to_be_re_hashed_or_healed(staff: Client) -> None:
    publish()
    copy = Copy.objects.get()
    chosen = {"_selected_action": [str(copy.id)]}

    staff.post("/admin/unlock/copy/", {"action": "mend_now", **chosen})
    assert Copy.objects.get().wanted_at is None  # a good one needs no healing
    staff.post("/admin/unlock/copy/", {"action": "look_now", **chosen})
    assert Copy.objects.get().wanted_at is not None
    assert "is re-hashed" in LogEntry.objects.get(object_id=str(copy.id)).change_message

    Copy.objects.update(wanted_at=None, damaged_at=NOW)
    staff.post("/admin/unlock/copy/", {"action": "mend_now", **chosen})
    assert Copy.objects.get().wanted_at is not None
    assert "damaged" in staff.get("/admin/unlock/copy/").content.decode()
