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
