"""The error tree, continued: what a creator can be refused, from sign-up to publishing.

Apart from ``unlock.errors`` because no file here has more than 400 lines; the rules are the same.
"""

from __future__ import annotations

from payments.errors import ServiceError

# --- limits: what people type -------------------------------------------------------------------


class TextInvalid(ServiceError):
    """A text is empty, too long, or holds characters that hide or reorder other characters."""

    code = "text_invalid"
    hint = "Use plain text: no control characters, nothing that turns the reading direction."


class LinkSecretInText(ServiceError):
    """Somebody typed the secret half of a link into a text that the server would keep."""

    code = "link_secret_in_text"
    hint = "Take out the part of the link behind the # sign: whoever reads it here has half a key."


class UsernameInvalid(ServiceError):
    """Not a name we can give away."""

    code = "username_invalid"
    hint = "3 to 32 letters a-z, digits, and single - or _ between them."


# --- creators: people who sell ------------------------------------------------------------------


class UsernameTaken(ServiceError):
    code = "username_taken"
    hint = "Choose another name."
    http_status = 409


class SignupClosed(ServiceError):
    """Sign-up is closed, or the invitation is missing, unknown or used."""

    code = "signup_closed"
    hint = "Ask the person who runs this site for an invitation."
    http_status = 403


class LoginFailed(ServiceError):
    """Unknown name, wrong password: said alike for both of them."""

    code = "login_failed"
    hint = "Check the name and the password."
    http_status = 401


class NotSignedIn(ServiceError):
    code = "not_signed_in"
    hint = "Log in and try again."
    http_status = 401


class PasswordRequired(ServiceError):
    """A change of where money goes, or of the password, needs the password again."""

    code = "password_required"
    hint = "Enter your password to make this change."
    http_status = 403


class PasswordWrong(ServiceError):
    code = "password_wrong"
    hint = "Enter the password you log in with."
    http_status = 403


# --- uploads: ciphertext on its way in ----------------------------------------------------------


class UploadMissing(ServiceError):
    """There is no such upload of this creator."""

    code = "not_found"
    hint = "Start the upload again."
    http_status = 404


class SizeMismatch(ServiceError):
    """The size that was said is not the size that the header promises."""

    code = "size_mismatch"
    hint = "Choose the file again; it may have changed on the disk."


class FileTooLarge(ServiceError):
    code = "file_too_large"
    hint = "The limit is shown on the page where the upload starts."
    http_status = 413


class UploadKnown(ServiceError):
    """A container is uploaded once; sealing again gives it a new name."""

    code = "upload_known"
    hint = "Start again: the file is sealed afresh."
    http_status = 409


class TooManyUploads(ServiceError):
    code = "too_many_uploads"
    hint = "Finish or cancel the uploads that are open."
    http_status = 429


class UploadClosed(ServiceError):
    """The upload takes no parts any more."""

    code = "upload_closed"
    hint = "Look at the state of the upload; a failed one is started again."
    http_status = 409


class UploadExpired(ServiceError):
    """The store no longer knows the transfer: it was left alone for too long."""

    code = "upload_expired"
    hint = "Start the upload again."
    http_status = 410


class PartNumberInvalid(ServiceError):
    code = "part_number_invalid"
    hint = "Ask for at most 20 different parts, numbered from 1."


class PartsMissing(ServiceError):
    """Parts are missing, or do not have exactly the size they must have."""

    code = "parts_missing"
    hint = "Send the named parts again, then finish the upload."
    http_status = 409


class ContentMismatch(ServiceError):
    """The stored bytes do not have the content_id that was said."""

    code = "content_mismatch"
    hint = "The upload was damaged on its way. Start it again."


# --- files: what is for sale --------------------------------------------------------------------


class FileMissing(ServiceError):
    """There is no such file, or it is not yours."""

    code = "not_found"
    hint = "Check the link."
    http_status = 404


class MoveRefused(ServiceError):
    """The file cannot go from its state to that one, or cannot be changed in it."""

    code = "move_refused"
    hint = "Reload the page: the file's state has changed."
    http_status = 409


class ContainerTaken(ServiceError):
    """The upload already belongs to another paid file."""

    code = "container_taken"
    hint = "Upload the file once more to sell it twice."
    http_status = 409


class SecretMismatch(ServiceError):
    """The deposited secret does not fit its commitment, the file or an earlier deposit."""

    code = "secret_mismatch"
    hint = "Reload the page and publish again."


class UploadNotVerified(ServiceError):
    code = "upload_not_verified"
    hint = "Wait until the upload is finished and checked."
    http_status = 409


class SecretMissing(ServiceError):
    code = "secret_missing"
    hint = "Publish from the browser that holds your key."
    http_status = 409


class ProofOpen(ServiceError):
    """The creator's own purchase of this file waits for its payment already; one at a time."""

    code = "proof_open"
    hint = "Pay that one in the browser where you began it, or wait until its quote has run out."
    http_status = 409


class SelftestMissing(ServiceError):
    """Publishing needs a passed run of the buyer's path over this very content."""

    code = "selftest_missing"
    hint = "Publish again; the page tests the download first."
    http_status = 409


# --- webhooks and notices -----------------------------------------------------------------------


class TargetRefused(ServiceError):
    """Not an address this site sends to: its form, its host or its port."""

    code = "target_refused"
    hint = "Give an https:// address on the public internet, such as https://example.com/kim."


class WebhookMissing(ServiceError):
    code = "webhook_missing"
    hint = "Load the page again; it may have been deleted."
    http_status = 404


class DeliveryMissing(ServiceError):
    code = "delivery_missing"
    hint = "Load the page again."
    http_status = 404


class WebhookOff(ServiceError):
    code = "webhook_off"
    hint = "Switch the webhook on first."
    http_status = 409


class TooManyWebhooks(ServiceError):
    code = "too_many_webhooks"
    hint = "Delete one that you no longer need."
    http_status = 409


class MailOff(ServiceError):
    """No mail server is set."""

    code = "mail_off"
    hint = "Read your notices on this site, or ask whoever runs it to set up e-mail."
    http_status = 409


class MailTooSoon(ServiceError):
    code = "mail_too_soon"
    hint = "Look into your mailbox, the spam folder too, before you ask for another code."
    http_status = 429


class MailFailed(ServiceError):
    """The mail server did not take the message."""

    code = "mail_failed"
    hint = "Check the address, or try again in a few minutes."
    http_status = 502


class CodeWrong(ServiceError):
    """Not the code that was sent, or it is older than an hour."""

    code = "code_wrong"
    hint = "Type the newest code as it stands in the e-mail, or ask for another."


# --- copies: a creator's own hosts ---------------------------------------------------------------


class CopyUrlRefused(ServiceError):
    """An address that cannot be a copy of this file; the message says why."""

    code = "copy_url_refused"
    hint = "It must be https, answer ranges with 206, allow this site by CORS and hold the sealed file."


class TooManyCopies(ServiceError):
    code = "too_many_copies"
    hint = "Remove an address that you no longer need."
    http_status = 409


class CopyMissing(ServiceError):
    """No such copy, or not the creator's own."""

    code = "copy_missing"
    hint = "Reload the page: it may have been removed."
    http_status = 404


# --- sales ------------------------------------------------------------------------------------


class CursorInvalid(ServiceError):
    """A place in a list that this instance never gave out."""

    code = "cursor_invalid"
    hint = "Start again at the top of the list."


# --- what needs a creator ---------------------------------------------------------------------


class NoteMissing(ServiceError):
    """A refund that was closed by hand without a word."""

    code = "note_missing"
    hint = "Write one sentence, such as: sent to the address in your e-mail."


# --- what may be seen before paying ---------------------------------------------------------------


class ShownKeyWrong(ServiceError):
    """A key that was shown is not the one that was committed for its segment, or opens nothing."""

    code = "shown_key_wrong"
    hint = "Reload the page: the keys must come from the root that sealed this file."


class SampleInvalid(ServiceError):
    code = "sample_invalid"
    hint = "Choose a smaller piece of the file."


class SampleUnconfirmed(ServiceError):
    """More than a tenth of the file would be free to see, and nobody said that this is meant."""

    code = "sample_unconfirmed"
    hint = "Say that you mean it, or choose a smaller piece."
    http_status = 409


class AuditInvalid(ServiceError):
    code = "audit_invalid"
    hint = "Publish again: the page fetches what was drawn and shows the keys for it."


class AuditMissing(ServiceError):
    """Publishing a file of 200 segments or more needs the audit first."""

    code = "audit_missing"
    hint = "Publish again; the page shows the drawn keys first."
    http_status = 409


class CoverInvalid(ServiceError):
    code = "cover_invalid"
    hint = (
        "A cover is a WebP or JPEG of at most 256 KiB and 1280 pixels a side, without notes in it."
    )


class LinkMoved(ServiceError):
    """Link or key of a file changed since the page read them."""

    code = "link_moved"
    hint = "Load the page again: the file got another link or version meanwhile."
    http_status = 409


class ReplacementMissing(ServiceError):
    code = "replacement_missing"
    hint = "Upload the new content first, or ask for a new link."
    http_status = 404


class BuyersUnpaid(ServiceError):
    """Nobody could fetch it any more, and there are people who paid for it."""

    code = "buyers_unpaid"
    hint = "Pay them back first, under Sales; or remove it so that past buyers stay served."
    http_status = 409
