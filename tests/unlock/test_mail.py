"""E-mail: a confirmed address, one message a minute, and a server that may be away."""

from __future__ import annotations

import re
import socket
import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.core import mail as outbox
from django.core.cache import cache

from kim import env
from tests.unlock import sale
from tests.unlock.creating import derive, refusal, signed_in
from tests.unlock.sale import NOW
from unlock import mail, notices
from unlock.creator_errors import CodeWrong, MailFailed, MailOff, MailTooSoon
from unlock.models import Creator, Notice
from unlock.states import NoticeKind

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

ADDRESS = "maya@example.com"


@pytest.fixture(autouse=True)
def with_mail(settings: Settings) -> None:
    cache.clear()
    settings.HAS_MAIL = True
    settings.KIM_PUBLIC_URL = "https://kim.example"


def confirmed() -> Creator:
    maya = sale.creator()
    maya.email, maya.email_confirmed_at = ADDRESS, NOW
    maya.save()
    return maya


def tell(creator: Creator, topic: str, *, now: datetime = NOW) -> None:
    text = f"“Nine recordings” was sold: {topic}."
    notices.tell(creator.id, NoticeKind.SOLD, topic=topic, text=text, now=now)


def send(seconds: float) -> int:
    return mail.send_due(clock=lambda: NOW + timedelta(seconds=seconds))


def code_of(message: object) -> str:
    found = re.search(r"Your code is ([0-9]{4} [0-9]{4})", str(message.body))  # type: ignore[attr-defined]
    assert found is not None
    return found[1]


def test_an_address_counts_once_its_code_came_back() -> None:
    maya = sale.creator()

    mail.ask(maya, ADDRESS, now=NOW)

    sent = outbox.outbox[0]
    assert sent.to == [ADDRESS]
    assert sent.subject == "Your code for kim"
    maya.refresh_from_db()
    assert maya.email_confirmed_at is None
    assert code_of(sent).replace(" ", "") not in maya.email_code_hash
    mail.confirm(maya, code_of(sent), now=NOW + timedelta(minutes=59))
    maya.refresh_from_db()
    assert maya.email_confirmed_at == NOW + timedelta(minutes=59)
    with pytest.raises(CodeWrong):
        mail.confirm(maya, code_of(sent), now=NOW)


def test_a_wrong_an_old_and_a_foreign_code_confirm_nothing() -> None:
    maya, eve = sale.creator(), sale.creator("eve")
    mail.ask(maya, ADDRESS, now=NOW)
    code = code_of(outbox.outbox[0])
    wrong = f"{(int(code.replace(' ', '')) + 1) % 10**8:08d}"

    for creator, typed, now in (
        (maya, wrong, NOW),
        (maya, "", NOW),
        (maya, code, NOW + timedelta(hours=1)),
        (eve, code, NOW),
    ):
        with pytest.raises(CodeWrong):
            mail.confirm(creator, typed, now=now)
    assert not Creator.objects.filter(email_confirmed_at__isnull=False).exists()


def test_after_ten_guesses_the_right_code_is_worth_nothing() -> None:
    maya = sale.creator()
    mail.ask(maya, ADDRESS, now=NOW)
    for _ in range(mail.GUESSES):
        with pytest.raises(CodeWrong):
            mail.confirm(maya, "nonsense", now=NOW)

    with pytest.raises(CodeWrong):
        mail.confirm(maya, code_of(outbox.outbox[0]), now=NOW)

    mail.ask(maya, ADDRESS, now=NOW + timedelta(minutes=2))
    mail.confirm(maya, code_of(outbox.outbox[1]), now=NOW + timedelta(minutes=3))


def test_codes_are_not_asked_for_twice_a_minute_nor_six_times_a_day() -> None:
    maya = sale.creator()
    mail.ask(maya, ADDRESS, now=NOW)
    with pytest.raises(MailTooSoon):
        mail.ask(maya, ADDRESS, now=NOW + timedelta(seconds=59))
    for minute in range(1, mail.CODES_A_DAY):
        mail.ask(sale.creator(f"eve{minute}"), ADDRESS.upper(), now=NOW)

    with pytest.raises(MailTooSoon):
        mail.ask(sale.creator("eve9"), ADDRESS, now=NOW)
    assert len(outbox.outbox) == mail.CODES_A_DAY


def test_without_a_mail_server_nothing_is_asked_or_sent(settings: Settings) -> None:
    settings.HAS_MAIL = False
    maya = confirmed()
    tell(maya, "a")

    with pytest.raises(MailOff):
        mail.ask(maya, ADDRESS, now=NOW)
    assert send(3600) == 0
    assert outbox.outbox == []


def test_what_happens_together_comes_in_one_message_and_the_next_a_minute_later() -> None:
    maya = confirmed()
    tell(maya, "a")
    tell(maya, "b", now=NOW + timedelta(seconds=1))
    assert send(19) == 0

    assert send(21) == 1
    tell(maya, "c")
    assert send(80) == 0
    assert send(82) == 1
    assert send(9999) == 0

    assert [each.subject for each in outbox.outbox] == ["kim: 2 notices", "kim: one notice"]
    first = outbox.outbox[0]
    assert first.body == (
        "01 March 2026, 12:00 UTC\n“Nine recordings” was sold: a.\n\n"
        "01 March 2026, 12:00 UTC\n“Nine recordings” was sold: b.\n\n"
        "All notices: https://kim.example/notices/\n\n"
        "To get fewer of these, or none: https://kim.example/settings/#notices\n"
    )
    assert first.extra_headers["Auto-Submitted"] == "auto-generated"


def test_only_a_confirmed_address_gets_any() -> None:
    maya = sale.creator()
    maya.email = ADDRESS
    maya.save()
    tell(maya, "a")

    assert send(60) == 0
    assert Notice.objects.get().mail_due_at is None


def test_a_server_that_is_away_is_asked_again_and_then_no_more(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.getsockname()[1]
    maya = confirmed()
    tell(maya, "a")

    at, waits = 20.0, []
    for _ in range(20):
        assert send(at) == 0
        due = Notice.objects.get().mail_due_at
        if due is None:
            break
        waits.append((due - NOW).total_seconds() - at)
        at = (due - NOW).total_seconds()

    assert waits == [each.total_seconds() for each in mail.DELAYS]
    row = Notice.objects.get()
    assert (row.mailed_at, row.mail_attempts) == (None, 9)
    with pytest.raises(MailFailed) as failed:
        mail.ask(sale.creator(), ADDRESS, now=NOW)
    assert "ConnectionRefusedError" in failed.value.message


def test_a_real_mail_server_gets_one_plain_message(settings: Settings) -> None:
    lines: list[str] = []

    def serve(listening: socket.socket) -> None:
        line, _ = listening.accept()
        with line, line.makefile("rwb", buffering=0) as talk:
            talk.write(b"220 mail.example\r\n")
            for raw in talk:
                lines.append(raw.decode().rstrip())
                if lines[-1] == "data":
                    talk.write(b"354 go on\r\n")
                elif lines[-1] == "quit":
                    return
                elif lines[-1] == "." or "data" not in lines:
                    talk.write(b"250 ok\r\n")

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.getsockname()[1]
        peer = threading.Thread(target=serve, args=(server,), daemon=True)
        peer.start()
        maya = confirmed()
        tell(maya, "a")

        assert send(20) == 1
        peer.join(5)

    assert f"rcpt TO:<{ADDRESS}>" in lines
    assert "Subject: kim: one notice" in lines
    assert 'Content-Type: text/plain; charset="utf-8"' in lines
    assert lines.count("data") == 1
    assert Notice.objects.get().mailed_at is not None


def test_two_workers_send_one_message() -> None:
    maya = confirmed()
    tell(maya, "a")
    now = NOW + timedelta(seconds=30)

    first = mail._claim(maya.id, now=now)[1]
    second = mail._claim(maya.id, now=now)[1]

    assert (len(first), second) == (1, [])
    assert len(mail._claim(maya.id, now=now + mail.LEASE)[1]) == 1


def test_over_the_api_an_address_is_given_confirmed_and_taken_back() -> None:
    maya = signed_in()

    proof = {"derived": derive("correct horse")}
    asked = maya.put("notices/email/", {"email": ADDRESS, **proof}).json()
    assert (asked["email"], asked["is_confirmed"], asked["can_mail"]) == (ADDRESS, False, True)
    wrong = maya.post("notices/email/code/", {"code": "0"})
    assert refusal(wrong) == (400, "code_wrong")
    right = maya.post("notices/email/code/", {"code": code_of(outbox.outbox[0])}).json()
    assert right["is_confirmed"] is True
    tell(Creator.objects.get(user__username="maya"), "a")
    assert maya.post("notices/email/removal/", proof).status_code == 204

    assert Creator.objects.get(user__username="maya").email == ""
    assert Notice.objects.get().mail_due_at is None
    assert refusal(maya.put("notices/email/", {"email": "no"})) == (400, "invalid")
    assert refusal(maya.put("notices/email/", {"email": "a@b.c\nBcc: x@y.z"})) == (400, "invalid")


def test_a_session_alone_neither_moves_nor_stops_the_e_mails() -> None:
    maya, wrong = signed_in(), {"derived": derive("a guess")}
    Creator.objects.update(email=ADDRESS, email_confirmed_at=NOW)
    theirs = {"email": "eve@example.com"}

    assert refusal(maya.put("notices/email/", theirs)) == (403, "password_required")
    assert refusal(maya.put("notices/email/", {**theirs, **wrong})) == (403, "password_wrong")
    assert refusal(maya.post("notices/email/removal/")) == (403, "password_required")
    assert refusal(maya.post("notices/email/removal/", wrong)) == (403, "password_wrong")
    assert maya.delete("notices/email/").status_code == 405

    assert Creator.objects.values_list("email", "email_confirmed_at").get() == (ADDRESS, NOW)
    assert outbox.outbox == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", None),
        ("console:", env.MailConfig("console")),
        (
            "smtp://me:p%40ss@mail.example",
            env.MailConfig("smtp", "mail.example", 587, "me", "p@ss", "starttls"),
        ),
        ("smtp://mail.example?tls=tls", env.MailConfig("smtp", "mail.example", 465, tls="tls")),
        ("smtp://h:2525?tls=none", env.MailConfig("smtp", "h", 2525, tls="none")),
    ],
)
def test_the_setting_is_read(
    url: str, expected: env.MailConfig | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIM_EMAIL_URL", url)

    assert env.mail("KIM_EMAIL_URL") == expected


@pytest.mark.parametrize(
    "url", ["mail.example", "smtp://", "http://h", "smtp://h?tls=maybe", "smtp://me:s3cret@h:port"]
)
def test_a_wrong_setting_stops_the_program_without_repeating_the_password(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIM_EMAIL_URL", url)

    with pytest.raises(env.BadSetting) as refused:
        env.mail("KIM_EMAIL_URL")
    assert "KIM_EMAIL_URL" in str(refused.value)
    assert "s3cret" not in str(refused.value)
