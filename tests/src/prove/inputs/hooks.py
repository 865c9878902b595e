"""What lets schemathesis in: the session of a technician or of a page, or a device's signature (RFC 9421).

The last step before a request leaves, so that it signs the very bytes that are sent.
"""

import base64
import hashlib
import json
import os
import secrets
import time
from urllib.parse import urlsplit

import requests
import schemathesis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KNOWN = json.loads(os.environ["DESKBELL_PROOF"])


class Admitted(requests.auth.AuthBase):
    def __init__(self):
        self.key = Ed25519PrivateKey.from_private_bytes(bytes([KNOWN["device"]] * 32))
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = base64.urlsafe_b64encode(public).rstrip(b"=").decode()

    def __call__(self, request):
        path = urlsplit(request.url).path
        if path.startswith("/api/agent/"):
            self.sign(request)
        for place in ("console", "portal"):
            if path.startswith(f"/api/{place}/"):
                request.headers.setdefault("cookie", KNOWN[place]["cookie"])
                request.headers.setdefault("x-csrf-token", KNOWN[place]["csrf"])
        return request

    def sign(self, request):
        url = urlsplit(request.url)
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        covered = '"@method" "@path" "@query" "deskbell-server-id"'
        base = f'"@method": {request.method}\n"@path": {url.path}\n"@query": ?{url.query}\n'
        base += f'"deskbell-server-id": {KNOWN["server"]}\n'
        request.headers["deskbell-server-id"] = KNOWN["server"]
        if body:
            digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
            content_type = request.headers.setdefault("content-type", "application/octet-stream")
            content_type = content_type.decode() if isinstance(content_type, bytes) else content_type
            request.headers["content-digest"] = digest
            base += f'"content-digest": {digest}\n"content-type": {content_type}\n'
            covered += ' "content-digest" "content-type"'
        params = f'({covered});created={int(time.time())};nonce="{secrets.token_urlsafe(16)}"'
        params += f';keyid="{self.key_id}";alg="ed25519";tag="deskbell"'
        base += f'"@signature-params": {params}'
        signature = base64.b64encode(self.key.sign(base.encode("latin-1"))).decode()
        request.headers["signature-input"] = f"deskbell={params}"
        request.headers["signature"] = f"deskbell=:{signature}:"


if KNOWN["admitted"]:
    schemathesis.auth.set_from_requests(Admitted())


@schemathesis.hook
def after_call(context, case, response):
    """Whom a signature or a session let in: without such answers the run tried the gate alone."""
    if 200 <= response.status_code < 300:
        # One call each, as there are several threads.
        with open("let_in", "ab", buffering=0) as file:
            file.write(f"{case.operation.label}\n".encode())
