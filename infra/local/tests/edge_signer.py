"""Signs URLs for CloudFront with botocore's signer over Python's cryptography, and makes key pairs. It reads a list of what
is asked for from standard input and prints what comes of it, both as JSON.

    {"pair": "ecdsa" or "rsa"}
    {"url", "key", "keyId", "until", "custom"?: {"resource"?, "from"?, "address"?}, "hash"?: "SHA1"}
"""

import datetime
import json
import sys

from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa


def pair(kind):
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "ecdsa" else rsa.generate_private_key(65537, 2048)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"privateKey": private.decode(), "publicKey": public.decode()}


def moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def signed(asked):
    key = serialization.load_pem_private_key(asked["key"].encode(), None)
    digest = {"SHA1": hashes.SHA1, "SHA256": hashes.SHA256}[asked.get("hash", "SHA256")]()

    def sign(message):
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(message, padding.PKCS1v15(), digest)
        return key.sign(message, ec.ECDSA(digest))

    signer, until = CloudFrontSigner(asked["keyId"], sign), moment(asked["until"])
    if "custom" in asked:
        custom = asked["custom"]
        begin = moment(custom["from"]) if "from" in custom else None
        resource = custom.get("resource", asked["url"])
        policy = signer.build_policy(resource, until, begin, custom.get("address"))
        url = signer.generate_presigned_url(asked["url"], policy=policy)
    else:
        url = signer.generate_presigned_url(asked["url"], date_less_than=until)
    # Not said, it is SHA-1.
    return url + ("" if asked.get("hash") == "SHA1" else "&Hash-Algorithm=SHA256")


json.dump([pair(asked["pair"]) if "pair" in asked else signed(asked) for asked in json.load(sys.stdin)], sys.stdout)
