"""Creators: sign-up, login and password, at the verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.management import CommandError, call_command

from tests.unlock.creating import NOW, sign_up
from unlock import creators
from unlock.account_errors import AccountSuspended
from unlock.creator_errors import (
    LoginFailed,
    PasswordWrong,
    SignupClosed,
    UsernameInvalid,
    UsernameTaken,
)
from unlock.models import Creator, Invitation

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

D = b"\1" * 32


def salt_of(username: str) -> bytes:
    return creators.how_to_derive(username)[0]


def change(maya: Creator, derived: bytes, new: bytes) -> None:
    password = creators.NewPassword(salt=b"n" * 16, derived=new)
    creators.change_password(maya, derived=derived, new=password, now=NOW)


def asked(username: str = "maya", *, invitation: str = "") -> creators.SignUp:
    return creators.SignUp(username=username, salt=b"s" * 16, derived=D, invitation=invitation)


def test_a_creator_signs_up_and_logs_in_in_any_case_of_letters() -> None:
    maya = creators.sign_up(asked("Maya"), now=NOW)

    assert creators.log_in("MAYA", D) == maya
    assert maya.user.get_username() == "maya"
    assert not maya.user.is_staff
    assert not maya.user.is_superuser
    assert maya.user.date_joined == NOW


def test_what_is_stored_does_not_log_in() -> None:
    maya = creators.sign_up(asked(), now=NOW)

    assert maya.user.password.partition("$")[0]
    assert D.hex() not in maya.user.password
    assert "AQEBAQ" not in maya.user.password


@pytest.mark.parametrize(("username", "derived"), [("maya", b"\2" * 32), ("nobody", D)])
def test_a_wrong_name_and_a_wrong_password_are_refused_alike(username: str, derived: bytes) -> None:
    creators.sign_up(asked(), now=NOW)

    with pytest.raises(LoginFailed) as refused:
        creators.log_in(username, derived)

    assert refused.value.message == "The name or the password is wrong."


def test_an_unknown_name_costs_as_much_hashing_as_a_known_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    creators.sign_up(asked(), now=NOW)
    hashed: list[str] = []
    original = MD5PasswordHasher.encode

    def counted(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return original(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    with pytest.raises(LoginFailed):
        creators.log_in("maya", b"\2" * 32)
    known = len(hashed)
    with pytest.raises(LoginFailed):
        creators.log_in("nobody", b"\2" * 32)

    assert len(hashed) - known == known == 1


def test_a_name_is_given_away_once() -> None:
    creators.sign_up(asked(), now=NOW)

    with pytest.raises(UsernameTaken):
        creators.sign_up(asked("MAYA"), now=NOW)

    assert Creator.objects.count() == 1


def test_a_name_of_staff_is_taken() -> None:
    get_user_model().objects.create_user("maya", password="x" * 12, is_staff=True)

    with pytest.raises(UsernameTaken):
        creators.sign_up(asked(), now=NOW)

    assert not Creator.objects.exists()


def test_a_creators_name_is_not_to_be_had_for_staff() -> None:
    maya, _ = sign_up("maya")

    with pytest.raises(CommandError, match="already taken"):
        call_command("createsuperuser", username="maya", email="", interactive=False)

    maya.user.refresh_from_db()
    assert not maya.user.is_staff


def test_staff_never_log_in_here() -> None:
    maya, derived = sign_up("maya")
    maya.user.is_staff = True
    maya.user.save()

    with pytest.raises(LoginFailed):
        creators.log_in("maya", derived)


def test_a_suspended_creator_is_told_so_with_the_right_password_alone() -> None:
    _, derived = sign_up("maya")
    Creator.objects.update(suspended_at=NOW)

    with pytest.raises(AccountSuspended):
        creators.log_in("maya", derived)
    with pytest.raises(LoginFailed):
        creators.log_in("maya", b"\2" * 32)


def test_a_reserved_name_makes_nobody() -> None:
    with pytest.raises(UsernameInvalid):
        creators.sign_up(asked("admin"), now=NOW)

    assert not get_user_model().objects.exists()


def test_the_salt_of_a_name_is_its_own_and_unknown_names_have_a_steady_one() -> None:
    creators.sign_up(asked(), now=NOW)

    assert salt_of("Maya") == b"s" * 16
    fake = salt_of("nobody")
    assert salt_of("Nobody ") == fake
    assert len(fake) == 16
    assert salt_of("somebody") != fake


def test_the_steady_salt_of_an_unknown_name_follows_the_instances_secret(
    settings: Settings,
) -> None:
    before = salt_of("nobody")

    settings.SECRET_KEY = "another-secret-" * 5

    assert salt_of("nobody") != before


def test_nobody_signs_up_while_sign_up_is_closed(settings: Settings) -> None:
    settings.KIM_SIGNUP = "closed"

    with pytest.raises(SignupClosed):
        creators.sign_up(asked(), now=NOW)

    assert not get_user_model().objects.exists()


def test_an_invitation_lets_one_person_in(settings: Settings) -> None:
    settings.KIM_SIGNUP = "invite"
    Invitation.objects.create(code_hash=creators.hash_invitation("let-maya-in"))

    maya = creators.sign_up(asked(invitation=" let-maya-in "), now=NOW)
    with pytest.raises(SignupClosed):
        creators.sign_up(asked("noor", invitation="let-maya-in"), now=NOW)

    assert Invitation.objects.get().used_by == maya
    assert list(Creator.objects.all()) == [maya]


@pytest.mark.parametrize("code", ["", "guessed"])
def test_without_a_known_invitation_nobody_is_made(settings: Settings, code: str) -> None:
    settings.KIM_SIGNUP = "invite"
    Invitation.objects.create(code_hash=creators.hash_invitation("right"))

    with pytest.raises(SignupClosed):
        creators.sign_up(asked(invitation=code), now=NOW)

    assert not get_user_model().objects.exists()
    assert Invitation.objects.get().used_by is None


def test_a_password_changes_with_its_salt() -> None:
    maya, derived = sign_up("maya")
    new = b"\3" * 32

    change(maya, derived, new)

    assert salt_of("maya") == b"n" * 16
    assert creators.log_in("maya", new) == maya
    with pytest.raises(LoginFailed):
        creators.log_in("maya", derived)


def test_a_password_does_not_change_without_the_old_one() -> None:
    maya, derived = sign_up("maya")

    with pytest.raises(PasswordWrong):
        change(maya, b"\x09" * 32, b"\3" * 32)

    assert creators.log_in("maya", derived) == maya
    assert salt_of("maya") == b"s" * 16


def test_a_password_change_whose_answer_was_lost_may_be_repeated() -> None:
    maya, derived = sign_up("maya")

    change(maya, derived, b"\3" * 32)
    change(maya, derived, b"\3" * 32)

    assert creators.log_in("maya", b"\3" * 32) == maya


def test_what_logs_in_never_shows_in_a_repr() -> None:
    assert "derived" not in repr(asked())
