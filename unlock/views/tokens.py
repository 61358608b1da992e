"""A creator's tokens for programs: list, make, end. Only for whoever is signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from unlock import creators, tokens
from unlock.scopes import Scope
from unlock.serializers.tokens import (
    TokenInputSerializer,
    TokenMadeSerializer,
    TokensSerializer,
    shown,
)
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request


class Tokens(CreatorView):
    @property
    def throttle_scope(self) -> str | None:
        # Making one asks for the password, so this is a place to guess it.
        return "login" if self.request.method == "POST" else None

    @extend_schema(operation_id="tokens_list", responses=TokensSerializer)
    def get(self, request: Request) -> Response:
        """Those that work, the newest first, and the scopes there are."""
        rows = tokens.open_of(self.me(request), now=timezone.now())
        facts = {"tokens": rows, "scopes": list(Scope), "most": tokens.PER_CREATOR}
        return Response(TokensSerializer(facts).data)

    @extend_schema(request=TokenInputSerializer, responses={201: TokenMadeSerializer})
    def post(self, request: Request) -> Response:
        """Make one, with the password. The token is in this answer and nowhere else."""
        asked = TokenInputSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        facts, now, creator = asked.validated_data, timezone.now(), self.me(request)
        creators.prove(creator, facts["derived"], facts.get("code", ""), now=now)
        row, token = tokens.make(
            creator, name=facts["name"], scopes=facts["scopes"], days=facts["days"], now=now
        )
        return Response({**shown(row), "token": token}, status=status.HTTP_201_CREATED)


class TokenDetail(CreatorView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, token_id: UUID) -> Response:
        """End one. One that has ended already is no error."""
        tokens.end(self.me(request), token_id, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
