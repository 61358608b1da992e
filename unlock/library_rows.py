"""The rows of what buyers get back: a purchase that was given again."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class GivenAgain(models.Model):
    """A creator gave an old sale's buyer the file again, under a new claim. The old one stays."""

    old = models.ForeignKey("unlock.Purchase", on_delete=models.PROTECT, related_name="given_again")
    new = models.OneToOneField("unlock.Purchase", on_delete=models.PROTECT, related_name="again_of")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "given again"

    def __str__(self) -> str:
        return f"{self.old_id} again as {self.new_id}"
