"""Exact edges of keys, addresses, forwarders and headers that `make mutants` found nobody on."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from bitcash.base58 import b58decode_check, b58encode_check

from payments import addresses, covenants, headers, xpubs
from payments.covenants import Coin, Forwarder
from payments.errors import BadAddress, BadHeaders, BadProof, BadXpub, NotForwardable, SecretGiven
from payments.headers import RULES, Anchor, Header
from payments.states import Network
from payments.transactions import Outpoint, Transaction, TxInput, TxOutput
from tests.xpub import XPUB

HASH = bytes(range(20))
P2PKH = b"\x76\xa9\x14" + HASH + b"\x88\xac"
P2SH20 = b"\xa9\x14" + HASH + b"\x87"
P2SH32 = b"\xaa\x20" + bytes(32) + b"\x87"


def changed(at: int, new: bytes) -> str:
    raw = b58decode_check(XPUB)
    return str(b58encode_check(raw[:at] + new + raw[at + len(new) :]))


# --- extended keys ----------------------------------------------------------------------------


def test_the_figures_of_bip_32_and_44() -> None:
    assert (xpubs.HARDENED, xpubs.CHANGE, xpubs.MAX_DEPTH) == (0x8000_0000, 1, 3)


def test_the_last_child_that_is_not_hardened() -> None:
    last = xpubs.child(xpubs.parse(XPUB, Network.MAINNET), 0x7FFF_FFFF)
    assert (last.child_number, last.depth) == (0x7FFF_FFFF, 4)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_key_may_lie_three_deep(depth: int) -> None:
    assert xpubs.parse(changed(4, bytes([depth])), Network.MAINNET).depth == depth


@pytest.mark.parametrize(
    ("numbers", "is_good"),
    [
        (b"\0" + bytes(4) + bytes(4), True),
        (b"\0" + bytes(4) + bytes(3) + b"\1", False),
        (b"\0" + b"\1" + bytes(3) + bytes(4), False),
        (b"\4" + bytes(4) + bytes(4), False),
    ],
)
def test_a_master_key_has_no_parent_and_is_no_child(numbers: bytes, *, is_good: bool) -> None:
    text = changed(4, numbers)
    if is_good:
        assert xpubs.parse(text, Network.MAINNET).depth == 0
    else:
        with pytest.raises(BadXpub):
            xpubs.parse(text, Network.MAINNET)


@pytest.mark.parametrize("size", [77, 79])
def test_an_extended_key_has_78_bytes(size: int) -> None:
    text = str(b58encode_check((b58decode_check(XPUB) + b"\0")[:size]))
    with pytest.raises(BadXpub, match="not an extended public key"):
        xpubs.parse(text, Network.MAINNET)


# --- addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "network", "script"),
    [
        (0x00, Network.MAINNET, P2PKH),
        (0x05, Network.MAINNET, P2SH20),
        (0x6F, Network.CHIPNET, P2PKH),
        (0xC4, Network.REGTEST, P2SH20),
    ],
)
def test_the_four_versions_of_old_addresses(version: int, network: Network, script: bytes) -> None:
    found = addresses.parse(b58encode_check(bytes([version]) + HASH), network)
    assert (found.script, found.legacy) == (script, True)


@pytest.mark.parametrize("version", [0x01, 0x04, 0x06, 0x6E, 0x70, 0xC3, 0xC5, 0x7F, 0x81, 0xEE])
def test_other_versions_are_no_addresses(version: int) -> None:
    for body in (HASH, bytes(32), bytes(33)):
        with pytest.raises(BadAddress):
            addresses.parse(b58encode_check(bytes([version]) + body), Network.MAINNET)


@pytest.mark.parametrize("size", [19, 21, 31, 34, 35])
def test_old_addresses_and_keys_have_their_lengths(size: int) -> None:
    for version in (b"\x00", b"\x80", b"\xef"):
        with pytest.raises(BadAddress):
            addresses.parse(b58encode_check(version + bytes([7]) * size), Network.MAINNET)


@pytest.mark.parametrize("version", [b"\x80", b"\xef"])
@pytest.mark.parametrize("size", [32, 33])
def test_private_keys_of_both_lengths_are_known(version: bytes, size: int) -> None:
    with pytest.raises(SecretGiven):
        addresses.parse(b58encode_check(version + bytes([7]) * size), Network.MAINNET)


@pytest.mark.parametrize(
    "version", ["0488ade4", "04358394", "049d7878", "04b2430c", "044a4e28", "045f18bc"]
)
def test_every_extended_private_key_is_known_by_its_78_bytes(version: str) -> None:
    for fill in (b"\0", b"\xff"):
        whole = bytes.fromhex(version) + fill * 74
        with pytest.raises(SecretGiven):
            addresses.refuse_secrets(b58encode_check(whole))
        for other in (whole[:-1], whole + b"\0"):
            addresses.refuse_secrets(b58encode_check(other))


@pytest.mark.parametrize(("word", "is_one"), [("a", 0), ("ab", 1), ("a" * 12, 1), ("a" * 13, 0)])
def test_a_seed_word_has_two_to_twelve_letters(word: str, *, is_one: int) -> None:
    for count in (12, 15, 18, 21, 24):
        if is_one:
            with pytest.raises(SecretGiven):
                addresses.refuse_secrets(" ".join([word] * count))
        else:
            addresses.refuse_secrets(" ".join([word] * count))
        addresses.refuse_secrets(" ".join([word] * (count + 1)))
        addresses.refuse_secrets(" ".join([word] * (count - 1)))


@pytest.mark.parametrize("script", [P2PKH, P2SH20, P2SH32])
def test_each_byte_of_a_scripts_frame_matters(script: bytes) -> None:
    assert (
        addresses.parse(addresses.encode(script, Network.REGTEST), Network.REGTEST).script == script
    )
    frame = {0, 1, len(script) - 1} | ({2, len(script) - 2} if len(script) == 25 else set())
    for at in frame:
        other = bytearray(script)
        other[at] ^= 1
        with pytest.raises(BadAddress):
            addresses.encode(bytes(other), Network.REGTEST)
    for wrong in (script + b"\x87", script[:-1], script[:2] + script[3:]):
        with pytest.raises(BadAddress):
            addresses.encode(wrong, Network.REGTEST)


# --- forwarders -------------------------------------------------------------------------------


def forwarder(payee: bytes = P2PKH, fee_sat: int = 600, number: int = 0) -> Forwarder:
    return covenants.forwarder(bytes(32), number, payee_script=payee, max_fee_sat=fee_sat)


def spending(*pairs: tuple[bytes, bytes]) -> Transaction:
    """Inputs by their scripts, each with the output beside it."""
    return Transaction(
        version=2,
        inputs=tuple(
            TxInput(Outpoint("ab" * 32, at), unlocking, 0)
            for at, (unlocking, _) in enumerate(pairs)
        ),
        outputs=tuple(TxOutput(1_000, script) for _, script in pairs),
        locktime=0,
    )


def test_the_figures_of_forwarding() -> None:
    assert (covenants.MAX_FEE_SAT, covenants.SAT_PER_BYTE, covenants.MSAT_PER_BYTE) == (
        600,
        1,
        1000,
    )
    assert (covenants.RECOVERY_GAP, covenants.RECOVERY_JUMP) == (1_000, 10_000)
    assert (covenants.NONCE_BYTES, covenants.SEQUENCE_FINAL) == (16, 0xFFFF_FFFF)


@pytest.mark.parametrize(
    ("payee", "size", "dust_sat"), [(P2PKH, 142, 546), (P2SH20, 138, 540), (P2SH32, 162, 576)]
)
def test_the_least_coin_is_its_fee_and_what_is_relayed(
    payee: bytes, size: int, dust_sat: int
) -> None:
    held = forwarder(payee)
    least_sat = covenants.least_sat(held)
    assert least_sat == size + dust_sat
    assert covenants.least_sat(held, msat_per_byte=1_001) == size + 1 + dust_sat
    assert covenants.most_msat_per_byte(held) == 600_000 // size
    assert covenants.least_sat(held, msat_per_byte=4_000) == 4 * size + dust_sat

    coin = Coin(Outpoint("ab" * 32, 0), least_sat, held)
    made = covenants.forward([coin])
    assert (len(made.serialize()), made.outputs[0].value_sat) == (size, dust_sat)
    assert (made.version, made.locktime, made.inputs[0].sequence) == (2, 0, 0xFFFF_FFFF)
    with pytest.raises(NotForwardable, match="too little"):
        covenants.forward([replace(coin, value_sat=least_sat - 1)])


@pytest.mark.parametrize(("fee_sat", "is_let"), [(142, True), (141, False)])
def test_the_covenants_fee_is_its_limit(fee_sat: int, *, is_let: bool) -> None:
    coin = Coin(Outpoint("ab" * 32, 0), 10_000, forwarder(fee_sat=fee_sat))
    # 141 takes as many bytes in a script as 142 does.
    if is_let:
        assert covenants.forward([coin]).outputs[0].value_sat == 10_000 - 142
    else:
        with pytest.raises(NotForwardable, match="more than this address lets pass"):
            covenants.forward([coin])


def test_only_what_passes_coins_on_to_their_payee_is_a_forward() -> None:
    first, second = forwarder(), forwarder(P2SH32, number=1)
    good = spending((first.script_sig, P2PKH), (second.script_sig, P2SH32))
    covenants.check_shape(good)
    token = TxOutput(1_000, P2PKH, b"\xef" + bytes(33))
    for bad in (
        spending((first.script_sig, P2SH20)),
        spending((first.script_sig, P2SH32), (second.script_sig, P2PKH)),
        spending((first.script_sig, P2PKH), (b"\x51", P2PKH)),
        replace(good, outputs=good.outputs[:1]),
        replace(good, inputs=good.inputs[:1]),
        replace(spending((first.script_sig, P2PKH)), outputs=(token,)),
    ):
        with pytest.raises(NotForwardable):
            covenants.check_shape(bad)


@pytest.mark.parametrize("payee", [P2PKH, P2SH20, P2SH32])
@pytest.mark.parametrize("fee_sat", [1, 127, 128, 600, 32_767, 32_768])
def test_a_forwarder_is_read_back_from_what_spends_it(payee: bytes, fee_sat: int) -> None:
    held = forwarder(payee, fee_sat)
    assert covenants.from_script_sig(held.script_sig) == held
    for at in range(len(held.script_sig)):
        bent = bytearray(held.script_sig)
        bent[at] ^= 0x40
        found = covenants.from_script_sig(bytes(bent))
        assert found is None or found.script_sig == bytes(bent)


# --- headers ----------------------------------------------------------------------------------


def test_each_networks_figures_are_those_of_its_node() -> None:
    main, chip, reg = (RULES[each] for each in Network)
    assert (main.checkpoint_height, chip.checkpoint_height, reg.checkpoint_height) == (
        878_660,
        232_000,
        0,
    )
    assert main.anchor == Anchor(661_647, 0x1804DAFE, 1_605_447_844)
    assert chip.anchor == Anchor(16_844, 0x1D00FFFF, 1_605_451_779)
    assert reg.anchor is None
    assert (main.half_life_seconds, chip.half_life_seconds) == (172_800, 3_600)
    assert (main.easy_after_seconds, chip.easy_after_seconds) == (None, 1_200)
    assert (main.is_bounded, chip.is_bounded, reg.is_bounded) == (True, False, False)
    assert (main.limit_target, chip.limit_target) == (2**224 - 1, 2**224 - 1)
    assert reg.limit_target == 2**255 - 1
    assert (headers.BLOCK_SECONDS, headers.MEDIAN_SPAN) == (600, 11)
    assert headers.MAX_FUTURE_SECONDS == 7_200


def test_a_branch_may_have_thirty_two_levels_and_no_more() -> None:
    txid = "ab" * 32
    for levels, is_good in ((32, True), (33, False)):
        node = bytes.fromhex(txid)[::-1]
        branch = [bytes([level]) * 32 for level in range(levels)]
        for sibling in branch:
            node = hashlib.sha256(hashlib.sha256(node + sibling).digest()).digest()
        held = Header(bytes(32), node, 0, 0, bytes(32))
        if is_good:
            headers.check_merkle(txid, branch, 0, held)
        else:
            with pytest.raises(BadProof, match="outside"):
                headers.check_merkle(txid, branch, 0, held)


@pytest.mark.parametrize("position", [-1, 2, 3])
def test_a_position_lies_within_the_branchs_width(position: int) -> None:
    with pytest.raises(BadProof, match="outside"):
        headers.check_merkle(
            "ab" * 32, [bytes(32)], position, Header(bytes(32), bytes(32), 0, 0, bytes(32))
        )


def test_a_block_alone_proves_its_only_transaction() -> None:
    txid = "ab" * 32
    only = Header(bytes(32), bytes.fromhex(txid)[::-1], 0, 0, bytes(32))
    headers.check_merkle(txid, [], 0, only)
    with pytest.raises(BadProof):
        headers.check_merkle(txid, [], 1, only)


@pytest.mark.parametrize(
    ("bits", "target"),
    [
        (0x01010000, 1),
        (0x02008000, 0x80),
        (0x03000001, 1),
        (0x04000001, 0x100),
        (0x207FFFFF, 0x7FFFFF << 232),
        (0x2100FFFF, 0xFFFF << 240),
    ],
)
def test_the_compact_form_both_ways(bits: int, target: int) -> None:
    assert headers.target_of(bits) == target
    assert headers.target_of(headers.compact_of(target)) == target
    assert headers.work_of(bits) == 2**256 // (target + 1)


@pytest.mark.parametrize("bits", [0, 0x01000000, 0x03800001, 0x2101FFFF, 0x22010000, 0x00FFFFFF])
def test_nothing_negative_and_nothing_too_great_is_a_difficulty(bits: int) -> None:
    with pytest.raises(BadHeaders):
        headers.target_of(bits)


def test_the_median_of_those_before_is_a_blocks_least_age() -> None:
    rules = RULES[Network.REGTEST]
    prev = Header(bytes(32), bytes(32), 100, 0x207FFFFF, bytes(32))
    times = [5, 1, 9, 3, 7, 11, 2, 8, 4, 10, 6]

    def is_good(at: int, before: list[int], height: int) -> bool:
        made = Header(bytes(32), bytes(32), at, 0x207FFFFF, bytes(32))
        try:
            headers.check(made, height=height, prev=prev, times=before, rules=rules)
        except BadHeaders:
            return False
        return True

    assert [is_good(at, times, 50) for at in (5, 6, 7)] == [False, False, True]
    assert [is_good(at, [99, *times], 50) for at in (6, 7)] == [False, True]
    assert is_good(0, times[:10], 50)  # too few are known to tell
    assert [is_good(at, [4, 5], 2) for at in (4, 5, 6)] == [False, False, True]
    assert is_good(0, [4, 5], 3)
