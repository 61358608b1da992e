"""OP_CHECKSIG and OP_CHECKDATASIG: encodings first, then the mathematics, then NULLFAIL."""

from devchain import keys, sighash
from devchain.encoding import sha256
from devchain.errors import ScriptFailed
from devchain.machine import Machine

NULLFAIL = "Signature must be zero for failed CHECK(MULTI)SIG operation"


def check_signature(machine: Machine) -> None:
    machine.need(2)
    key, signature = machine.pop(), machine.pop()
    if signature:
        _require_encoding(signature[:-1])
        if not sighash.is_defined(signature[-1]):
            _refuse_hash_type(signature[-1])
    _require_key(key)
    if not signature:
        machine.push(b"")
        return
    digest = machine.spend.digest(machine.index, machine.active_code, signature[-1])
    _finish(machine, key, signature[:-1], digest)


def check_data_signature(machine: Machine) -> None:
    machine.need(3)
    key, message, signature = machine.pop(), machine.pop(), machine.pop()
    if signature:
        _require_encoding(signature)
    _require_key(key)
    if not signature:
        machine.push(b"")
        return
    _finish(machine, key, signature, sha256(message))


def _finish(machine: Machine, key: bytes, signature: bytes, digest: bytes) -> None:
    machine.sigchecks += 1
    verify = keys.verify_schnorr if len(signature) == 64 else keys.verify_ecdsa
    if not verify(key, signature, digest):
        raise ScriptFailed(NULLFAIL)
    machine.push(b"\x01")


def _require_encoding(signature: bytes) -> None:
    if len(signature) == 64:
        return
    if not keys.is_strict_der(signature):
        raise ScriptFailed("Non-canonical DER signature")
    if not keys.is_low_s(signature):
        raise ScriptFailed("Non-canonical signature: S value is unnecessarily high")


def _require_key(key: bytes) -> None:
    if not keys.is_public_key(key):
        raise ScriptFailed("Public key is neither compressed or uncompressed")


def _refuse_hash_type(hash_type: int) -> None:
    if not hash_type & sighash.FORKID:
        raise ScriptFailed("Signature must use SIGHASH_FORKID")
    raise ScriptFailed("Signature hash type missing or not understood")
