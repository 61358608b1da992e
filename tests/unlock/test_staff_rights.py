"""Every page and every action of the admin, and which group of staff may use it: all others may not."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

pytestmark = pytest.mark.django_db

M, S, O = "moderator", "support", "operator"  # noqa: E741
GROUPS: Final = (M, S, O)

# Who may look at the rows of a model; a model that is not named is for superusers alone.
LOOK: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("report", "measure", "block"), (M,)),
    "auditentry": (M, O),
    **dict.fromkeys(("paidfile", "creator", "suspension"), (M, S, O)),
    **dict.fromkeys(
        ("container", "copy", "cover", "samples", "version", "erasure", "profile", "showcase"),
        (M, O),
    ),
    "failure": (M, S, O),
    **dict.fromkeys(
        ("purchase", "grant", "keyrelease", "givenagain", "delivery", "webhook", "notice",
         "pricing", "discountcode", "invoice", "address", "quote", "output", "refund", "event",
         "forward"),
        (S, O),
    ),
    **dict.fromkeys(
        ("upload", "audit", "cursor", "invitation", "invitationuse", "quota", "payout", "terms",
         "chaintransaction", "heartbeat", "headerpage", "counter", "rate", "ratesample",
         "manualrate"),
        (O,),
    ),
}  # fmt: skip

# Who may do what; an action that is not named is for superusers alone.
ACT: Final[dict[str, tuple[str, ...]]] = {
    "creator.suspend": (M,),
    "creator.reinstate": (M,),
    "creator.sign_out": (M,),
    "creator.set_quota": (M,),
    "paidfile.pause": (M,),
    "paidfile.lift_pause": (M,),
    "paidfile.remove": (M,),
    "block.unblock": (M,),
    "copy.look_now": (O,),
    "copy.mend_now": (O,),
    "delivery.send_again": (S, O),
    "notice.mail_again": (S, O),
    "purchase.look_again": (S, O),
    "purchase.release_again": (S, O),
    "purchase.close_refund": (S, O),
    "purchase.grant": (S,),
}

# Pages of our own: method and path, and who is not refused.
KEY: Final = "00000000-0000-0000-0000-000000000000"
OWN: Final[dict[str, tuple[str, ...]]] = {
    f"unlock/report/{KEY}/decide/": (M,),
    f"unlock/report/{KEY}/segment/text/": (M,),
    f"unlock/measure/{KEY}/decide/": (M,),
    f"unlock/suspension/{KEY}/decide/": (M,),
    "unlock/auditentry/export/": (M, O),
    "unlock/invitation/add/": (O,),
    "payments/heartbeat/watcher/": (O,),
}


def models() -> list[Any]:
    ours = [
        *apps.get_app_config("unlock").get_models(),
        *apps.get_app_config("payments").get_models(),
    ]
    return [*ours, get_user_model(), Group]


def member(group: str) -> Any:
    cache.clear()
    user = get_user_model().objects.create_user(f"{group}-1", password="x" * 12, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


def client_of(group: str) -> Client:
    client = Client()
    client.force_login(member(group))
    return client


def path_of(model: Any, rest: str = "") -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/{rest}"


@pytest.mark.parametrize("group", GROUPS)
def test_lists_open_for_those_named_and_nobody_else(group: str) -> None:
    client = client_of(group)

    open_to = {
        model._meta.model_name
        for model in models()
        if client.get(path_of(model)).status_code == 200
    }

    assert open_to == {name for name, who in LOOK.items() if group in who}


@pytest.mark.parametrize("group", GROUPS)
def test_rows_are_added_by_nobody_but_invitations_and_changed_and_deleted_by_nobody(
    group: str,
) -> None:
    client = client_of(group)

    for model in models():
        name = model._meta.model_name
        may_add = client.get(path_of(model, "add/")).status_code == 200
        assert may_add == (name == "invitation" and group == O), name
        for rest in (f"{KEY}/change/", f"{KEY}/delete/", "1/change/", "1/delete/"):
            assert client.post(path_of(model, rest), {"post": "yes"}).status_code in (302, 403), (
                rest
            )
        user = get_user_model().objects.get(username=f"{group}-1")
        request = RequestFactory().get("/")
        request.user = user
        registered = admin.site._registry[model]
        assert not registered.has_change_permission(request), name
        assert not registered.has_delete_permission(request) or name == "invitation", name


@pytest.mark.parametrize("group", GROUPS)
def test_actions_are_offered_to_those_named_and_nobody_else(group: str) -> None:
    request = RequestFactory().get("/")
    request.user = member(group)

    offered = {
        f"{model._meta.model_name}.{name}"
        for model, registered in admin.site._registry.items()
        if registered.has_view_permission(request)
        for name in registered.get_actions(request)
    }

    offered.discard("invitation.delete_selected")  # of operators: those that nobody used
    assert offered == {name for name, who in ACT.items() if group in who}


def test_every_action_of_the_admin_stands_in_the_table_or_is_a_superusers() -> None:
    request = RequestFactory().get("/")
    request.user = get_user_model().objects.create_superuser("root")

    known = {
        f"{model._meta.model_name}.{name}"
        for model, registered in admin.site._registry.items()
        for name in registered.get_actions(request)
        if name != "delete_selected"
    }

    assert known - set(ACT) == {"stafffactor.reset"}
    assert set(ACT) <= known


@pytest.mark.parametrize("group", GROUPS)
def test_pages_of_our_own_refuse_all_but_those_named(group: str) -> None:
    client = client_of(group)

    open_to = {path for path in OWN if client.get(f"/admin/{path}").status_code != 403}

    assert open_to == {path for path, who in OWN.items() if group in who}


def routes(resolver: URLResolver, before: str = "") -> list[str]:
    found = []
    for each in resolver.url_patterns:
        path = before + str(each.pattern)
        if isinstance(each, URLPattern):
            found.append(path)
        else:
            found += routes(each, path)
    return found


def test_every_route_of_the_admin_is_a_list_a_row_or_stands_in_the_table() -> None:
    own = {path.replace(KEY, "<uuid:key>").replace("text/", "<str:shape>/") for path in OWN}
    djangos = {"", "login/", "logout/", "password_change/", "password_change/done/", "autocomplete/",
               "jsi18n/", "second-step/"}  # fmt: skip
    ending = ("/", "add/", "<path:object_id>/history/", "<path:object_id>/delete/",
              "<path:object_id>/change/", "<path:object_id>/")  # fmt: skip

    left = set()
    for route in routes(get_resolver()):
        if not route.startswith("admin/"):
            continue
        path = route.removeprefix("admin/")
        parts = path.split("/", 2)
        is_row = len(parts) == 3 and (parts[2] in ending or parts[2] == "")
        if not (path in djangos | own or is_row or "^(?P<" in path):
            left.add(path)

    assert left == {"(?P<url>.*)$", "auth/user/<id>/password/"}


@pytest.mark.parametrize("group", GROUPS)
def test_nobody_in_a_group_sets_another_ones_password_or_second_step(group: str) -> None:
    client = client_of(group)
    other = get_user_model().objects.create_superuser("root", password="x" * 12)
    before = other.password

    answer = client.post(
        f"/admin/auth/user/{other.pk}/password/", {"password1": "y" * 14, "password2": "y" * 14}
    )

    assert answer.status_code == 403
    other.refresh_from_db()
    assert other.password == before
    assert client.get("/admin/unlock/stafffactor/").status_code == 403
