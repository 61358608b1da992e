"""The error tree of files, keys and people, built on the root in ``payments.errors``.

One section per module that raises, in the order of the arrows. ``code`` never changes once
released: programs branch on it, and the browser's code uses the same class names.
"""

from payments.errors import ServiceError
from payments.words import Value

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

    def __init__(self, message: str, *, segment: int | None = None, **values: Value) -> None:
        places = values if segment is None else {"segment": segment, **values}
        super().__init__(message, **places)
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

    def __init__(self, message: str, *, segment: int | None = None, **values: Value) -> None:
        places = values if segment is None else {"segment": segment, **values}
        super().__init__(message, **places)
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


class DiskFull(ServiceError):
    """No room for anything new (unlock.disks)."""

    code = "disk_full"
    hint = "Nothing was changed or lost. Whoever runs this site has to make room; try again later."
    http_status = 503


class InstanceClosing(ServiceError):
    """Whoever runs the instance winds it down (``KIM_WINDING_DOWN``)."""

    code = "instance_closing"
    hint = "What was bought here opens as always; save it while you can."
    http_status = 403


class NotForSale(ServiceError):
    """Draft, paused, removed, or nowhere to be paid to."""

    code = "not_for_sale"
    hint = "Ask the creator; nothing was ordered, and do not pay."
    http_status = 409


class VersionMissing(ServiceError):
    """A version that this purchase neither bought nor was given."""

    code = "version_missing"
    hint = "Load the page of your purchase again; it shows the versions that are yours."
    http_status = 404


class FileErased(ServiceError):
    """Removed by its creator so that nobody can fetch it; buyers were paid back before."""

    code = "file_erased"
    hint = "The seller withdrew this file. Whoever paid for it was paid back before."
    http_status = 410


class TooManyPurchases(ServiceError):
    """Enough orders of this file are open and unpaid from one address."""

    code = "too_many_purchases"
    hint = "Pay one of the open orders, or wait until they have run out."
    http_status = 429


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
    """The releaser's private keys are missing, or do not belong to the published instance key."""

    code = "instance_key_missing"
    hint = "Set KIM_INSTANCE_KEYS of the releaser to the private half of KIM_INSTANCE_PUBLIC_KEY."
    http_status = 500


class EgressSpent(ServiceError):
    """What may be looked at for nothing was looked at often enough today (unlock.egress)."""

    code = "egress_spent"
    hint = "You can buy the file now, or look at the sample tomorrow."
    http_status = 429


class TooManyLocations(ServiceError):
    """Enough download addresses were given for this purchase, for now."""

    code = "too_many_locations"
    hint = "Use the address you have until it expires, or come back tomorrow."
    http_status = 429


class CopyUnavailable(ServiceError):
    """No copy of the container can be reached now; some of them were good when last seen."""

    code = "copy_unavailable"
    hint = "Try again in a moment. Your purchase stays yours."
    http_status = 503


class CopiesDamaged(ServiceError):
    """Every copy of the container was looked at, and is damaged or gone. Waiting mends nothing."""

    code = "copies_damaged"
    hint = "Its creator has been told. Do not pay for it until it is back; a purchase stays yours."
    http_status = 410


class TooManyStreams(ServiceError):
    """Enough pages follow this purchase live; the others ask again from time to time."""

    code = "too_many_streams"
    hint = "Close other tabs of this purchase."
    http_status = 429


class MarksDamaged(ServiceError):
    """The high-water marks in the bucket are not what this instance wrote."""

    code = "marks_damaged"
    hint = "See docs/recovery.md, 'After a restored backup'; until then no marks are kept."
    http_status = 500


# --- restoring: order tickets posted back --------------------------------------------------------


class TicketForeign(ServiceError):
    """The ticket's claim is not the one that the call carries."""

    code = "ticket_foreign"
    hint = "Open the return link of the purchase that this ticket belongs to."
    http_status = 403


class TicketFileLost(ServiceError):
    """The file of a ticket was lost as well, or holds something else now."""

    code = "ticket_file_lost"
    hint = (
        "Keep this page's link; write to the creator, who can give you the file or your money back."
    )
    http_status = 410


# --- given again: a buyer who lost everything, and the creator who knows the sale ----------------


class AgainUnknown(ServiceError):
    """Nobody asked for that, or of somebody else: the two must look the same."""

    code = "again_unknown"
    hint = "Ask your buyer for the whole request, and log in as the creator it was made for."
    http_status = 404


class AgainOtherFile(ServiceError):
    code = "again_other_file"
    hint = "Choose a sale of the file that was asked for."
    http_status = 409


class SaleUnpaid(ServiceError):
    """What was never paid is not given again."""

    code = "sale_unpaid"
    hint = "Choose a sale that was paid."
    http_status = 409


class AlreadyYours(ServiceError):
    code = "already_yours"
    hint = "Nothing is to do: the buyer's page opens the file."
    http_status = 409


class AgainCounted(ServiceError):
    """The creator decided on an old count."""

    code = "again_counted"
    hint = "Look at how often it was given by now, and decide anew."
    http_status = 409
