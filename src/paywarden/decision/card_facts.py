"""Facts of a tokenised card: read from the signed text beside a token, believed for the signature.

Guards, in order: token and facts stand together and alone; the environment's signature; then that
the facts speak of this token, of the caller's tenant and environment, and of the payment's merchant
when they are bound to one. What was verified once is kept, for a stored token comes again and again
with the same text (an Ed25519 check costs a tenth of a decision).
Standard: PCI DSS 4.0.1 requirement 3.4.1: no more than first digits and last four are known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from paywarden.cde_client.facts import CardFacts, FactsKeys, FactsRefused, read_facts
from paywarden.core.scope import Scope
from paywarden.decision import errors
from paywarden.decision.messages import Instrument

KEPT: Final = 65_536
"""Verified texts remembered; beyond it the oldest goes."""


class KnownFacts:
    """Reads signed facts; `keys` gives the environment's public keys as they are now."""

    def __init__(self, keys: Callable[[], FactsKeys]) -> None:
        self._keys = keys
        self._verified: dict[str, CardFacts] = {}
        self._verified_by: FactsKeys = {}

    def of(
        self, scope: Scope, merchant: str | None, instrument: Instrument, pointer: str
    ) -> CardFacts:
        """The facts of the instrument's token.

        Errors: InvalidRequest `card_facts_incomplete`, `_unverifiable` or `_refused`.
        """
        token, text = instrument.token, instrument.facts
        asserted = (instrument.reference, instrument.bin, instrument.last4, instrument.expiry)
        if token is None or text is None or any(one is not None for one in asserted):
            raise errors.facts_incomplete(pointer)
        facts = self._read(text)
        if isinstance(facts, FactsRefused):
            unknown = facts.code == "card_facts_unverifiable"
            raise (errors.facts_unverifiable if unknown else errors.facts_refused)(pointer)
        bound = facts.merchant is None or facts.merchant == merchant
        if facts.token != token or facts.scope != scope.text or not bound:
            raise errors.facts_refused(pointer)
        return facts

    def _read(self, text: str) -> CardFacts | FactsRefused:
        keys = self._keys()
        if keys != self._verified_by:  # a key that was taken away vouches for nothing any more
            self._verified, self._verified_by = {}, dict(keys)
        known = self._verified.get(text)
        if known is not None:
            return known
        facts = read_facts(text, keys)
        if isinstance(facts, CardFacts):
            if len(self._verified) >= KEPT:
                del self._verified[next(iter(self._verified))]
            self._verified[text] = facts
        return facts
