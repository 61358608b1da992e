"""Staff enter the admin in two steps: a password, and a code of an app that counts once."""

from __future__ import annotations

import re
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pyotp
import pytest
from cryptography.exceptions import InvalidTag
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from kim import checks
from unlock import at_rest, staff_factors
from unlock.models import AuditEntry, StaffFactor

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

NAME, PASSWORD = "rita", "a password of rita"
STEP = "/admin/second-step/"
SECRET = re.compile(r"<code>([A-Z2-7]{32})</code>")
SPARE = re.compile(r"<code>([a-z2-9]{10})</code>")


@pytest.fixture(autouse=True)
def on(settings: Settings) -> None:
    settings.KIM_STAFF_TWO_FACTOR = True


@pytest.fixture
def rita() -> Any:
    user = get_user_model().objects.create_user(NAME, password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name="moderator"))
    return user


def first_step(client: Client, **more: str) -> Any:
    return client.post("/admin/login/", {"username": NAME, "password": PASSWORD, **more})


def set_up(client: Client) -> tuple[pyotp.TOTP, list[str]]:
    first_step(client)
    totp = pyotp.TOTP(SECRET.findall(client.get(STEP).content.decode())[0])
    page = client.post(STEP, {"code": totp.at(timezone.now())}).content.decode()
    return totp, SPARE.findall(page)


def forget_codes() -> None:
    """As if half a minute had passed since the last code."""
    StaffFactor.objects.update(last_step=0)


def is_in(client: Client) -> bool:
    status: int = client.get("/admin/").status_code
    assert status in (200, 302)
    return status == 200


def test_a_password_alone_leads_to_the_second_step_and_nowhere_else(rita: Any) -> None:
    client = Client()

    answer = first_step(client)

    assert (answer.status_code, answer.headers["Location"]) == (302, STEP)
    assert "_auth_user_id" not in client.session
    for path in ("/admin/", "/admin/unlock/report/", "/admin/password_change/", "/admin/jsi18n/"):
        assert client.get(path).headers["Location"] == f"/admin/login/?next={path}"


def test_whoever_has_none_sets_it_up_before_anything_else(rita: Any) -> None:
    client = Client()
    first_step(client)
    page = client.get(STEP).content.decode()

    assert "Set up your second step" in page
    assert 'src="data:image/svg+xml' in page
    refused = client.post(STEP, {"code": "000000"})
    assert refused.status_code == 401
    secret = SECRET.findall(refused.content.decode())
    assert secret == SECRET.findall(page)  # what the app has read stays
    assert not is_in(client)
    done = client.post(STEP, {"code": pyotp.TOTP(secret[0]).at(timezone.now())})

    assert len(set(SPARE.findall(done.content.decode()))) == 10
    assert is_in(client)
    assert staff_factors.is_on(rita)
    entry = AuditEntry.objects.get()
    assert (entry.who, entry.action, entry.title) == (NAME, "second step on", NAME)


def test_a_seed_that_was_seen_and_not_confirmed_is_worth_nothing(rita: Any) -> None:
    thief, own = Client(), Client()
    first_step(thief)
    seen = SECRET.findall(thief.get(STEP).content.decode())[0]

    totp, _ = set_up(own)

    assert totp.secret != seen
    forget_codes()
    first_step(thief)
    assert thief.post(STEP, {"code": pyotp.TOTP(seen).at(timezone.now())}).status_code == 401


def test_the_next_login_asks_for_a_code_which_counts_once(rita: Any) -> None:
    totp, _ = set_up(Client())
    client, other = Client(), Client()
    forget_codes()
    first_step(client, next="/admin/unlock/report/")
    code = totp.at(timezone.now())

    assert "Set up" not in client.get(STEP).content.decode()
    answer = client.post(STEP, {"code": code})
    first_step(other)
    replayed = other.post(STEP, {"code": code})

    assert answer.headers["Location"] == "/admin/unlock/report/"
    assert is_in(client)
    assert replayed.status_code == 401
    assert not is_in(other)


def test_no_login_leads_to_another_site(rita: Any) -> None:
    totp, _ = set_up(Client())
    forget_codes()
    client = Client()

    first_step(client, next="https://elsewhere.example/")

    answer = client.post(STEP, {"code": totp.at(timezone.now())})
    assert answer.headers["Location"] == "/admin/"


def test_a_spare_code_opens_once_and_few_left_are_told(rita: Any) -> None:
    _, spare = set_up(Client())
    StaffFactor.objects.update(spare_hashes=StaffFactor.objects.get().spare_hashes[:4])

    for code, status in ((spare[0].upper(), 302), (spare[0], 401), (spare[9], 401)):
        client = Client()
        first_step(client)
        assert client.post(STEP, {"code": code}).status_code == status
    client = Client()
    first_step(client)
    page = client.post(STEP, {"code": spare[1]}, follow=True).content.decode()

    assert "2 of your spare codes are left" in page
    assert staff_factors.spare_left(rita) == 2


def test_ten_wrong_codes_close_the_step_for_an_hour_also_for_the_right_one(rita: Any) -> None:
    totp, _ = set_up(Client())
    forget_codes()
    client = Client()
    first_step(client)

    wrong = [client.post(STEP, {"code": "000000"}).status_code for _ in range(10)]
    right = client.post(STEP, {"code": totp.at(timezone.now())})

    assert wrong == [401] * 10
    assert right.status_code == 429
    assert not is_in(client)
    assert StaffFactor.objects.get().last_step == 0
    cache.clear()
    assert client.post(STEP, {"code": totp.at(timezone.now())}).status_code == 302


def test_the_password_of_ten_minutes_ago_or_of_before_its_change_leads_nowhere(
    rita: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    first_step(client)
    rita.set_password("another password")
    rita.save()
    assert client.get(STEP).headers["Location"] == "/admin/login/"

    rita.set_password(PASSWORD)
    rita.save()
    first_step(client)
    assert client.get(STEP).status_code == 200
    session = client.session
    kept = session["staff-first-step"]
    kept["at"] = (timezone.now() - timedelta(minutes=10, seconds=1)).isoformat()
    session["staff-first-step"] = kept
    session.save()
    assert client.get(STEP).headers["Location"] == "/admin/login/"
    assert Client().get(STEP).headers["Location"] == "/admin/login/"


def test_a_session_that_did_not_pass_the_step_is_not_in(rita: Any) -> None:
    """As one from before the setting was switched on, or one that another way logged in."""
    client = Client()
    client.force_login(rita)
    assert not is_in(client)
    set_up(Client())
    assert not is_in(client)


def test_a_reset_ends_the_sessions_and_the_next_login_sets_up_anew(rita: Any) -> None:
    client = Client()
    set_up(client)
    assert is_in(client)
    said = StringIO()

    call_command("reset_second_step", NAME, reason="Lost the phone.", stdout=said)

    assert not is_in(client)
    assert "sets up a new second step" in said.getvalue()
    entry = AuditEntry.objects.latest("pk")
    assert (entry.who, entry.action, entry.reason) == (
        "system", "second step reset", "Lost the phone.",
    )  # fmt: skip
    again = Client()
    first_step(again)
    assert "Set up your second step" in again.get(STEP).content.decode()
    set_up(again)
    assert is_in(again)
    assert not is_in(client)  # not even with a new second step


@pytest.mark.parametrize(
    ("name", "reason", "said"),
    [("nobody", "x", "no staff login"), (NAME, " ", "Say why"), (NAME, "x", "no second step")],
)
def test_the_command_refuses_in_words(rita: Any, name: str, reason: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("reset_second_step", name, reason=reason)
    assert not AuditEntry.objects.exists()


def test_a_superuser_resets_it_in_the_admin_with_a_reason(rita: Any, settings: Settings) -> None:
    set_up(Client())
    settings.KIM_STAFF_TWO_FACTOR = False
    get_user_model().objects.create_superuser("root", password=PASSWORD)
    root = Client()
    root.login(username="root", password=PASSWORD)
    chosen = {"action": "reset", "_selected_action": [str(StaffFactor.objects.get().pk)]}
    path = "/admin/unlock/stafffactor/"

    asked = root.post(path, chosen)
    empty = root.post(path, {**chosen, "confirmed": "yes", "reason": " "}, follow=True)
    assert "ends their sessions" in asked.content.decode()
    assert "Say why" in empty.content.decode()
    assert staff_factors.is_on(rita)
    root.post(path, {**chosen, "confirmed": "yes", "reason": "She called me."})

    assert not staff_factors.is_on(rita)
    entry = AuditEntry.objects.latest("pk")
    assert (entry.who, entry.action, entry.reason) == (
        "root",
        "second step reset",
        "She called me.",
    )


def test_seed_and_spare_codes_are_nowhere_in_the_clear(rita: Any) -> None:
    totp, spare = set_up(Client())

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM unlock_stafffactor")
        row = repr([bytes(x) if isinstance(x, memoryview) else x for x in cursor.fetchone()])

    assert totp.secret not in row
    assert not any(code in row for code in spare)
    kept = StaffFactor.objects.get()
    with pytest.raises(InvalidTag):
        at_rest.unseal(bytes(kept.sealed_seed), bound=staff_factors.bound_to(rita.pk + 1))


def test_creators_and_wrong_passwords_get_no_further(rita: Any) -> None:
    client = Client()

    wrong = client.post("/admin/login/", {"username": NAME, "password": "a guess of hers"})
    get_user_model().objects.create_user("maya", password=PASSWORD)
    other = client.post("/admin/login/", {"username": "maya", "password": PASSWORD})

    assert (wrong.status_code, other.status_code) == (200, 200)
    assert "staff-first-step" not in client.session


def test_switched_off_a_password_opens_and_the_check_says_so(rita: Any, settings: Settings) -> None:
    assert checks.staff_doors(None) == []
    settings.KIM_STAFF_TWO_FACTOR = False
    client = Client()

    first_step(client)

    assert is_in(client)
    (said,) = checks.staff_doors(None)
    assert said.id == "kim.W005"
