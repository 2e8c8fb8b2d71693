"""Time-based one-time codes (RFC 6238: SHA-1, six digits, 30 seconds, one step to either side).

Guards: the seed is sealed under the person's key; a code counts only for a step newer than the last
one accepted, and that step is spent by a row that can exist once, so a code works once also in
parallel and after a restart (PCI DSS 4.0.1, 8.5.1). Wrong codes count towards the account's lock.
pyotp is loaded at the first use.
"""

from __future__ import annotations

import base64
import hmac
from typing import Final

from paywarden.core.clock import Clock, Randomness
from paywarden.core.identifiers import PersonId
from paywarden.core.instants import MICROSECONDS
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.identity import changes as c
from paywarden.identity.model import TotpSeed
from paywarden.kit.crypto.ports import Erased, SubjectKeys

STEP_SECONDS: Final = 30
AROUND: Final = 1
SEED_OCTETS: Final = 20
_CONTEXT: Final = b"identity.totp"


class Totp:
    """Makes seeds and checks codes."""

    def __init__(self, keys: SubjectKeys, issuer: str, clock: Clock, chance: Randomness) -> None:
        self._keys = keys
        self._issuer = issuer
        self._clock = clock
        self._randomness = chance

    def new_seed(self, scope: Scope, person: PersonId) -> tuple[TotpSeed, Secret[str]]:
        """A seed that waits for its first code, and its base 32 text, shown once."""
        octets = self._randomness.octets(SEED_OCTETS)
        sealed = self._keys.seal(scope, f"person:{person.text}", octets, _CONTEXT)
        text = base64.b32encode(octets).decode()
        return TotpSeed(person, sealed, self._clock.now_us(), confirmed=False), Secret(text)

    def uri(self, login: str, seed: Secret[str]) -> Secret[str]:
        """`otpauth://` text for an authenticator's camera."""
        import pyotp

        made = pyotp.TOTP(seed.expose()).provisioning_uri(name=login, issuer_name=self._issuer)
        return Secret(str(made))

    def step_of(self, scope: Scope, seed: TotpSeed, code: Secret[str]) -> int | None:
        """The step whose code it is, if newer than the last one accepted."""
        import pyotp

        octets = self._keys.open(scope, f"person:{seed.person.text}", seed.sealed, _CONTEXT)
        if isinstance(octets, Erased):
            return None
        codes = pyotp.TOTP(base64.b32encode(octets).decode())
        now = self._clock.now_us() // MICROSECONDS // STEP_SECONDS
        given = code.expose().strip().encode("utf-8", "surrogatepass")
        found = None
        for step in range(now - AROUND, now + AROUND + 1):
            fits = hmac.compare_digest(codes.generate_otp(step).encode(), given)
            if fits and step > seed.last_step:
                found = step
        return found


def spend_step(scope: Scope, person: PersonId, step: int) -> tuple[c.Change, c.Change]:
    """Changes that make a step's code used; the first one refuses a second use."""
    ends = (step + 2 * AROUND + 2) * STEP_SECONDS * MICROSECONDS
    digest = f"{person.text} {step}".encode()
    return c.Spent(scope, "totp", digest, ends), c.TotpUsed(scope, person, step)
