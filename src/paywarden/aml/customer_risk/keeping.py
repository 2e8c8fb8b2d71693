"""A customer's file: what is known and decided about them, sealed under the key of their subject.

Guards: nothing personal is stored in the clear; the subject is that of the payer of the same id, so
that erasing the person ends the file, its explanations and notes at once, while level and score
(which name nobody) stay and alerts stay valid. The digest of the form is keyed: it tells that facts
changed and cannot be tried against guesses. The context binds a box to its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec

from paywarden.aml.customer_risk.forms import CustomerForm
from paywarden.aml.customer_risk.model import Assessment
from paywarden.aml.customer_risk.ports import HistoryRow, Named, Row
from paywarden.aml.customer_risk.standing import Done, Override
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.kit.crypto.framing import framed
from paywarden.kit.crypto.ports import Erased, SubjectKeys

T = TypeVar("T")
_FILE: Final = b"paywarden.customer-file.v1"
_STEP: Final = b"paywarden.customer-step.v1"
_CANONICAL: Final = msgspec.msgpack.Encoder(order="deterministic")


@dataclass(frozen=True, slots=True)
class CustomerFile:
    """What is kept of a customer. `floor` and `factors`: of the last assessment."""

    id: str
    form: CustomerForm
    override: Override | None = None
    diligence: Mapping[str, Done] = field(default_factory=dict)
    behaviour: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """What a step of history says beside its figures. `detail`: words of the act."""

    assessment: Assessment
    detail: Mapping[str, str]


_FILES: Final = msgspec.msgpack.Decoder(CustomerFile)
_STEPS: Final = msgspec.msgpack.Decoder(Step)


class Keeper:
    """Seals and opens files and steps."""

    def __init__(self, keys: SubjectKeys, digest_key: Secret[bytes]) -> None:
        self._keys = keys
        self._digest_key = digest_key.expose()

    def digest(self, scope: Scope, form: CustomerForm, behaviour: Mapping[str, Any]) -> bytes:
        """Keyed digest (16 octets) of what an assessment rests on."""
        keyed = hashlib.blake2b(key=self._digest_key, digest_size=16)
        keyed.update(scope.text.encode() + b"\0" + _CANONICAL.encode((form, dict(behaviour))))
        return keyed.digest()

    def seal(self, scope: Scope, named: Named, kept: CustomerFile) -> bytes:
        """The box of a file."""
        plain = _CANONICAL.encode(kept)
        return self._keys.seal(scope, named.subject, plain, framed(_FILE, named.ref.encode()))

    def open(self, scope: Scope, row: Row) -> CustomerFile | Erased:
        """The file of a row. Errors: Corrupt."""
        context = framed(_FILE, row.ref.encode())
        return self._opened(scope, row.subject, row.box, context, _FILES)

    def seal_step(self, scope: Scope, named: Named, number: int, step: Step) -> bytes:
        """The box of a step."""
        context = _step_context(named.ref, number)
        return self._keys.seal(scope, named.subject, _CANONICAL.encode(step), context)

    def open_step(self, scope: Scope, row: HistoryRow) -> Step | Erased:
        """The step of a row. Errors: Corrupt."""
        context = _step_context(row.ref, row.number)
        return self._opened(scope, row.subject, row.box, context, _STEPS)

    def _opened(
        self, scope: Scope, subject: str, box: bytes, context: bytes,
        decoder: msgspec.msgpack.Decoder[T],
    ) -> T | Erased:  # fmt: skip
        plain = self._keys.open(scope, subject, box, context)
        return plain if isinstance(plain, Erased) else decoder.decode(plain)


def _step_context(ref: str, number: int) -> bytes:
    return framed(_STEP, ref.encode(), str(number).encode())
