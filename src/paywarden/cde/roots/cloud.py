"""A root key at a cloud key service, in the HTTP form of AWS KMS.

    POST /   X-Amz-Target: TrentService.Encrypt | TrentService.Decrypt

Guards: name and context go as encryption context, which the service authenticates and logs; Decrypt
names the key, so that octets of another key are refused there; requests are signed (`sigv4`) and go
to the pinned service only. Credentials are a file of mode 0600: two or three lines, read at each
request. Source: AWS KMS API reference, Encrypt and Decrypt.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any, Final

import msgspec

from paywarden.cde.roots.pinned_https import PinnedService, post
from paywarden.cde.roots.sealing import checked_length, not_ours
from paywarden.cde.roots.sigv4 import Credentials, Signer
from paywarden.cde.roots.transit import read_private_text
from paywarden.core.clock import Clock
from paywarden.core.errors import Unavailable
from paywarden.core.secret import Secret

SEALED_LIMIT_OCTETS: Final = 6_144
_NOT_OURS: Final = frozenset(
    {"InvalidCiphertextException", "IncorrectKeyException", "ValidationException"}
)


class CloudRoot:
    """Seals at the service, under `key_id`."""

    kind = "cloud"

    def __init__(
        self, service: PinnedService, region: str, key_id: str, credentials: Path, clock: Clock
    ) -> None:
        self.name = key_id
        self._service, self._region, self._key_id = service, region, key_id
        self._credentials, self._clock = credentials, clock

    def seal(self, key: bytes, context: bytes) -> bytes:
        """`key` sealed. Errors: Unavailable `key_backend_gone`; ValueError for its length."""
        checked_length(key)
        asked = {"Plaintext": _text(key), **self._place(context)}
        sealed = self._octets(self._asked("Encrypt", asked), "CiphertextBlob")
        if not 0 < len(sealed) <= SEALED_LIMIT_OCTETS:
            raise _gone("it answered in another form")
        return sealed

    def unseal(self, sealed: bytes, context: bytes) -> Secret[bytes]:
        """The key. Errors: Unavailable `key_backend_gone`, Corrupt `key_file_corrupt`."""
        if not 0 < len(sealed) <= SEALED_LIMIT_OCTETS:
            raise not_ours()
        asked = {"CiphertextBlob": _text(sealed), **self._place(context)}
        key = self._octets(self._asked("Decrypt", asked), "Plaintext")
        try:
            checked_length(key)
        except ValueError:
            raise _gone("it answered in another form") from None
        return Secret(key)

    def _place(self, context: bytes) -> dict[str, Any]:
        return {
            "KeyId": self._key_id,
            "EncryptionContext": {"paywarden:context": _text(context)},
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        }

    def _asked(self, act: str, asked: dict[str, Any]) -> dict[str, Any]:
        body = msgspec.json.encode(asked)
        signer = Signer(_credentials(self._credentials), self._region, "kms")
        port = "" if self._service.port == 443 else f":{self._service.port}"
        headers = {
            "Host": f"{self._service.host}{port}",
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"TrentService.{act}",
        }
        signed = signer.headers("POST", "/", "", headers, body, self._clock.now_us())
        status, octets = post(self._service, "/", signed, body)
        try:
            answer = msgspec.json.decode(octets, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeError):
            raise _gone(f"it answered {status} in another form") from None
        kind = str(answer.get("__type", "")).rpartition("#")[2]
        if status == 400 and act == "Decrypt" and kind in _NOT_OURS:
            raise not_ours()
        if status != 200:
            raise _gone(f"it answered {status}")
        return answer

    def _octets(self, answer: dict[str, Any], name: str) -> bytes:
        try:
            return base64.b64decode(str(answer.get(name, "")), validate=True)
        except binascii.Error:
            raise _gone("it answered in another form") from None


def _credentials(path: Path) -> Credentials:
    lines = read_private_text(path, 8_192).expose().split()
    if len(lines) not in (2, 3):
        raise _gone(f"{path.name} holds an access key, a secret key and perhaps a session token")
    return Credentials(lines[0], Secret(lines[1]), Secret(lines[2]) if len(lines) == 3 else None)


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _gone(why: str) -> Unavailable:
    return Unavailable("key_backend_gone", f"the cloud key service does not serve: {why}")
