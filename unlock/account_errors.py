"""The error tree, continued: what stands around an account beyond its password."""

from __future__ import annotations

from payments.errors import ServiceError

# --- vaults ---------------------------------------------------------------------------------------


class VaultDiffers(ServiceError):
    """The vault holds another root. Nothing was overwritten."""

    code = "vault_differs"
    hint = "Keep the key file of this browser as well: files made with its key open with it alone."
    http_status = 409


class VaultLeftBehind(ServiceError):
    """A new password without the vault sealed anew would lock it for ever. Nothing changed."""

    code = "vault_left_behind"
    hint = "Change the password on the settings page: it takes the vault along."
    http_status = 409


class RecoveryFailed(ServiceError):
    """Unknown name, foreign words, no vault, suspended: said alike for all of them."""

    code = "recovery_failed"
    hint = "Check the name, and that words or key file are of this very account."
    http_status = 401


# --- closing an account ---------------------------------------------------------------------------


class RefundsOwed(ServiceError):
    """Buyers wait for money of this creator. Nothing was closed."""

    code = "refunds_owed"
    hint = "Pay them on your sales page, or close them there; then close the account."
    http_status = 409


class MoneyMoving(ServiceError):
    """Something is paid or may be paid, and is not settled. Nothing was closed."""

    code = "money_moving"
    hint = "Pause your files, and close the account once this is settled."
    http_status = 409


class AccountClosed(ServiceError):
    """Said to whoever knows the password, and to nobody else."""

    code = "account_closed"
    hint = "It cannot be opened again. Who bought from it can still open what they bought."
    http_status = 403


class AccountSuspended(ServiceError):
    """Said to whoever knows the password, and to nobody else."""

    code = "account_suspended"
    hint = "The page /suspended/ says why, and how to appeal, to whoever logs in there."
    http_status = 403


# --- the set-up of an instance --------------------------------------------------------------------


class SetupOver(ServiceError):
    code = "setup_over"
    hint = "Log in under /admin/ instead."
    http_status = 409


class SetupCodeWrong(ServiceError):
    code = "setup_code_wrong"
    hint = "It was printed when the server started; `manage.py setup_code` prints a new one."
    http_status = 403


# --- the second step of a login -------------------------------------------------------------------


class SecondStepRequired(ServiceError):
    """The password was right; a code of the app is asked for as well."""

    code = "second_step_required"
    hint = "Type the six digits that your app shows, or a spare code."
    http_status = 401


class SecondStepWrong(ServiceError):
    """Not a code of now, or one that was taken before."""

    code = "second_step_wrong"
    hint = "Wait for the next code of your app and type that, or use a spare code."
    http_status = 401


class SecondStepBusy(ServiceError):
    """Ten wrong codes within an hour."""

    code = "second_step_busy"
    hint = "Try again in an hour."
    http_status = 429


class SecondStepOn(ServiceError):
    code = "second_step_on"
    hint = "Switch it off first."
    http_status = 409


class SecondStepUnknown(ServiceError):
    code = "second_step_unknown"
    hint = "Begin again: the page shows a new code for your app."
    http_status = 409
