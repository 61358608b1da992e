"""A creator's shop: its list for whoever has the link, and what its creator keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from unlock import container, shops
from unlock.serializers.storefront import (
    OwnShopSerializer,
    ShopInputSerializer,
    ShopSerializer,
)
from unlock.storefront_errors import ShopMissing
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from rest_framework.request import Request

_SCHEME = "Shop"
_PROOF_BYTES = 32


class Shop(APIView):
    """Proved by the link alone; no session counts here."""

    authentication_classes = ()
    throttle_scope = "presign"

    @extend_schema(
        operation_id="shops_enter",
        parameters=[
            OpenApiParameter(
                "Authorization",
                str,
                OpenApiParameter.HEADER,
                required=True,
                description="`Shop` and the proof that the shop's link gives, base64url",
            )
        ],
        responses=ShopSerializer,
    )
    def get(self, request: Request, username: str) -> Response:
        """What is listed, newest first. 404 for everything that is not the whole link of a shop."""
        shop = shops.enter(username, _proof_of(request), now=timezone.now())
        return Response(ShopSerializer(shop).data)


class OwnShop(CreatorView):
    @extend_schema(operation_id="shop_retrieve", responses=OwnShopSerializer)
    def get(self, request: Request) -> Response:
        """What is listed, as it was sealed."""
        return Response(OwnShopSerializer(shops.own(self.me(request))).data)

    @extend_schema(
        operation_id="shop_update", request=ShopInputSerializer, responses=OwnShopSerializer
    )
    def put(self, request: Request) -> Response:
        """The whole shop at once. What is not named is not listed any more."""
        me = self.me(request)
        asked = ShopInputSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        shops.keep(
            me,
            generation=said["generation"],
            access_hash=said["access_hash"],
            entries=asked.entries(),
        )
        return Response(OwnShopSerializer(shops.own(me)).data)

    @extend_schema(operation_id="shop_destroy", responses={204: None})
    def delete(self, request: Request) -> Response:
        """Close it: its link opens nothing, and nothing is listed. The files stay on sale."""
        shops.close(self.me(request))
        return Response(status=204)


def _proof_of(request: Request) -> bytes:
    scheme, _, given = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    try:
        if scheme == _SCHEME:
            return container.decode_b64url(given.strip(), _PROOF_BYTES)
    except ValueError:
        pass
    raise ShopMissing("This link opens no shop.")
