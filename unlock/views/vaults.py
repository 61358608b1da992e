"""The vault of a creator, and the way back into an account without its password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from unlock import account_sessions, creators, vaults
from unlock.serializers.accounts import UsernameSerializer
from unlock.serializers.vaults import (
    RecoveryInputSerializer,
    VaultInputSerializer,
    VaultSerializer,
)
from unlock.views.accounts import enter, go_on_alone
from unlock.views.sessions import AnyoneView, CreatorView

if TYPE_CHECKING:
    from rest_framework.request import Request

    from unlock.models import Creator


class Vault(CreatorView):
    @property
    def throttle_scope(self) -> str | None:
        # Saving asks for the password, so this is a place to guess it.
        return "login" if self.request.method == "PUT" else None

    @extend_schema(responses=VaultSerializer)
    def get(self, request: Request) -> Response:
        """The creator's root, sealed by their browser; nulls while there is no vault."""
        return _show(self.me(request))

    @extend_schema(request=VaultInputSerializer, responses=VaultSerializer)
    def put(self, request: Request) -> Response:
        """Save a root, sealed by the browser; 409 ``vault_differs`` if another one is kept."""
        asked = VaultInputSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        facts = dict(asked.validated_data)
        creator = self.me(request)
        before = creator.user.password
        proofs = {name: facts.pop(name) for name in ("derived", "new_derived")}
        creators.save_vault(creator, vaults.Sealed(**facts), **proofs, now=timezone.now())
        if creator.user.password != before:
            go_on_alone(request, creator)
        return _show(creator)


class AccountRecoveries(AnyoneView):
    throttle_scope = "login"

    @extend_schema(request=RecoveryInputSerializer, responses=UsernameSerializer)
    def post(self, request: Request) -> Response:
        """A new password by the words; 401 ``recovery_failed`` for every reason alike."""
        asked = RecoveryInputSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        now = timezone.now()
        creator = creators.recover(**asked.validated_data, now=now)
        account_sessions.end_others(creator, None, now=now)
        return enter(request, creator, http_status=status.HTTP_200_OK)


def _show(creator: Creator) -> Response:
    names = ("sealed_root", "recovery_hash", "saved_at")
    kept = vaults.of(creator)
    return Response(VaultSerializer({name: getattr(kept, name, None) for name in names}).data)
