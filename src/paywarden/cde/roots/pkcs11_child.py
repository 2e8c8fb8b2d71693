"""The process that loads a PKCS#11 module: one thread, one session, frames on its standard pipes.

Guards: modules crash (SoftHSM 2.6.1 aborts when two threads use it), so the module lives here and
nobody else falls with it. It never forks after C_Initialize. The key has to be an AES-256 key that
the module calls SENSITIVE and not EXTRACTABLE, always was and never was; any other is refused. The
PIN comes over the pipe, never as an argument.
Source: PKCS#11 2.40, sections 4.9 (attributes) and 2.12 (AES-GCM).
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final

import msgspec
import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, MechanismFlag, ObjectClass

from paywarden.cde.frame_format import HEADER_OCTETS
from paywarden.cde.hardening import harden
from paywarden.cde.roots.pkcs11_wire import ANSWER_LIMIT_OCTETS, Answer, Ask, Open, Seal, Unseal

TAG_BITS: Final = 128
_WANTED: Final = (
    (Attribute.SENSITIVE, True),
    (Attribute.ALWAYS_SENSITIVE, True),
    (Attribute.EXTRACTABLE, False),
    (Attribute.NEVER_EXTRACTABLE, True),
)


def main() -> int:
    """Serve frames until standard input ends."""
    harden()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    asks: msgspec.msgpack.Decoder[Ask] = msgspec.msgpack.Decoder(Ask)
    key: Any = None
    while header := source.read(HEADER_OCTETS):
        length = int.from_bytes(header, "big")
        if length > ANSWER_LIMIT_OCTETS:
            return 1
        ask = asks.decode(source.read(length))
        try:
            if isinstance(ask, Open):
                key = _opened(ask)
                answer = Answer(b"")
            else:
                answer = Answer(_done(key, ask))
        except _Unfit as fault:
            answer = Answer(b"", fault.code)
        except (pkcs11.PKCS11Error, RuntimeError, OSError) as fault:
            answer = Answer(b"", _code(fault))
        body = msgspec.msgpack.encode(answer)
        sink.write(len(body).to_bytes(HEADER_OCTETS, "big") + body)
        sink.flush()
    return 0


class _Unfit(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _opened(ask: Open) -> Any:
    library = pkcs11.lib(ask.module)
    token = library.get_token(token_label=ask.token)
    session = token.open(user_pin=ask.pin, rw=ask.create)
    try:
        key = session.get_key(object_class=ObjectClass.SECRET_KEY, label=ask.label)
    except pkcs11.NoSuchKey:
        if not ask.create:
            raise _Unfit("hsm_key_missing") from None
        key = _made(session, ask.label)
    except pkcs11.MultipleObjectsReturned:
        raise _Unfit("hsm_key_ambiguous") from None
    if key.key_type != KeyType.AES or key.key_length != 256:
        raise _Unfit("hsm_key_unfit")
    if any(bool(key[name]) is not wanted for name, wanted in _WANTED):
        raise _Unfit("hsm_key_extractable")
    return key


def _made(session: Any, label: str) -> Any:
    return session.generate_key(
        KeyType.AES,
        256,
        label=label,
        store=True,
        capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
        template={
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            Attribute.MODIFIABLE: False,
            Attribute.PRIVATE: True,
        },
    )


def _done(key: Any, ask: Seal | Unseal) -> bytes:
    if key is None:
        raise _Unfit("hsm_key_missing")
    how = {
        "mechanism": Mechanism.AES_GCM,
        "mechanism_param": GCMParams(ask.nonce, ask.associated, TAG_BITS),
    }
    done = key.encrypt(ask.octets, **how) if isinstance(ask, Seal) else _decrypted(key, ask, how)
    return bytes(done)


def _decrypted(key: Any, ask: Unseal, how: dict[str, Any]) -> bytes:
    try:
        return bytes(key.decrypt(ask.octets, **how))
    except (
        pkcs11.exceptions.EncryptedDataInvalid,
        pkcs11.exceptions.EncryptedDataLenRange,
        pkcs11.exceptions.GeneralError,  # what SoftHSM says of a tag that does not fit
    ):
        raise _Unfit("not_authentic") from None


def _code(fault: Exception) -> str:
    name = type(fault).__name__
    known = {"PinIncorrect": "hsm_pin_wrong", "PinLocked": "hsm_pin_locked"}
    return known.get(name, f"hsm_failed:{name}"[:64])


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # modules' own exit handlers may hang
