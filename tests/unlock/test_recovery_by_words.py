"""A lost password: the words prove the root, and nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unlock.creating import NOW, Browser, b64, derive, refusal, signed_in
from tests.unlock.vaulting import OTHER, R, kept, log_in, recovery, sealed, with_vault
from unlock import container, creators, vaults
from unlock.account_errors import RecoveryFailed
from unlock.creator_errors import PasswordWrong
from unlock.models import Creator, Notice
from unlock.states import NoticeKind

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

NEW = "battery staple"


def asked(username: str = "maya", root: bytes = R) -> dict[str, Any]:
    return {
        "username": username,
        "recovery": b64(recovery(root)),
        "new_salt": b64(b"n" * 16),
        "new_derived": derive(NEW),
        "sealed_root": sealed(root, password=NEW)["sealed_root"],
    }


def test_the_words_set_a_new_password_rewrap_the_vault_and_sign_in() -> None:
    old, back = with_vault(), Browser()

    answer = back.post("account-recoveries/", asked(" Maya "))

    assert (answer.status_code, answer.json()) == (200, {"username": "maya"})
    assert kept(back) == sealed(password=NEW)
    assert refusal(old.get("session/")) == (401, "not_signed_in")
    assert refusal(log_in()[1]) == (401, "login_failed")
    assert log_in("maya", NEW)[1].status_code == 200


def test_the_creator_is_told_and_gets_an_email() -> None:
    with_vault()
    Creator.objects.update(email="maya@example.com", email_confirmed_at=NOW)

    Browser().post("account-recoveries/", asked())

    told = Notice.objects.get()
    assert told.kind == NoticeKind.ACCOUNT_RECOVERED
    assert told.mail_due_at is not None


@pytest.mark.parametrize(
    ("username", "root"), [("maya", OTHER), ("nobody", R), ("noor", R), ("eve", R)]
)
def test_every_reason_is_refused_alike_and_changes_nothing(username: str, root: bytes) -> None:
    """Foreign words, nobody's name, an account without a vault, a suspended one."""
    maya = with_vault("maya")
    signed_in("noor")
    with_vault("eve")
    Creator.objects.filter(user__username="eve").update(suspended_at=NOW)
    before = repr(list(Creator.objects.values("user__password", "salt", "vault__sealed_root")))

    answer = Browser().post("account-recoveries/", asked(username, root))

    assert refusal(answer) == (401, "recovery_failed")
    assert answer.json()["error"]["message"] == "The name and the words do not belong together."
    after = repr(list(Creator.objects.values("user__password", "salt", "vault__sealed_root")))
    assert after == before
    assert maya.get("session/").status_code == 200
    assert not Notice.objects.exists()


@pytest.mark.parametrize("username", ["maya", "nobody"])
def test_a_refusal_costs_the_same_work_and_hashes_no_password(
    username: str, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    with_vault()
    monkeypatch.setattr(creators, "make_password", None)

    with django_assert_max_num_queries(2), pytest.raises(RecoveryFailed):
        creators.recover(
            username,
            recovery=recovery(OTHER),
            new_salt=b"n" * 16,
            new_derived=b"d" * 32,
            sealed_root=b"x" * 60,
            now=NOW,
        )


def test_the_proof_of_no_vault_is_no_proof() -> None:
    assert not vaults.is_proved(None, b"\0" * 32)


def test_guessing_is_limited(settings: Settings) -> None:
    with_vault()
    for _ in range(20):
        Browser().post("account-recoveries/", asked(root=OTHER))

    assert refusal(Browser().post("account-recoveries/", asked())) == (429, "too_many_requests")
    assert not Notice.objects.exists()


def test_of_two_changes_at_a_time_the_second_finds_another_password() -> None:
    with_vault()
    first, second = (Creator.objects.select_related("user").get() for _ in range(2))
    derived = container.decode_b64url(derive("correct horse"))
    vault = vaults.Sealed(sealed_root=b"x" * 60, recovery_hash=sealed()["recovery_hash"])
    changes = [
        creators.NewPassword(salt=bytes([n]) * 16, derived=bytes([n]) * 32, vault=vault)
        for n in (1, 2)
    ]

    creators.change_password(first, derived=derived, new=changes[0], now=NOW)
    with pytest.raises(PasswordWrong):
        creators.change_password(second, derived=derived, new=changes[1], now=NOW)

    assert creators.log_in("maya", b"\1" * 32) == first
    assert bytes(Creator.objects.get().salt) == b"\1" * 16


@pytest.mark.parametrize(
    "wrong",
    [
        {"recovery": b64(b"x" * 31)},
        {"sealed_root": b64(b"x" * 59)},
        {"new_salt": b64(b"x" * 15)},
        {"new_derived": ""},
        {"username": ""},
    ],
)
def test_what_cannot_be_a_recovery_is_refused(wrong: dict[str, str]) -> None:
    with_vault()

    assert Browser().post("account-recoveries/", {**asked(), **wrong}).status_code == 400
    assert log_in()[1].status_code == 200


def test_the_page_says_what_happens_without_the_words() -> None:
    page = Browser().client.get("/recover-account/").content.decode()

    assert "Your published files go on selling" in page
    assert "links can only come from your own copies" in page
