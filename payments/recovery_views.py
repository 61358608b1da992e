"""What the page /recover/ may ask, without a login: coins of scripts, and sending a forward.

Both are about public facts. The kit itself never comes here (docs/recovery.md).
"""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from payments import connection, covenants, transactions
from payments.errors import BadTransaction, NotForwardable

MOST_SCRIPTS: Final = 100
MOST_RAW_CHARS: Final = 40_000  # 50 coins need 9 kB
_SCRIPT: Final = r"^a914[0-9a-f]{40}87$"  # P2SH20, as every forwarder is


class ScriptsSerializer(serializers.Serializer[Any]):
    scripts = serializers.ListField(
        child=serializers.RegexField(_SCRIPT), min_length=1, max_length=MOST_SCRIPTS
    )


class CoinSerializer(serializers.Serializer[Any]):
    script = serializers.CharField()
    txid = serializers.CharField()
    vout = serializers.IntegerField()
    value_sat = serializers.IntegerField()
    has_token = serializers.BooleanField()


class CoinsSerializer(serializers.Serializer[Any]):
    """``used`` are the scripts with any history: a scan counts the others."""

    coins = CoinSerializer(many=True)
    used = serializers.ListField(child=serializers.CharField())


class RawSerializer(serializers.Serializer[Any]):
    raw = serializers.RegexField(r"^([0-9a-f]{2})+$", max_length=MOST_RAW_CHARS)


class TxidSerializer(serializers.Serializer[Any]):
    txid = serializers.CharField()


class RecoveryView(APIView):
    """No login and no cookies; limited per client address."""

    authentication_classes = ()
    throttle_scope = "recovery"


class RecoveryCoins(RecoveryView):
    @extend_schema(
        operation_id="recovery_coins", request=ScriptsSerializer, responses=CoinsSerializer
    )
    def post(self, request: Request) -> Response:
        """The unspent coins of up to 100 forwarder addresses, given as locking scripts."""
        asked = ScriptsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        scripts = [bytes.fromhex(script) for script in asked.validated_data["scripts"]]
        coins, used = connection.chain().unspent(scripts)
        shown = [
            {
                "script": coin.script.hex(),
                "txid": coin.outpoint.txid,
                "vout": coin.outpoint.vout,
                "value_sat": coin.value_sat,
                "has_token": coin.has_token,
            }
            for coin in coins
        ]
        found = {"coins": shown, "used": sorted(script.hex() for script in used)}
        return Response(CoinsSerializer(found).data)


class RecoveryBroadcast(RecoveryView):
    @extend_schema(
        operation_id="recovery_broadcast", request=RawSerializer, responses=TxidSerializer
    )
    def post(self, request: Request) -> Response:
        """Send a transaction that only passes forwarders' coins on; nothing else is sent."""
        asked = RawSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        raw = bytes.fromhex(asked.validated_data["raw"])
        try:
            found = transactions.parse(raw, txid=transactions.txid_of(raw))
        except BadTransaction as error:
            raise NotForwardable(
                "That is not a whole transaction.",
                hint="Copy the whole transaction, from its first digit to its last.",
            ) from error
        covenants.check_shape(found)
        return Response(TxidSerializer({"txid": connection.chain().broadcast(raw)}).data)
