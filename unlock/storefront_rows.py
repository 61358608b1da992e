"""The rows of a creator's shop window: who they are to buyers, and how a file is shown.

A creator or a file without a row here shows nothing beyond name, title and price.
"""

from __future__ import annotations

from django.db import models


class Profile(models.Model):
    """What buyers see of a creator, and the shop. Of the shop's key only a proof's hash is here."""

    creator = models.OneToOneField(
        "unlock.Creator", on_delete=models.PROTECT, related_name="profile"
    )
    about = models.TextField(max_length=500, blank=True)
    contact = models.CharField(max_length=200, blank=True)
    avatar = models.BinaryField(max_length=65_536, blank=True, default=b"")
    avatar_type = models.CharField(max_length=40, blank=True)
    avatar_sha256 = models.CharField(max_length=64, blank=True, db_index=True)  # hex
    shop_generation = models.PositiveIntegerField(default=0)  # only ever grows
    shop_access_hash = models.CharField(max_length=64, blank=True)  # hex SHA-256; blank: no shop

    def __str__(self) -> str:
        return f"profile of {self.creator_id}"


class Showcase(models.Model):
    """How one file is shown, and its place in the shop."""

    paid_file = models.OneToOneField(
        "unlock.PaidFile", on_delete=models.CASCADE, related_name="showcase"
    )
    is_adult = models.BooleanField(default=False)  # nothing of it is shown before a word of assent
    shows_contents = models.BooleanField(default=False)  # the list of files, to holders of the link
    has_card = models.BooleanField(default=False)  # title and cover in previews of the link
    entry = models.BinaryField(max_length=44, blank=True, default=b"")  # L, sealed in the browser
    entry_generation = models.PositiveIntegerField(null=True, blank=True)  # of the link in it

    def __str__(self) -> str:
        return f"showcase of {self.paid_file_id}"
