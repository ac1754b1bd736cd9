"""Makes key pairs and verifies CloudFront signed URLs with the Python package cryptography, which shares no code with
what is tested.

    keys.py make ecdsa|rsa|rsa4096        prints {"private": PEM, "public": PEM}
    keys.py verify < {"public": PEM, "urls": [...], "now": seconds}        prints a list: true, or why not
"""

import base64
import json
import sys
import urllib.parse

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa


def make(kind):
    if kind == "ecdsa":
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(65537, 4096 if kind == "rsa4096" else 2048)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"private": private.decode(), "public": public.decode()}


def decode(text):
    return base64.b64decode(text.translate(str.maketrans("-_~", "+=/")), validate=True)


def verdict(key, url, now):
    parts = urllib.parse.urlsplit(url)
    own = {"Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"}
    pairs = [pair.split("=", 1) for pair in parts.query.split("&")]
    signing = {name: value for name, value in pairs if name in own}
    rest = "&".join("=".join(pair) for pair in pairs if pair[0] not in own)
    resource = urllib.parse.urlunsplit((parts.scheme, parts.netloc, parts.path, rest, ""))
    if signing.get("Hash-Algorithm") != "SHA256":
        return "hash algorithm"
    if "Policy" in signing:
        statement = decode(signing["Policy"])
    else:
        condition = {"DateLessThan": {"AWS:EpochTime": int(signing["Expires"])}}
        policy = {"Statement": [{"Resource": resource, "Condition": condition}]}
        statement = json.dumps(policy, separators=(",", ":")).encode()
    signature = decode(signing["Signature"])
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, statement, ec.ECDSA(hashes.SHA256()))
        else:
            key.verify(signature, statement, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return "signature"
    (only,) = json.loads(statement)["Statement"]
    if only["Resource"] != resource:
        return "resource"
    if now >= only["Condition"]["DateLessThan"]["AWS:EpochTime"]:
        return "expired"
    return True


if sys.argv[1] == "make":
    print(json.dumps(make(sys.argv[2])))
else:
    asked = json.load(sys.stdin)
    public = serialization.load_pem_public_key(asked["public"].encode())
    print(json.dumps([verdict(public, url, asked["now"]) for url in asked["urls"]]))
