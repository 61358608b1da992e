"""Accounts, payouts and limits in and out (API v1)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from unlock import account_sessions
from unlock.creators import DERIVED_BYTES, SALT_BYTES, NewPassword, SignUp
from unlock.serializers.fields import BytesField, SaidField
from unlock.serializers.second_steps import CODE_MAX, ProofSerializer
from unlock.serializers.vaults import SealedSerializer, sealed_of

_NAME_MAX = 150
_PAYOUT_MAX = 500


class UsernameSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=_NAME_MAX)


class LoginParametersSerializer(serializers.Serializer[Any]):
    """How the browser stretches the password: Argon2id with these."""

    salt = BytesField()
    memory_kib = serializers.IntegerField()
    passes = serializers.IntegerField()
    parallelism = serializers.IntegerField()
    scheme = serializers.IntegerField()


class SignUpSerializer(UsernameSerializer):
    salt = BytesField(length=SALT_BYTES)
    derived = BytesField(length=DERIVED_BYTES, write_only=True)
    invitation = serializers.CharField(max_length=200, required=False, allow_blank=True)
    vault = SealedSerializer(required=False)

    def sign_up(self) -> SignUp:
        facts = dict(self.validated_data)
        return SignUp(vault=sealed_of(facts.pop("vault", None)), **facts)


class LoginSerializer(UsernameSerializer):
    """``code`` is of the second step, where it is on."""

    derived = BytesField(length=DERIVED_BYTES, write_only=True)
    code = serializers.CharField(
        max_length=CODE_MAX, required=False, allow_blank=True, write_only=True
    )


class PasswordSerializer(serializers.Serializer[Any]):
    derived = BytesField(length=DERIVED_BYTES, write_only=True)
    new_salt = BytesField(length=SALT_BYTES)
    new_derived = BytesField(length=DERIVED_BYTES, write_only=True)
    vault = SealedSerializer(required=False)

    def new(self) -> NewPassword:
        facts = self.validated_data
        vault = sealed_of(facts.get("vault"))
        return NewPassword(salt=facts["new_salt"], derived=facts["new_derived"], vault=vault)


class BrowserField(serializers.CharField):
    """In the reader's language."""

    def to_representation(self, value: Any) -> str:
        return account_sessions.said(str(value))


class SessionNoteSerializer(serializers.Serializer[Any]):
    """One browser that is signed in; ``browser`` is such as "Firefox on Windows"."""

    id = serializers.UUIDField()
    browser = BrowserField()
    created_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField()
    is_this = serializers.BooleanField()


class SessionsSerializer(serializers.Serializer[Any]):
    sessions = SessionNoteSerializer(many=True)


class PayoutValueSerializer(serializers.Serializer[Any]):
    value = serializers.CharField(max_length=_PAYOUT_MAX)


class PayoutInputSerializer(PayoutValueSerializer, ProofSerializer):
    """A change needs the proof."""


class PayoutWarningSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    text = SaidField()


class PayoutPreviewSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    shown = serializers.CharField()
    first_addresses = serializers.ListField(child=serializers.CharField())
    warnings = PayoutWarningSerializer(many=True)
    floor_sat = serializers.IntegerField()


class RecoverySerializer(serializers.Serializer[Any]):
    seed = BytesField()
    payee = serializers.SerializerMethodField()
    max_fee_sat = serializers.IntegerField()

    @extend_schema_field(serializers.CharField())
    def get_payee(self, kit: Any) -> str:
        script: bytes = kit.payee_script
        return script.hex()


class GapSerializer(serializers.Serializer[Any]):
    """How an xpub stands: ``gap`` addresses in a row were handed out and not paid. While
    ``is_falling_back``, buyers get forwarders; ``advice`` is for Electron Cash's console.
    """

    gap = serializers.IntegerField()
    last_used = serializers.IntegerField(allow_null=True)
    next_index = serializers.IntegerField()
    unsure_at = serializers.DateTimeField(allow_null=True)
    is_falling_back = serializers.BooleanField()
    advice = serializers.CharField()


class WaitingPayoutSerializer(serializers.Serializer[Any]):
    """A change that was asked for; until ``due_at`` it can be stopped."""

    id = serializers.UUIDField()
    shown = serializers.CharField()
    asked_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()


class PayoutSerializer(serializers.Serializer[Any]):
    """The payout in force; before the first there is only ``suggested``."""

    id = serializers.UUIDField(required=False)
    kind = serializers.CharField(required=False)
    shown = serializers.CharField(required=False)
    network = serializers.CharField(required=False)
    floor_sat = serializers.IntegerField(required=False)
    recovery = RecoverySerializer(allow_null=True, required=False)
    recoveries = RecoverySerializer(many=True, required=False)
    gap = GapSerializer(allow_null=True, required=False)
    waiting_sat = serializers.IntegerField(required=False)
    in_flight_sat = serializers.IntegerField(required=False)
    forwarded_sat = serializers.IntegerField(required=False)
    stuck_sat = serializers.IntegerField(required=False)
    token_sat = serializers.IntegerField(required=False)
    suggested = serializers.CharField(allow_null=True)
    waiting = WaitingPayoutSerializer(required=False)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        # DRF writes a nullable field that is missing as null; here missing means that there is none.
        said: dict[str, Any] = super().to_representation(instance)
        return {name: value for name, value in said.items() if name in instance}


class FloorSerializer(serializers.Serializer[Any]):
    address = serializers.IntegerField()
    xpub = serializers.IntegerField()


class LimitsSerializer(serializers.Serializer[Any]):
    max_file_bytes = serializers.IntegerField()
    part_bytes_min = serializers.IntegerField()
    presign_batch = serializers.IntegerField()
    network = serializers.CharField()
    currencies = serializers.ListField(child=serializers.CharField())
    confirmations = serializers.ListField(child=serializers.IntegerField())
    floor_sat = FloorSerializer()
    signup = serializers.CharField()
    title_max = serializers.IntegerField()
    description_max = serializers.IntegerField()
