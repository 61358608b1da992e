"""Who sells: a login, and the root that every link of this creator follows from."""

import getpass
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from kimcli import keyfiles, passwords, words
from kimcli.errors import CommandFailed, Refused
from kimcli.keyfiles import KeyFile
from kimcli.means import Means
from kimcli.passwords import Worked
from kimcli.wire import Api
from unlock import container
from unlock.container import decode_b64url, encode_b64url

_LEAST_LETTERS = 10


@dataclass(frozen=True, repr=False)
class Account:
    api: Api
    username: str
    key: KeyFile


def given_token(name: str = "KIM_TOKEN") -> str:
    """From KIM_TOKEN, else from the file that KIM_TOKEN_FILE names; "" without either."""
    path = os.environ.get(f"{name}_FILE", "")
    token = os.environ.get(name, "") or (Path(path).read_text("ascii") if path else "")
    return token.strip()


def enter_by_token(api: Api, token: str, username: str, key_path: Path) -> Account:
    """No password and no session; but a token opens no vault, so the key file must be here.

    Raises CommandFailed without one, and for a token of somebody else than ``username``.
    """
    api.token = token
    owner = str(api.get("session/", session=True)["username"])
    if username.strip().lower() != owner:
        raise CommandFailed("token_of_another", f"This token belongs to {owner}, not {username}.")
    key = keyfiles.read(key_path, "creator")
    if key is None:
        raise CommandFailed(
            "key_missing",
            f"There is no key file at {key_path}, and a token cannot fetch one.",
            "Run the command once with your password, or name the file with --key-file.",
        )
    return Account(api, owner, key)


def enter(api: Api, username: str, key_path: Path, means: Means) -> Account:
    """Log in and find the root: key file, else vault, else a new one, whose words are shown."""
    worked = log_in(api, username, password_of(username))
    key = keyfiles.read(key_path, "creator")
    if key is None:
        key = _find_key(api, username, worked, key_path, means)
    return Account(api, username, key)


def sign_up(api: Api, username: str, key: KeyFile) -> None:
    """A new account with this root in its vault: its pages then make the links that follow from it.

    Raises Refused (the name is taken, nobody may sign up), CommandFailed for a bad password.
    """
    password = password_of(username)
    if len(password) < _LEAST_LETTERS:
        hint = f"{_LEAST_LETTERS} letters at least; four random words are good."
        raise CommandFailed("password_short", "The password is too short.", hint)
    if not os.environ.get("KIM_PASSWORD") and password_of(username) != password:
        raise CommandFailed("passwords_differ", "The two passwords differ.", "Type it again.")
    salt, worked = passwords.work_anew(password)
    if worked.vault_key is None:
        raise CommandFailed("kdf_refused", "There is no key for the vault.")
    sealed = passwords.seal_vault(worked.vault_key, username, key.root)
    vault = {
        "sealed_root": encode_b64url(sealed), "recovery_hash": passwords.recovery_hash(key.root),
    }  # fmt: skip
    asked = {"username": username, "salt": encode_b64url(salt), "vault": vault}
    invitation = os.environ.get("KIM_INVITATION", "")
    api.open_session()
    api.post(
        "creators/",
        asked | {"derived": encode_b64url(worked.proof)}
        | ({"invitation": invitation} if invitation else {}),
        session=True,
    )  # fmt: skip


def check_vault(account: Account) -> None:
    """Raises CommandFailed where the account's vault holds another root. With a session only."""
    kept = account.api.get("vault/", session=True)
    if kept["recovery_hash"] not in {None, "", passwords.recovery_hash(account.key.root)}:
        raise CommandFailed(
            "vault_of_another",
            f"The vault of {account.username} holds another key.",
            "Make an account for your key there: kim sign-up.",
        )


def find_key(key_path: Path, means: Means) -> KeyFile:
    """A root that exists: from its file, else from its 24 words, which make the file. Raises
    CommandFailed without either, FilesWrong.
    """
    key = keyfiles.read(key_path, "creator")
    if key is not None:
        return key
    typed = os.environ.get("KIM_WORDS", "")
    if not typed and sys.stdin.isatty():
        typed = getpass.getpass("Your 24 words: ")
    if not typed:
        hint = "Name the file with --key-file, or set KIM_WORDS."
        raise CommandFailed("key_missing", f"There is no key file at {key_path}.", hint)
    key = keyfiles.make(key_path, "creator", words.from_words(typed))
    means.say(f"Your key lies in {key_path}.")
    return key


def password_of(username: str) -> str:
    """From KIM_PASSWORD, else asked for. Raises CommandFailed where nobody could answer."""
    given = os.environ.get("KIM_PASSWORD", "")
    if given:
        return given
    if not sys.stdin.isatty():
        raise CommandFailed("password_missing", "There is no password.", "Set KIM_PASSWORD.")
    return getpass.getpass(f"Password of {username}: ")


def _second_step() -> str:
    """The six digits of the app, or a spare code: from KIM_SECOND_STEP, else asked for."""
    given = os.environ.get("KIM_SECOND_STEP", "")
    if given:
        return given
    if not sys.stdin.isatty():
        message = "A code of your app is asked for as well."
        raise CommandFailed("second_step_required", message, "Set KIM_SECOND_STEP.")
    return getpass.getpass("Code of your app, or a spare one: ")


def log_in(api: Api, username: str, password: str) -> Worked:
    """What the password became. A session that ends meanwhile is begun again with it."""
    api.open_session()
    told = api.post("login-parameters/", {"username": username}, session=True, repeatable=True)
    worked = passwords.work(password, told)
    proof = {"username": username, "derived": encode_b64url(worked.proof)}

    def sign_in() -> None:
        # Taken off while it runs: a refused login must not log in again.
        api.sign_in_again = None
        try:
            api.post("session/", proof, session=True)
        except Refused as error:
            if error.code != "second_step_required":
                raise
            api.post("session/", {**proof, "code": _second_step()}, session=True)
        api.sign_in_again = sign_in

    sign_in()
    return worked


def _find_key(
    api: Api, username: str, worked: Worked, key_path: Path, means: Means
) -> KeyFile:  # fmt: skip
    root = _in_vault(api, username, worked)
    if root is not None:
        means.say(f"Your key came from your vault and lies in {key_path}.")
        return keyfiles.make(key_path, "creator", root)
    files = api.get_all("files/", "files")
    if any(file["h_s"] for file in files):
        raise CommandFailed(
            "key_missing",
            f"Your files were sealed with a key that is not at {key_path}.",
            "Download the key file in your settings and name it with --key-file.",
        )
    key = keyfiles.make(key_path, "creator")
    means.say(f"A new key was made: {key_path}. Every link of yours follows from it: keep a copy.")
    means.say(f"The same as 24 words, for paper: {key.words}")
    return key


def _in_vault(api: Api, username: str, worked: Worked) -> bytes | None:
    if worked.vault_key is None:
        return None
    try:
        kept = api.get("vault/", session=True)
    except Refused as error:
        if error.status == 404:  # a server of before the vault
            return None
        raise
    if not kept["sealed_root"]:
        return None
    sealed = decode_b64url(kept["sealed_root"])
    root = passwords.open_vault(worked.vault_key, username, sealed)
    if root is None:
        hint = "Name your key file with --key-file."
        raise CommandFailed("vault_locked", "Your vault does not open with this password.", hint)
    return root


def is_root_of(root: bytes, file_id: str, h_s: str, generation: int) -> bool:
    """Whether a file's secrets follow from this root."""
    if not (file_id and h_s):
        return False
    known = bytes.fromhex(file_id)
    secret = container.derive_release_secret(root, known, generation=generation)
    return container.hash_commitment(secret).hex() == h_s
