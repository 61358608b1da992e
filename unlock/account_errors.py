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
