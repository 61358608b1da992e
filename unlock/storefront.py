"""What buyers see around a file: who sells it, and how its creator wants it shown."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import transaction

from unlock import limits, pictures, versions
from unlock.creator_errors import CoverInvalid
from unlock.models import Profile, Showcase
from unlock.states import FileState
from unlock.storefront_errors import AvatarInvalid

if TYPE_CHECKING:
    from unlock.models import Creator, PaidFile
    from unlock.showing_rows import Cover

AVATAR_MAX_BYTES: Final = 64 * 1024
AVATAR_MAX_SIDE: Final = 512
_EMAIL = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\"]+")
_ADDRESS = re.compile(r"https://[^\s/<>\"]+[^\s<>\"]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How a file is shown, as its creator says; None leaves what is there."""

    is_adult: bool | None = None
    shows_contents: bool | None = None
    has_card: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How a file is shown. ``is_listed``: it stands in the shop, and its entry opens its link of now."""

    is_adult: bool
    shows_contents: bool
    has_card: bool
    is_listed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """A creator as buyers see them. ``contact_href`` is empty for words that are no address."""

    username: str
    about: str
    contact: str
    contact_href: str
    avatar_sha256: str


def shown(paid_file: PaidFile) -> Shown:
    """As the row says that was read with the file."""
    row = getattr(paid_file, "showcase", None) or Showcase(paid_file=paid_file)
    sealed = row.entry_generation
    is_listed = sealed is not None and sealed == link_generation_of(paid_file)
    return Shown(
        is_adult=row.is_adult,
        shows_contents=row.shows_contents,
        has_card=row.has_card,
        is_listed=is_listed,
    )


def link_generation_of(paid_file: PaidFile) -> int:
    """Of the link secret L that opens this file now."""
    return versions.edition_of(paid_file).link_generation


def set_choices(paid_file: PaidFile, choices: Choices | None) -> None:
    if choices is None:
        return
    given = {
        name: value
        for name in ("is_adult", "shows_contents", "has_card")
        if (value := getattr(choices, name)) is not None
    }
    Showcase.objects.update_or_create(paid_file=paid_file, defaults=given)


def has_card(paid_file: PaidFile) -> bool:
    """Whether previews of its link, in other people's programs, may name it and show its cover.

    Only on the creator's word, and never of what is for adults or not on sale.
    """
    choice = shown(paid_file)
    return choice.has_card and not choice.is_adult and paid_file.state == FileState.PUBLISHED


def visible_cover(paid_file: PaidFile, cover: Cover | None) -> Cover | None:
    """The cover where nobody was asked yet whether they are of age."""
    return None if shown(paid_file).is_adult else cover


def maker_of(creator: Creator) -> Maker:
    profile = profile_of(creator)
    return Maker(
        username=creator.user.get_username(),
        about=profile.about,
        contact=profile.contact,
        contact_href=_href_of(profile.contact),
        avatar_sha256=profile.avatar_sha256,
    )


def profile_of(creator: Creator) -> Profile:
    """Without the picture's bytes; an empty one for who has none yet."""
    rows = Profile.objects.defer("avatar")
    return rows.filter(creator=creator).first() or Profile(creator=creator)


def set_profile(creator: Creator, *, about: str, contact: str) -> None:
    """Public at once. Raises TextInvalid, LinkSecretInText."""
    said = {"about": limits.clean_about(about), "contact": limits.clean_contact(contact)}
    Profile.objects.update_or_create(creator=creator, defaults=said)


def set_avatar(creator: Creator, picture: bytes) -> None:
    """Take a small public picture instead of the one before. Raises AvatarInvalid."""
    if len(picture) > AVATAR_MAX_BYTES:
        raise AvatarInvalid("It has more than 64 KiB.")
    try:
        measured = pictures.measure(picture)
    except CoverInvalid as error:
        raise AvatarInvalid.after(error) from error
    if max(measured.width, measured.height) > AVATAR_MAX_SIDE:
        raise AvatarInvalid(
            "It has {width} by {height} pixels.", width=measured.width, height=measured.height
        )
    facts = {
        "avatar": picture,
        "avatar_type": measured.media_type,
        "avatar_sha256": hashlib.sha256(picture).hexdigest(),
    }
    with transaction.atomic():
        Profile.objects.update_or_create(creator=creator, defaults=facts)


def drop_avatar(creator: Creator) -> None:
    Profile.objects.filter(creator=creator).update(avatar=b"", avatar_type="", avatar_sha256="")


def find_avatar(sha256: str) -> Profile | None:
    """Whose picture this is, with its bytes; its name is its content, so nobody can be looked for."""
    named = Profile.objects.filter(avatar_sha256=sha256, creator__suspended_at__isnull=True)
    return named.exclude(avatar_sha256="").first()


def _href_of(contact: str) -> str:
    if _EMAIL.fullmatch(contact):
        return f"mailto:{contact}"
    return contact if _ADDRESS.fullmatch(contact) else ""
