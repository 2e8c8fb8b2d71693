"""Doubles of key services over TLS that check the protocol as strictly as the real ones."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
import os
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

from paywarden.cde.roots.pinned_https import PinnedService, pin_of

Answer = tuple[int, dict[str, Any]]


@dataclass
class Double:
    """A running double; `answer` makes each answer, `seen` holds what was asked."""

    answer: Callable[[str, dict[str, str], bytes], Answer]
    service: PinnedService
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def running(
    folder: Path, answer: Callable[[str, dict[str, str], bytes], Answer]
) -> Iterator[Double]:
    """A double at 127.0.0.1 with a certificate of its own."""
    certificate = _certificate(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler())
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    pins = frozenset({pin_of(certificate), bytes(32)})
    service = PinnedService("localhost", server.server_port, folder / "ca.pem", pins, 2.0)
    server.double = double = Double(answer, service)  # type: ignore[attr-defined]
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler() -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            double: Double = self.server.double  # type: ignore[attr-defined]
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            double.seen.append((self.path, headers, body))
            status, document = double.answer(self.path, headers, body)
            octets = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_: object) -> None:
            return

    return Handler


def _certificate(folder: Path) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "server.pem").write_bytes(private + pem)
    (folder / "ca.pem").write_bytes(pem)
    return made.public_bytes(serialization.Encoding.DER)


class Transit:
    """Encrypt and decrypt of a transit engine; every departure from its API is a 4xx."""

    TOKEN = "hvs.correct-token"

    def __init__(self) -> None:
        self.key = AESGCM(os.urandom(32))

    def __call__(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if headers.get("x-vault-token") != self.TOKEN:
            return 403, {"errors": ["permission denied"]}
        if headers.get("x-vault-request") != "true":
            return 400, {"errors": ["missing X-Vault-Request"]}
        match = re.fullmatch(r"/v1/transit/(encrypt|decrypt)/cards-root", path)
        if match is None:
            return 404, {"errors": []}
        asked = json.loads(body)
        associated = base64.b64decode(asked["associated_data"], validate=True)
        if match[1] == "encrypt":
            assert asked.keys() == {"plaintext", "associated_data"}
            nonce = os.urandom(12)
            plaintext = base64.b64decode(asked["plaintext"], validate=True)
            sealed = nonce + self.key.encrypt(nonce, plaintext, associated)
            text = "vault:v1:" + base64.b64encode(sealed).decode()
            return 200, {"data": {"ciphertext": text, "key_version": 1}}
        assert asked.keys() == {"ciphertext", "associated_data"}
        try:
            sealed = base64.b64decode(asked["ciphertext"].removeprefix("vault:v1:"), validate=True)
            plaintext = self.key.decrypt(sealed[:12], sealed[12:], associated)
        except (InvalidTag, ValueError):
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": base64.b64encode(plaintext).decode()}}


class Kms:
    """Encrypt and Decrypt of a key service; signatures are recomputed by code of its own."""

    ACCESS, SECRET, SESSION = (
        "AKIDEXAMPLE",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "session/x==",
    )

    def __init__(self) -> None:
        self.key = AESGCM(os.urandom(32))

    def __call__(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        fault = self.signature_fault(path, headers, body)
        if fault:
            return 400, {"__type": "InvalidSignatureException", "message": fault}
        assert headers["content-type"] == "application/x-amz-json-1.1"
        asked = json.loads(body)
        context = json.dumps(asked["EncryptionContext"], sort_keys=True).encode()
        assert asked["KeyId"] == "alias/cards-root"
        if headers["x-amz-target"] == "TrentService.Encrypt":
            nonce = os.urandom(12)
            plaintext = base64.b64decode(asked["Plaintext"], validate=True)
            sealed = nonce + self.key.encrypt(nonce, plaintext, context)
            return 200, {"CiphertextBlob": base64.b64encode(sealed).decode(), "KeyId": "arn:x"}
        assert headers["x-amz-target"] == "TrentService.Decrypt"
        sealed = base64.b64decode(asked["CiphertextBlob"], validate=True)
        try:
            plaintext = self.key.decrypt(sealed[:12], sealed[12:], context)
        except (InvalidTag, ValueError):
            return 400, {"__type": "com.amazonaws.kms#InvalidCiphertextException"}
        return 200, {"Plaintext": base64.b64encode(plaintext).decode(), "KeyId": "arn:x"}

    def signature_fault(self, path: str, headers: dict[str, str], body: bytes) -> str:
        match = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/kms/aws4_request, "
            r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})",
            headers.get("authorization", ""),
        )
        if match is None:
            return "the Authorization header has another form"
        access, date, region, names, given = match.groups()
        signed = names.split(";")
        needed = {"host", "x-amz-date", "x-amz-target", "content-type", "x-amz-security-token"}
        if access != self.ACCESS or not needed <= set(signed) or signed != sorted(signed):
            return "access key or signed headers"
        if headers["x-amz-security-token"] != self.SESSION:
            return "session token"
        if headers["x-amz-date"][:8] != date or region != "eu-central-1":
            return "scope"
        canonical = f"POST\n{path}\n\n"
        for name in signed:
            canonical += f"{name}:{headers[name].strip()}\n"
        canonical += f"\n{names}\n{hashlib.sha256(body).hexdigest()}"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        scope = f"{date}/{region}/kms/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{digest}"
        key = ("AWS4" + self.SECRET).encode()
        for part in (date, region, "kms", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        right = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        return "" if hmac.compare_digest(right, given) else "the signature does not match"
