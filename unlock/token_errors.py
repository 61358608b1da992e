"""The error tree, continued: tokens of creators' programs, and requests that are repeated."""

from __future__ import annotations

from payments.errors import ServiceError


class TokenUnknown(ServiceError):
    """Mistyped, ended, or of somebody who is suspended: said alike for all of them."""

    code = "token_unknown"
    hint = "Make a new token in your settings."
    http_status = 401


class TokenExpired(ServiceError):
    code = "token_expired"
    hint = "Make a new token in your settings."
    http_status = 401


class TokenRefused(ServiceError):
    """The call is for people who are signed in, whatever the token's scopes are."""

    code = "token_refused"
    hint = "Do this on the pages of the site, signed in."
    http_status = 403


class ScopeMissing(ServiceError):
    code = "scope_missing"
    hint = "Make a token that may do this, in your settings."
    http_status = 403


class TokenMissing(ServiceError):
    """No such token of this creator's."""

    code = "token_missing"
    hint = "Reload the list."
    http_status = 404


class TooManyTokens(ServiceError):
    code = "too_many_tokens"
    hint = "End one that is not used any more."
    http_status = 409


# --- Idempotency-Key ------------------------------------------------------------------------------


class KeyInvalid(ServiceError):
    code = "idempotency_key_invalid"
    hint = "Send 1 to 200 visible ASCII characters, such as a UUID."


class KeyReused(ServiceError):
    """The key came with another request before. Nothing was done."""

    code = "idempotency_key_reused"
    hint = "Use a new key for every new request, and the same only to repeat one."
    http_status = 409


class KeyBusy(ServiceError):
    """The same request is being worked on now."""

    code = "idempotency_key_busy"
    hint = "Wait a moment and send the same request again."
    http_status = 409


class KeyLost(ServiceError):
    """A request with this key began and its answer was never written down: a crash in between."""

    code = "idempotency_key_lost"
    hint = "Look whether it was made, then use a new key."
    http_status = 409
