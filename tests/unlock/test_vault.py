"""Vaults over HTTP: saved with the password, opened anywhere, never overwritten by another root."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.unlock.creating import Browser, b64, derive, refusal, signed_in
from tests.unlock.vaulting import OTHER, PASSWORD, R, kept, log_in, saving, sealed, with_vault
from unlock import vaults
from unlock.container import decode_b64url
from unlock.models import Creator, Vault

pytestmark = pytest.mark.django_db


def scheme_of(username: str) -> int:
    return int(Browser().post("login-parameters/", {"username": username}).json()["scheme"])


def test_a_vault_comes_with_the_sign_up_and_opens_on_another_device() -> None:
    maya = with_vault()

    elsewhere, answer = log_in()

    assert answer.status_code == 200
    assert kept(elsewhere) == kept(maya) == sealed()
    assert scheme_of("maya") == 2


def test_an_account_from_before_has_none_and_logs_in_as_ever() -> None:
    maya = signed_in("maya")

    assert maya.get("vault/").json() == {
        "sealed_root": None,
        "recovery_hash": None,
        "saved_at": None,
    }
    assert scheme_of("maya") == 1
    assert scheme_of("nobody") == 2
    assert log_in()[1].status_code == 200


def test_it_is_saved_with_the_password_which_moves_to_the_second_scheme() -> None:
    maya, elsewhere = signed_in("maya"), log_in("maya")[0]
    save = saving(new="of scheme 2")

    assert refusal(maya.put("vault/", {**save, "derived": derive("guess")})) == (
        403,
        "password_wrong",
    )
    assert not Vault.objects.exists()
    assert maya.put("vault/", save).status_code == 200

    assert kept(maya) == sealed()
    assert scheme_of("maya") == 2
    assert log_in("maya", "of scheme 2")[1].status_code == 200
    assert refusal(log_in("maya", PASSWORD)[1]) == (401, "login_failed")
    assert refusal(elsewhere.get("session/")) == (401, "not_signed_in")


def test_a_save_whose_answer_was_lost_may_be_repeated() -> None:
    maya = signed_in("maya")
    save = saving(new="of scheme 2")

    assert maya.put("vault/", save).status_code == 200
    assert maya.put("vault/", save).status_code == 200

    assert kept(maya) == sealed()
    assert Vault.objects.count() == 1


def test_another_root_overwrites_nothing() -> None:
    maya = with_vault()

    refused = maya.put("vault/", saving(OTHER, new="another proof"))

    assert refusal(refused) == (409, "vault_differs")
    assert kept(maya) == sealed()
    assert log_in()[1].status_code == 200


def test_a_session_alone_puts_nothing_into_a_vault() -> None:
    """Whoever could would come back as the creator, with words of their own."""
    maya = signed_in("maya")

    answer = maya.put("vault/", {**sealed(OTHER), "new_derived": derive("mine")})

    assert answer.status_code == 400
    assert not Vault.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"sealed_root": b64(b"x" * 59)},
        {"sealed_root": b64(b"x" * 61)},
        {"sealed_root": 7},
        {"recovery_hash": "A" * 64},
        {"recovery_hash": "0" * 63},
        {"new_derived": b64(b"x" * 31)},
    ],
)
def test_what_cannot_be_a_vault_is_refused(wrong: dict[str, object]) -> None:
    maya = signed_in("maya")

    assert maya.put("vault/", {**saving(), **wrong}).status_code == 400
    assert not Vault.objects.exists()


def test_a_stranger_sees_no_vault() -> None:
    with_vault()

    assert refusal(Browser().get("vault/")) == (401, "not_signed_in")
    assert refusal(Browser().put("vault/", saving())) == (401, "not_signed_in")
    assert kept(signed_in("eve"))["sealed_root"] is None


def test_what_lies_in_the_database_is_sealed_once_more_and_bound_to_its_row() -> None:
    with_vault("maya")
    with_vault("noor", OTHER)
    sent = decode_b64url(sealed()["sealed_root"])
    maya, noor = (Creator.objects.get(user__username=name) for name in ("maya", "noor"))

    at_rest = bytes(maya.vault.sealed_root)
    assert len(at_rest) == 88
    assert sent not in at_rest
    assert b64(sent) not in b64(at_rest)
    Vault.objects.filter(creator=noor).update(sealed_root=at_rest)
    with pytest.raises(Exception, match=r"^$") as refused:
        vaults.of(noor)
    assert type(refused.value).__name__ == "InvalidTag"


def change(root: bytes | None = R) -> dict[str, object]:
    body: dict[str, object] = {
        "derived": derive(PASSWORD),
        "new_salt": b64(b"n" * 16),
        "new_derived": derive("battery staple"),
    }
    vault = {} if root is None else {"vault": sealed(root, password="battery staple")}
    return {**body, **vault}


def test_a_new_password_takes_the_vault_along_and_ends_other_sessions() -> None:
    maya, elsewhere = with_vault(), log_in()[0]

    assert maya.put("session/password/", change()).status_code == 204
    assert maya.put("session/password/", change()).status_code == 204  # the answer was lost

    assert kept(maya) == sealed(password="battery staple")
    assert refusal(elsewhere.get("session/")) == (401, "not_signed_in")
    assert log_in("maya", "battery staple")[1].status_code == 200
    salt = Browser().post("login-parameters/", {"username": "maya"}).json()["salt"]
    assert salt == b64(b"n" * 16)


@pytest.mark.parametrize(("root", "code"), [(None, "vault_left_behind"), (OTHER, "vault_differs")])
def test_a_new_password_that_would_lose_the_vault_changes_nothing(
    root: bytes | None, code: str
) -> None:
    maya, elsewhere = with_vault(), log_in()[0]

    assert refusal(maya.put("session/password/", change(root))) == (409, code)

    assert kept(maya) == sealed()
    assert elsewhere.get("session/").status_code == 200
    assert log_in()[1].status_code == 200
    salt = Browser().post("login-parameters/", {"username": "maya"}).json()["salt"]
    assert salt == b64(b"s" * 16)


def test_a_new_password_of_an_account_without_a_vault_may_bring_one() -> None:
    maya = signed_in("maya")

    assert maya.put("session/password/", change()).status_code == 204

    assert kept(maya) == sealed(password="battery staple")


def test_no_table_holds_what_opens_a_vault() -> None:
    maya = with_vault()
    maya.put("session/password/", change())
    secrets = [sealed()["sealed_root"], sealed(password="battery staple")["sealed_root"]]
    secrets += [derive(PASSWORD), derive("battery staple")]

    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            rows = [
                tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in cursor
            ]
            for secret in secrets:
                assert secret not in repr(rows), table
                assert repr(decode_b64url(secret))[2:-1] not in repr(rows), table
