"""A root key inside a hardware security module, reached through a process of its own.

    sealed = version 1 | nonce 12 | ciphertext and tag (AES-256-GCM in the module)

Guards: one request at a time, each within `timeout_seconds`; a child that stalls is killed; a child
that dies fails the request with Unavailable `key_backend_gone` and is started afresh by the next
one, with everything checked again; after three deaths in a row nothing is started any more. What
the module may and may not do with its key stands in `pkcs11_child`.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Final

import msgspec

from paywarden.cde.frame_format import HEADER_OCTETS
from paywarden.cde.primitives import NONCE_OCTETS, bound
from paywarden.cde.roots.pkcs11_wire import ANSWER_LIMIT_OCTETS, Answer, Ask, Open, Seal, Unseal
from paywarden.cde.roots.sealing import SCHEMA, checked_length, not_ours
from paywarden.core.clock import Randomness
from paywarden.core.errors import Unavailable
from paywarden.core.secret import Secret

DEATHS_LIMIT: Final = 3
TIMEOUT_SECONDS: Final = 10.0
_VERSION: Final = b"\x01"
_CHILD: Final = "paywarden.cde.roots.pkcs11_child"
_PASSED_ON: Final = ("PATH", "PYTHONPATH", "SOFTHSM2_CONF", "LD_LIBRARY_PATH", "HOME")


@dataclass(frozen=True, slots=True)
class ModuleKey:
    """Where the key is: path of the module, labels of token and key; the user's PIN."""

    module: str
    token: str
    label: str
    pin: Secret[str]
    create: bool = False


class Pkcs11Root:
    """Seals in the module. Close it when done."""

    kind = "pkcs11"

    def __init__(
        self, key: ModuleKey, randomness: Randomness, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self.name = f"{key.token}/{key.label}"
        self._key, self._randomness = key, randomness
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._deaths = 0

    @property
    def pid(self) -> int | None:
        """The child's process id, None when there is none."""
        return self._child.pid if self._child else None

    def seal(self, key: bytes, context: bytes) -> bytes:
        """`key` sealed. Errors: Unavailable `key_backend_gone`; ValueError for its length."""
        checked_length(key)
        nonce = self._randomness.octets(NONCE_OCTETS)
        return _VERSION + nonce + self._asked(Seal(key, nonce, self._bound(context)))

    def unseal(self, sealed: bytes, context: bytes) -> Secret[bytes]:
        """The key. Errors: Unavailable `key_backend_gone`, Corrupt `key_file_corrupt`."""
        head = 1 + NONCE_OCTETS
        if sealed[:1] != _VERSION or not head + 32 <= len(sealed) <= head + 80:
            raise not_ours()
        return Secret(self._asked(Unseal(sealed[head:], sealed[1:head], self._bound(context))))

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    def _bound(self, context: bytes) -> bytes:
        return bound(SCHEMA, self.name.encode(), context)

    def _asked(self, ask: Ask) -> bytes:
        with self._lock:
            if self._child is None:
                self._start()
            answer = self._exchange(ask)
        self._deaths = 0
        if answer.fault == "not_authentic":
            raise not_ours()
        if answer.fault:
            raise _gone(answer.fault)
        return answer.octets

    def _start(self) -> None:
        if self._deaths >= DEATHS_LIMIT:
            raise _gone("the module died too often; restart the key agent")
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        self._child = subprocess.Popen(  # noqa: S603 - our own module, fixed words
            [sys.executable, "-m", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=passed_on,
        )
        one = self._key
        opened = self._exchange(
            Open(one.module, one.token, one.label, one.pin.expose(), one.create)
        )
        if opened.fault:
            self._end()
            raise _gone(opened.fault)

    def _exchange(self, ask: Ask) -> Answer:
        child = self._child
        assert child is not None and child.stdin is not None and child.stdout is not None
        body = msgspec.msgpack.encode(ask)
        deadline = time.monotonic() + self._timeout_seconds
        try:
            child.stdin.write(len(body).to_bytes(HEADER_OCTETS, "big") + body)
            child.stdin.flush()
            length = int.from_bytes(_read(child, HEADER_OCTETS, deadline), "big")
            if length > ANSWER_LIMIT_OCTETS:
                raise OSError("an answer over its limit")
            return msgspec.msgpack.decode(_read(child, length, deadline), type=Answer)
        except (OSError, msgspec.DecodeError):
            self._deaths += 1
            self._end()
            raise _gone("the process of the module died or stalled") from None

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass  # what was left to write has nobody to read it


def _read(child: subprocess.Popen[bytes], count: int, deadline: float) -> bytes:
    assert child.stdout is not None
    handle, octets = child.stdout.fileno(), b""
    while len(octets) < count:
        ready, _, _ = select.select([handle], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(handle, count - len(octets)) if ready else b""
        if not part:
            raise OSError("no answer")
        octets += part
    return octets


def _gone(why: str) -> Unavailable:
    return Unavailable("key_backend_gone", f"the hardware root does not serve: {why}")
