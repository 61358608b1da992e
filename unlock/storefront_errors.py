"""The error tree, continued: what can be refused about profiles and shops."""

from __future__ import annotations

from payments.errors import ServiceError


class AvatarInvalid(ServiceError):
    code = "avatar_invalid"
    hint = "It is a WebP or JPEG of at most 64 KiB and 512 pixels a side, without notes in it."


class ShopMissing(ServiceError):
    """No such creator, no shop, or not this shop's key: said alike for all of them."""

    code = "shop_not_found"
    hint = "Ask for the whole link, with everything behind the # sign."
    http_status = 404


class ShopEntryInvalid(ServiceError):
    """What is listed is not this creator's, or is neither on sale nor paused, or stands there twice."""

    code = "shop_entry_invalid"
    hint = "List files of your own that are published, each one once."


class ShopOutdated(ServiceError):
    """The shop's link, or that of a listed file, was renewed in the meantime."""

    code = "shop_outdated"
    hint = "Load the page again, then try once more."
    http_status = 409
