"""CashTokens: what leaves a transaction must have entered it, or be created by it (CHIP-2022-02)."""

from collections import Counter
from collections.abc import Sequence

from devchain.errors import Refused
from devchain.transaction import MAX_TOKEN_AMOUNT, Output, Token, Transaction


def check(transaction: Transaction, coins: Sequence[Output]) -> None:
    """Raises Refused. An input that spends output 0 allows one new category: its transaction id."""
    created = {each.txid for each in transaction.inputs if each.index == 0}
    inputs = [coin.token for coin in coins if coin.token is not None]
    outputs = [output.token for output in transaction.outputs if output.token is not None]
    for category in {token.category for token in outputs}:
        gone_in = [token for token in inputs if token.category == category]
        come_out = [token for token in outputs if token.category == category]
        amount = sum(token.amount for token in come_out)
        if category in created:
            if amount > MAX_TOKEN_AMOUNT:
                raise Refused("bad-txns-token-amount-overflow")
            continue
        if not gone_in:
            raise Refused("bad-txns-token-invalid-category")
        if amount > sum(token.amount for token in gone_in):
            raise Refused("bad-txns-token-in-belowout")
        _check_nfts(gone_in, come_out)


def _check_nfts(gone_in: list[Token], come_out: list[Token]) -> None:
    kinds = Counter(token.capability for token in gone_in)
    if kinds["minting"]:
        return
    if any(token.capability == "minting" for token in come_out):
        raise Refused("bad-txns-token-nft-ex-nihilo")
    fixed = Counter(token.commitment for token in gone_in if token.capability == "none")
    wanted = Counter(token.commitment for token in come_out if token.capability == "none")
    mutable = sum(token.capability == "mutable" for token in come_out)
    # A mutable token may leave as it is or as any immutable one; immutable ones never change.
    if (wanted - fixed).total() + mutable > kinds["mutable"]:
        raise Refused("bad-txns-token-nft-ex-nihilo")
