"""Which outputs count towards a payment, and how deep they lie. Pure, as ``payments.settlement``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from payments.states import OutputChain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from payments.facts import InvoiceFacts, OutputFacts, View

COVENANT_FLOOR_SAT: Final = 1_500  # below it, a forwarder's output cannot be forwarded
RELAY_FLOOR_SAT: Final = 546  # below it, no wallet can send to a plain address
COINBASE_DEPTH: Final = 100


@dataclass(frozen=True, slots=True)
class Money:
    """The outputs sorted out: ``good`` may count, ``deep`` are those of them proved and buried.

    ``depths`` pairs each proved good output's depth with its value, deepest first.
    """

    outputs: tuple[OutputFacts, ...]
    good: tuple[OutputFacts, ...]
    deep: tuple[OutputFacts, ...]
    depths: tuple[tuple[int, int], ...]
    tip_height: int

    @classmethod
    def count(cls, invoice: InvoiceFacts, outputs: Iterable[OutputFacts], view: View) -> Money:
        ours = tuple({o.outpoint: o for o in outputs if not o.own_forward}.values())
        good = tuple(o for o in ours if _is_good(o, invoice, view))
        proved = [(_depth(o, view), o) for o in good if o.spv_ok and _depth(o, view) > 0]
        return cls(
            outputs=ours,
            good=good,
            deep=tuple(o for depth, o in proved if depth >= invoice.confirmations),
            depths=tuple(sorted(((d, o.value_sat) for d, o in proved), reverse=True)),
            tip_height=view.tip_height,
        )

    @property
    def seen_sat(self) -> int:
        return total(self.good)

    @property
    def confirmed_sat(self) -> int:
        return total(self.deep)

    def seen_by(self, moment: datetime) -> int:
        return total(o for o in self.good if o.first_seen_at <= moment)

    def depth_of(self, need_sat: int | None) -> int:
        """The depth at which ``need_sat`` lies proved; 0 when it does not."""
        total_sat = 0
        for depth, value_sat in self.depths if need_sat is not None else ():
            total_sat += value_sat
            if total_sat >= (need_sat or 0):
                return depth
        return 0


def _is_good(output: OutputFacts, invoice: InvoiceFacts, view: View) -> bool:
    return (
        output.chain in {OutputChain.MEMPOOL, OutputChain.BLOCK}
        and not output.has_token
        and not is_dust(output, invoice)
        and not is_immature(output, view)
    )


def is_dust(output: OutputFacts, invoice: InvoiceFacts) -> bool:
    return invoice.covenant and output.value_sat < COVENANT_FLOOR_SAT


def is_immature(output: OutputFacts, view: View) -> bool:
    return output.is_coinbase and _depth(output, view) < COINBASE_DEPTH


def _depth(output: OutputFacts, view: View) -> int:
    """1 in the tip's block; 0 in the mempool, or in a block our chain has not reached."""
    if output.chain is not OutputChain.BLOCK or output.height is None:
        return 0
    return max(0, view.tip_height - output.height + 1)


def total(outputs: Iterable[OutputFacts]) -> int:
    return sum(output.value_sat for output in outputs)
