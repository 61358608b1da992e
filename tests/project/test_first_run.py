"""An empty instance greets its operator, and nobody else: the code, the set-up, what it says after."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client

from kim import asgi, first_run
from tests.unlock import sale
from tests.unlock.sale import NOW
from tests.xpub import XPUB
from unlock import instances
from unlock.account_errors import SetupOver
from unlock.models import Instance

pytestmark = pytest.mark.django_db

PASSWORD = "a heron waits in the reeds"


def filled(code: str, **changes: str) -> dict[str, str]:
    return {
        "code": code,
        "name": "Heron Press",
        "username": "operator",
        "password": PASSWORD,
        "contact": "hello@heron.example",
        "imprint": "**Heron Press**, Reed Lane 4",
        "terms": "",
        **changes,
    }


def send(code: str, **changes: str) -> Any:
    return Client().post("/setup/", filled(code, **changes))


def staff() -> int:
    return get_user_model().objects.filter(is_staff=True).count()


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_the_code_is_printed_once_at_the_start_of_an_empty_instance(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first_run.announce()
    first_run.announce()

    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    code = said[0].rpartition(" ")[2]
    assert len(code) == 19
    assert code not in Instance.objects.get().code_hash
    assert send(code).status_code == 200


def test_the_server_tells_it_when_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[bool] = []
    monkeypatch.setattr(first_run, "announce", lambda: begun.append(True))
    asked = iter(("lifespan.startup", "lifespan.shutdown"))
    told: list[str] = []

    async def receive() -> dict[str, str]:
        return {"type": next(asked)}

    async def tell(message: Any) -> None:
        told.append(message["type"])

    asyncio.run(asgi.application({"type": "lifespan"}, receive, tell))

    assert (begun, told) == ([True], ["lifespan.startup.complete", "lifespan.shutdown.complete"])


def test_an_instance_with_people_has_no_code_and_no_set_up() -> None:
    sale.creator()

    assert instances.begin(now=NOW) == ""
    assert not Instance.objects.exists()
    assert Client().get("/").status_code == 200
    assert Client().get("/setup/").status_code == 404
    assert send("aaaa-aaaa-aaaa-aaaa").status_code == 404
    with pytest.raises(CommandError):
        call_command("setup_code")


def test_whoever_signs_up_first_ends_the_set_up() -> None:
    code = instances.begin(now=NOW)
    assert Client().get("/")["Location"] == "/setup/"

    sale.creator()

    assert Client().get("/").status_code == 200
    assert send(code).status_code == 404
    assert staff() == 0


@pytest.mark.parametrize("code", ["", "aaaa-aaaa-aaaa-aaaa", "x" * 41])
def test_without_the_code_nobody_becomes_staff_and_nothing_is_read(code: str) -> None:
    instances.begin(now=NOW)

    assert send(code).status_code == 400
    tested = text(Client().post("/setup/", filled(code, test="1", payout=XPUB)))
    assert "setup-found" not in tested

    assert staff() == 0
    assert Instance.objects.get().done_at is None


def test_the_form_of_a_real_browser_is_taken_and_one_of_another_site_is_not() -> None:
    code, browser = instances.begin(now=NOW), Client(enforce_csrf_checks=True)
    page = browser.get("/setup/")
    token = browser.cookies["csrftoken"].value
    fields = {**filled(code), "csrfmiddlewaretoken": token}
    origin = settings.KIM_PUBLIC_URL

    assert page["Referrer-Policy"] == "same-origin"
    assert 'name="referrer"' not in text(page)
    evil = browser.post("/setup/", fields, headers={"origin": "https://evil.example"})
    assert (evil.status_code, staff()) == (403, 0)
    assert browser.post("/setup/", fields, headers={"origin": origin}).status_code == 200


def test_guessing_ends() -> None:
    instances.begin(now=NOW)

    answers = {send("aaaa-aaaa-aaaa-aaaa").status_code for _ in range(25)}

    assert answers == {400, 429}


def test_with_the_code_the_instance_has_a_name_an_operator_and_its_words() -> None:
    code = instances.begin(now=NOW)

    answer = send(f" {code.upper()} ")

    assert answer.status_code == 200
    user = get_user_model().objects.get()
    assert (user.get_username(), user.is_staff, user.check_password(PASSWORD)) == (
        "operator", True, True,
    )  # fmt: skip
    assert Instance.objects.get().code_hash == ""
    start = text(Client().get("/"))
    assert ">Heron Press</a>" in start
    assert 'href="/imprint"' in start
    assert 'href="/terms"' not in start
    shown = text(Client().get("/imprint"))
    assert "<strong>Heron Press</strong>, Reed Lane 4" in shown
    assert "hello@heron.example" in shown
    assert Client().get("/terms").status_code == 404
    assert send(code).status_code == 404
    assert staff() == 1
    with pytest.raises(SetupOver):
        instances.set_up(
            code,
            instances.Said(name="Eve"),
            instances.Admin(username="eve", password=PASSWORD),
            now=NOW,
        )


@pytest.mark.parametrize(
    ("field", "value"),
    [("password", "short"), ("password", "password1234"), ("username", "a b"), ("name", "")],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_kept(field: str, value: str) -> None:
    code = instances.begin(now=NOW)

    answer = send(code, **{field: value})

    assert answer.status_code == 400
    assert f'id="wrong-{field}"' in text(answer)
    assert PASSWORD not in text(answer)
    assert (staff(), Instance.objects.get().name) == (0, "")


def test_the_payout_is_looked_at_and_not_kept() -> None:
    code = instances.begin(now=NOW)

    good = text(send(code, test="1", payout=XPUB))
    bad = text(send(code, test="1", payout="bchreg:nonsense"))

    assert "setup-found" in good
    assert good.count("<li>bchreg:") > 0
    assert "checksum" in bad or "not a" in bad
    assert Instance.objects.get().done_at is None


def test_a_new_code_makes_the_one_before_worth_nothing() -> None:
    old, out = instances.begin(now=NOW), io.StringIO()
    call_command("setup_code", stdout=out)
    new = out.getvalue().strip().rpartition(" ")[2]

    assert send(old).status_code == 400
    assert send(new).status_code == 200


def test_words_with_markup_stay_harmless() -> None:
    Instance.objects.create(
        done_at=NOW, imprint="<script>alert(1)</script>", terms="[x](javascript:x)"
    )
    sale.creator()

    assert "<script>alert" not in text(Client().get("/imprint"))
    assert 'href="javascript' not in text(Client().get("/terms"))


def test_staff_change_the_words_in_the_admin_and_give_the_first_where_there_was_no_set_up() -> None:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("operator"))
    words = {"name": "Reed", "contact": "", "imprint": "", "terms": "Be kind."}

    assert client.post("/admin/unlock/instance/add/", words).status_code == 302
    assert "Be kind." in text(Client().get("/terms"))
    again = client.post("/admin/unlock/instance/1/change/", {**words, "terms": ""})
    assert again.status_code == 302
    assert Client().get("/terms").status_code == 404
    assert client.post("/admin/unlock/instance/add/", words).status_code == 403
    assert ">Reed</a>" in text(Client().get("/"))


def test_a_page_is_rendered_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(instances, "said", away)

    assert ">kim</a>" in text(Client().get("/login/"))
