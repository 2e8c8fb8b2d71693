"""A root key at a transit service, in the HTTP form that OpenBao and Vault share.

    POST /v1/<mount>/encrypt/<key>  {"plaintext": b64, "associated_data": b64}
    POST /v1/<mount>/decrypt/<key>  {"ciphertext": "vault:v1:...", "associated_data": b64}

Guards: the context goes as associated data, so that the service itself refuses a key sealed for
another place; the token is read from a file of mode 0600 at each request (so it may be renewed
there) and sent to the pinned service only. Not done here: making or rotating the key there, which
is the service's work. Source: OpenBao API documentation, "Transit secrets engine".
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from pathlib import Path
from typing import Final

import msgspec

from paywarden.cde.roots.pinned_https import PinnedService, post
from paywarden.cde.roots.sealing import checked_length, not_ours
from paywarden.core.errors import InvalidRequest, Unavailable
from paywarden.core.secret import Secret

TOKEN_LIMIT_OCTETS: Final = 4_096
CIPHERTEXT_LIMIT: Final = 4_096
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_CIPHERTEXT: Final = re.compile(r"(vault|bao):v[1-9][0-9]{0,8}:[A-Za-z0-9+/=]+")


class _Held(msgspec.Struct):
    ciphertext: str = ""
    plaintext: str = ""


class _Answer(msgspec.Struct):
    data: _Held


class TransitRoot:
    """Seals at the service, under `key` of `mount`."""

    kind = "transit"

    def __init__(
        self, service: PinnedService, key: str, token_file: Path, *, mount: str = "transit"
    ) -> None:
        if not (_NAME.fullmatch(key) and _NAME.fullmatch(mount)):
            raise InvalidRequest("root_settings", "mount and key of a transit root are plain names")
        self.name = f"{service.host}/{mount}/{key}"
        self._service, self._token_file, self._key, self._mount = service, token_file, key, mount

    def seal(self, key: bytes, context: bytes) -> bytes:
        """`key` sealed. Errors: Unavailable `key_backend_gone`; ValueError for its length."""
        checked_length(key)
        asked = {"plaintext": _text(key), "associated_data": _text(context)}
        found = self._asked("encrypt", asked).ciphertext
        if not _CIPHERTEXT.fullmatch(found) or len(found) > CIPHERTEXT_LIMIT:
            raise _gone("it answered in another form")
        return found.encode()

    def unseal(self, sealed: bytes, context: bytes) -> Secret[bytes]:
        """The key. Errors: Unavailable `key_backend_gone`, Corrupt `key_file_corrupt`."""
        text = sealed.decode("ascii", "replace")
        if not _CIPHERTEXT.fullmatch(text) or len(text) > CIPHERTEXT_LIMIT:
            raise not_ours()
        asked = {"ciphertext": text, "associated_data": _text(context)}
        try:
            key = base64.b64decode(self._asked("decrypt", asked).plaintext, validate=True)
            checked_length(key)
        except (binascii.Error, ValueError):
            raise _gone("it answered in another form") from None
        return Secret(key)

    def _asked(self, act: str, asked: dict[str, str]) -> _Held:
        headers = {
            "X-Vault-Token": _token(self._token_file).expose(),
            "X-Vault-Request": "true",
            "Content-Type": "application/json",
        }
        path = f"/v1/{self._mount}/{act}/{self._key}"
        status, body = post(self._service, path, headers, msgspec.json.encode(asked))
        if status == 400 and act == "decrypt":
            raise not_ours()
        if status != 200:
            raise _gone(f"it answered {status}")
        try:
            return msgspec.json.decode(body, type=_Answer).data
        except (msgspec.DecodeError, UnicodeError):
            raise _gone("it answered in another form") from None


def read_private_text(path: Path, limit_octets: int = TOKEN_LIMIT_OCTETS) -> Secret[str]:
    """A secret text in a file of mode 0600. Errors: Unavailable `key_backend_gone`."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        raise _gone(f"{path.name} cannot be read") from None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077:
            raise _gone(f"{path.name} is refused: its mode must be 0600")
        octets = os.read(handle, limit_octets + 1)
    finally:
        os.close(handle)
    if not octets.isascii() or len(octets) > limit_octets:
        raise _gone(f"{path.name} holds something else")
    return Secret(octets.decode().strip())


def _token(path: Path) -> Secret[str]:
    token = read_private_text(path)
    if not re.fullmatch(r"[!-~]{8,}", token.expose()):
        raise _gone(f"{path.name} holds no token")
    return token


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _gone(why: str) -> Unavailable:
    return Unavailable("key_backend_gone", f"the transit service does not serve: {why}")
