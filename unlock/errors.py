"""The error tree of files, keys and people, built on the root in ``payments.errors``.

One section per module that raises, in the order of the arrows. ``code`` never changes once
released: programs branch on it, and the browser's code uses the same class names.
"""

# ruff: noqa: N818 - the glossary's and the protocol's names, the same in both languages

from payments.errors import ServiceError

# --- container: bytes, keys, and the small files around them -----------------------------------


class ContainerError(ServiceError):
    """Root of every refusal by ``unlock.container``; the message never holds a secret."""

    code = "container_refused"
    hint = "Get the file again from the page it came from."
    http_status = 400


class NotAContainer(ContainerError):
    """The first eight bytes are not KIM1's."""

    code = "not_a_container"
    hint = "Choose the sealed file; its name usually ends in .kim."


class UnsupportedVersion(ContainerError):
    """A version, suite, segment size, flag or reserved byte that this reader does not know."""

    code = "unsupported_version"
    hint = "The file was made by a newer version; update this program."


class Damaged(ContainerError):
    """Bytes contradict each other, or are not the bytes that were sold.

    ``segment`` is the first bad segment where one is known, so that only it is fetched again.
    """

    code = "damaged"
    hint = "Download the file again, or get it from another copy."

    def __init__(self, message: str, *, segment: int | None = None) -> None:
        super().__init__(message)
        self.segment = segment


class Truncated(Damaged):
    """The end is missing."""

    code = "truncated"
    hint = "The download stopped early; download the file again."


class WrongKey(ContainerError):
    """The link, licence or release does not belong to this container."""

    code = "wrong_key"
    hint = "Use the link, licence or release file that belongs to this very file."


class Forged(ContainerError):
    """The committed bytes do not open under the committed key: whoever sealed them cheated."""

    code = "forged"
    hint = "Whoever sealed this file did not put in it what they promised; ask for the money back."

    def __init__(self, message: str, *, segment: int | None = None) -> None:
        super().__init__(message)
        self.segment = segment


class BadDirectory(ContainerError):
    """A bundle's directory breaks a path rule, or does not add up."""

    code = "bad_directory"
    hint = "The folder inside the file is not safe to unpack; tell the person who sells it."


class LinkMalformed(ContainerError):
    """A link without its secret, or with a cut or mistyped one."""

    code = "link_malformed"
    hint = "Copy the whole link again, with everything after the # sign."


class LicenceMalformed(ContainerError):
    """Not a licence or release file, or a cut one."""

    code = "licence_malformed"
    hint = "Choose the licence or release file that you saved, unchanged."


class SignatureInvalid(ContainerError):
    """A receipt or ticket was not signed by this key, or was changed afterwards."""

    code = "signature_invalid"
    hint = "Take the receipt or ticket as it came from the server that signed it."


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
    """Unknown name, wrong password, suspended: said alike for all of them."""

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


class SelftestMissing(ServiceError):
    """Publishing needs a passed run of the buyer's path over this very content."""

    code = "selftest_missing"
    hint = "Publish again; the page tests the download first."
    http_status = 409


# --- storage: the buckets -----------------------------------------------------------------------


class StoreError(ServiceError):
    """A store refused what we asked; asking again will not help."""

    code = "store_refused"
    hint = "The person who runs this site has to look at the storage settings."
    http_status = 502


class StoreUnavailable(StoreError):
    """The store could not be reached, or stumbled. The same request may work in a moment."""

    code = "store_unavailable"
    hint = "Storage is not answering; nothing is lost. Try again in a moment."
    http_status = 503


class ObjectMissing(StoreError):
    """There is no such object (or bucket)."""

    code = "object_missing"


class ObjectChanged(StoreError):
    """The object under this key is not the one that was verified: its ETag differs."""

    code = "object_changed"


class MultipartMissing(StoreError):
    """The store knows no such multipart transfer: finished, aborted or expired."""

    code = "multipart_missing"


class PartsRefused(StoreError):
    """The store would not build the object from these parts."""

    code = "parts_refused"


# --- purchases and grants: a buyer's order, and the other way to a key --------------------------


class ClaimMissing(ServiceError):
    """A buyer's call without ``Authorization: Claim <base64url of 32 bytes>``, or with a cut one."""

    code = "claim_missing"
    hint = "Open your return link again; it carries the proof that this purchase is yours."
    http_status = 401


class PurchaseUnknown(ServiceError):
    """No such purchase, or another buyer's: the two must look the same."""

    code = "purchase_unknown"
    hint = "Check that the return link is whole."
    http_status = 404


class ClaimKnown(ServiceError):
    """The claim was used before; the browser takes the next one."""

    code = "claim_known"
    hint = "Make the next claim and ask again."
    http_status = 409


class BuyerKeyInvalid(ServiceError):
    """The buyer's public key is not an uncompressed point of P-256."""

    code = "buyer_key_invalid"
    hint = "Reload the page and press Buy again."


class NotForSale(ServiceError):
    """Draft, paused, removed, or nowhere to be paid to."""

    code = "not_for_sale"
    hint = "Ask the creator; nothing was ordered, and do not pay."
    http_status = 409


class TooManyPurchases(ServiceError):
    """This address has enough unpaid orders of this file open."""

    code = "too_many_purchases"
    hint = "Pay one of the open orders, or wait until they have run out."
    http_status = 429


class FileNotReady(ServiceError):
    """A self-test of a file whose container is not verified, or whose secret is not deposited."""

    code = "file_not_ready"
    hint = "Wait until the upload is verified and the key is deposited."
    http_status = 409


class GrantsExhausted(ServiceError):
    """As many grants of this kind exist as the creator allowed."""

    code = "grants_exhausted"
    hint = "There are none left."
    http_status = 409


# --- keys, locations, receipts: what a purchase brings ------------------------------------------


class NotPaid(ServiceError):
    """The gate is shut: neither a settled invoice nor a grant."""

    code = "not_paid"
    hint = (
        "Pay the invoice; this page opens the file by itself as soon as the payment is confirmed."
    )
    http_status = 402


class SecretUnusable(ServiceError):
    """A deposit that does not open, or is not the secret of what was bought. Never shows bytes."""

    code = "secret_unusable"
    hint = "The person who runs this site has to look at the instance keys and this file."
    http_status = 500


class InstanceKeyMissing(ServiceError):
    """The worker's private keys are missing, or do not belong to the published instance key."""

    code = "instance_key_missing"
    hint = "Set KIM_INSTANCE_KEYS of the worker to the private half of KIM_INSTANCE_PUBLIC_KEY."
    http_status = 500


class TooManyLocations(ServiceError):
    """This purchase was given enough download addresses for now."""

    code = "too_many_locations"
    hint = "Use the address you have until it expires, or come back tomorrow."
    http_status = 429


class CopyUnavailable(ServiceError):
    """No copy of the container is there and unchanged."""

    code = "copy_unavailable"
    hint = "Try again in a moment. Your purchase stays yours."
    http_status = 503


class TooManyStreams(ServiceError):
    """Enough pages follow this purchase live; the others ask again from time to time."""

    code = "too_many_streams"
    hint = "Close other tabs of this purchase."
    http_status = 429
