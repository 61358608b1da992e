"""Buys and opens one file; whoever wrote it has read docs/api.md and nothing else. LINK OUT PAY"""

# ruff: noqa: E401, E701, I001, PTH123
# fmt: off
import base64, hashlib, hmac, json, os, struct, subprocess, sys, time, uuid
from typing import Any
from urllib.request import Request, urlopen
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

def b64(raw: bytes) -> str: return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
def raw(text: str) -> bytes: return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
def hkdf(key: bytes, info: bytes) -> bytes: return HKDF(SHA256(), 32, fid, info).derive(key)
def floe(key: bytes, what: bytes, n: int) -> bytes: return hmac.digest(key, b"\0\0" + struct.pack(">II", SEG, 32) + core[64:96] + what + b"KIM1" + core[:64] + b"\1", "sha384")[:n]
def call(path: str, body: object = None) -> Any: return json.load(urlopen(Request(f"{base}/api/v1/{path}/", body if body is None else json.dumps(body).encode(), {"Content-Type": "application/json", "Authorization": f"Claim {b64(claim)}"})))

(page, link), out, pay, SEG = sys.argv[1].split("#1."), sys.argv[2], sys.argv[3], 2**18
(base, file), claim, key = page.split("/f/"), os.urandom(32), ec.generate_private_key(ec.SECP256R1())
bought = call(f"files/{file}/purchases", {"buyer_key": b64(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))})
purchase, offer = f"purchases/{bought['id']}", bought["file"]
subprocess.run([*pay.split(), bought["invoice"]["uri"]], check=True)
while call(purchase)["release"] == "none": time.sleep(1)
while "sealed" not in (release := call(f"{purchase}/release", {})): time.sleep(1)
bound = b"KIM1 release" + uuid.UUID(file).bytes + uuid.UUID(bought["id"]).bytes + bytes.fromhex(offer["content_id"])
S = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM).decrypt(raw(release["sealed"]), key, info=bound)
sealed = urlopen(call(f"{purchase}/location", {})["urls"][0]["url"]).read()
core, (size, count, fid) = sealed[:128], struct.unpack_from(">QQ16s", sealed, 16)
assert hashlib.sha256(S).hexdigest() == offer["h_s"]
assert hashlib.sha256(b"KIM1 cid" + core + sealed[-48:-16]).hexdigest() == offer["content_id"]
W = raw(release["wrapped_key"])
M = AESGCM(hkdf(S + raw(link), b"KIM1 kek" + core[96:128])).decrypt(W[:12], W[12:], b"KIM1 wrap" + core)
assert floe(hkdf(M, b"KIM1 content"), b"HEADER_TAG:", 32) == core[96:128]
MK, end = floe(hkdf(M, b"KIM1 content"), b"MESSAGE_KEY:", 48), SEG + size + 32 * count
with open(out, "wb") as opened:
    for i in range(count):
        stored = sealed[SEG * (i + 1) : min(SEG * (i + 2), end)]
        opened.write(AESGCM(floe(MK, b"DEK:" + struct.pack(">Q", i), 32)).decrypt(stored[4:16], stored[16:], struct.pack(">QB", i, i == count - 1)))
