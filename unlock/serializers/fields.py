"""Fields that several calls share: bytes as base64url without padding, hex names, prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from payments import amounts
from payments.errors import ServiceError
from unlock import container, speech

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import StrEnum

    from payments.amounts import Price


class BytesField(serializers.CharField):
    """bytes ↔ base64url without padding, of an exact length where one is given."""

    def __init__(self, *, length: int | None = None, **rest: Any) -> None:
        self._length = length
        super().__init__(**rest)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        value = super().run_validation(data)
        return b"" if value == "" else value  # blank text, where it is allowed, is no bytes

    def to_internal_value(self, data: Any) -> Any:
        try:
            return container.decode_b64url(super().to_internal_value(data), self._length)
        except ValueError as error:
            if self._length is None:
                raise serializers.ValidationError(speech.say("Not base64url.")) from error
            said = speech.say("Not base64url of {length} bytes.", length=self._length)
            raise serializers.ValidationError(said) from error

    def to_representation(self, value: Any) -> str:
        return container.encode_b64url(bytes(value))


class HexField(serializers.RegexField):
    """The lower-case hex of a SHA-256."""

    def __init__(self, **rest: Any) -> None:
        super().__init__(r"\A[0-9a-f]{64}\Z", **rest)


class WordField(serializers.ChoiceField):
    """One word of an enum. The schema lists the words as a pattern, in place: several enums are
    called ``state`` here, and a component each would need names that nobody uses.
    """

    def __init__(self, words: Iterable[StrEnum], **rest: Any) -> None:
        super().__init__(choices=[word.value for word in words], **rest)


class WordFieldSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = "unlock.serializers.fields.WordField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        del auto_schema, direction
        return {"type": "string", "pattern": f"^({'|'.join(self.target.choices)})$"}


class SaidField(serializers.CharField):
    """A text of the catalogues, in the reader's language; any other as it is."""

    def to_representation(self, value: Any) -> str:
        return speech.say(str(value))


@extend_schema_field(
    {
        "type": "object",
        "properties": {"amount": {"type": "string"}, "currency": {"type": "string"}},
        "required": ["amount", "currency"],
    }
)
class PriceField(serializers.Field["Price", Any, Any, Any]):
    """``{"amount": "2.00", "currency": "EUR"}`` ↔ Price; the amount is a string, never a float."""

    def to_internal_value(self, data: Any) -> Price:
        if not isinstance(data, dict) or set(data) != {"amount", "currency"}:
            raise serializers.ValidationError(
                speech.say("Must be an object with amount and currency.")
            )
        if not all(isinstance(value, str) and len(value) <= 30 for value in data.values()):
            raise serializers.ValidationError(
                speech.say("Amount and currency must be short strings.")
            )
        try:
            return amounts.parse_price(data["amount"], data["currency"])
        except ServiceError as error:
            raise serializers.ValidationError(speech.tell(error.words)) from error

    def to_representation(self, value: Price) -> dict[str, str]:
        return {"amount": str(value).partition(" ")[0], "currency": value.currency}
