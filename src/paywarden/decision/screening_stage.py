"""The stage that holds a payment's parties against the lists in force, before rules run.

Guards: a decision after a switch of lists in the log is of the new lists, whenever its question was
asked; a payment whose parties could not be screened in time, or at all, has the fail policy's
outcome and says so (`screening_skipped`). Who was screened before is remembered and costs no turn
of the loop. Where no list was ever taken in there is nothing to do and nothing is said.
Order: parties, memory, the process that holds the lists, what people judged, fields.
Not done here: matching (`aml.screening`), what a hit does (`built_in.py`), switching
(`screening_lists.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from paywarden.aml.screening.serving.messages import AskedParty, Found
from paywarden.aml.screening.serving.opinion import Hit, Opinion, Word, opinion_of
from paywarden.aml.screening.serving.parties import parties_of
from paywarden.aml.screening.serving.process import ScreeningProcess
from paywarden.aml.screening.serving.remembering import Remembered, digest_of
from paywarden.core.clock import Clock
from paywarden.core.errors import Unavailable
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.decision.ledger import Ledger
from paywarden.decision.state import ScopeState
from paywarden.kit.log import logger
from paywarden.kit.metrics import Metrics

MOST_ROUNDS: Final = 3
"""Switches of lists that one payment waits out."""


class Screened(NamedTuple):
    """What the stage gives. `lists_seq` 0: nothing was screened. `skipped`: it should have been."""

    fields: Mapping[str, Any] = {}
    hits: tuple[Hit, ...] = ()
    excepted: int = 0
    lists_seq: int = 0
    took_us: int = 0
    skipped: bool = False


class Verdicts(Protocol):
    """What people said of parties and entries."""

    def word(self, scope: Scope, party: AskedParty, found: Found) -> tuple[Word, str, str]:
        """The word that holds now, the id of the verdict, and the party's key."""
        ...


_NO_LISTS: Final = Screened()


class ScreeningStage:
    """Screens payments of every scope against one process's lists."""

    def __init__(
        self, ledger: Ledger, key: Secret[bytes], verdicts: Verdicts, clock: Clock, metrics: Metrics
    ) -> None:
        self._ledger = ledger
        self._key = key
        self._verdicts = verdicts
        self._clock = clock
        self._metrics = metrics
        self._memory = Remembered()
        self.process: ScreeningProcess | None = None

    def use(self, process: ScreeningProcess | None) -> None:
        """From here on ask this process; what was found of other lists is forgotten."""
        if process is None or self.process is None or process.version != self.process.version:
            self._memory = Remembered()
        self.process = process

    def forget(self) -> None:
        """Drop what is remembered of people."""
        self._memory.forget()

    def at_once(self, state: ScopeState, fields: Mapping[str, Any]) -> Screened | None:
        """The stage's answer, if it can be given without waiting."""
        if state.screening is None:
            return _NO_LISTS
        if not self._asks_for(state):
            return None
        started_ns = self._clock.monotonic_ns()
        parties = parties_of(fields)
        found = [self._memory.get(digest_of(self._key, party)) for _role, party in parties]
        if any(one is None for one in found):
            return None
        known = [one for one in found if one is not None]
        return self._screened(state, parties, known, started_ns)

    async def asked(self, scope: Scope, fields: Mapping[str, Any], ends_ns: int) -> Screened:
        """The stage's answer by `ends_ns`. Errors: those of `Ledger.ready`."""
        started_ns = self._clock.monotonic_ns()
        parties = parties_of(fields)
        try:
            for _ in range(MOST_ROUNDS):
                state = self._ledger.ready(scope)
                found = await self._found(state, parties, ends_ns)
                state = self._ledger.ready(scope)
                if found is not None and self._asks_for(state):
                    return self._screened(state, parties, found, started_ns)
            raise Unavailable("screening_late", "the lists were switched again and again")
        except Unavailable as fault:
            if not fault.code.startswith("screening_"):
                raise
            logger().warning("screening_skipped", code=fault.code)
        took_us = (self._clock.monotonic_ns() - started_ns) // 1000
        return Screened(skipped=True, took_us=took_us)

    async def _found(
        self, state: ScopeState, parties: Sequence[tuple[str, AskedParty]], ends_ns: int
    ) -> list[tuple[Found, ...]] | None:
        """What is found of each party; None when the lists were switched meanwhile."""
        process, memory = self.process, self._memory
        if process is None or not self._asks_for(state) or not process.alive:
            raise Unavailable("screening_down", "no process holds the lists in force")
        digests = [digest_of(self._key, party) for _role, party in parties]
        wanted = {
            digest: party
            for digest, (_role, party) in zip(digests, parties, strict=True)
            if memory.get(digest) is None
        }
        if wanted:
            answers = process.send(list(wanted.values()))
            answers.add_done_callback(lambda done: _remember(memory, list(wanted), done))
            seconds = (ends_ns - self._clock.monotonic_ns()) / 1e9
            told = await process.answered(answers, seconds)
            fresh = dict(zip(wanted, told, strict=True))
        else:
            fresh = {}
        if self.process is not process:
            return None
        found = []
        for digest in digests:
            one = fresh.get(digest)
            found.append(one if one is not None else memory.get(digest) or ())
        return found

    def _asks_for(self, state: ScopeState) -> bool:
        """Whether the process holds the lists that are in force by the log."""
        standing, process = state.screening, self.process
        return (
            standing is not None
            and process is not None
            and process.version == standing.lists.version
        )

    def _screened(
        self,
        state: ScopeState,
        parties: Sequence[tuple[str, AskedParty]],
        found: Sequence[tuple[Found, ...]],
        started_ns: int,
    ) -> Screened:
        assert state.screening is not None
        if any(found):
            judged = opinion_of(
                (role, entries, self._word_of(state.scope, party))
                for (role, party), entries in zip(parties, found, strict=True)
            )
        else:
            judged = _nobody(role for role, _party in parties)
        took_us = (self._clock.monotonic_ns() - started_ns) // 1000
        return Screened(judged.fields, judged.hits, judged.excepted, state.screening.seq, took_us)

    def _word_of(self, scope: Scope, party: AskedParty) -> Any:
        def word(found: Found) -> tuple[Word, str, str]:
            return self._verdicts.word(scope, party, found)

        return word


def _nobody(roles: Any) -> Opinion:
    fields: dict[str, Any] = {f"screening.{role}.score": 0.0 for role in roles}
    fields["screening.hit"] = fields["screening.pep"] = False
    return Opinion(fields, ())


def _remember(memory: Remembered, digests: Sequence[bytes], done: Any) -> None:
    """Late answers are remembered too: the next payment of the party need not wait."""
    if done.cancelled() or done.exception() is not None:
        return
    for digest, found in zip(digests, done.result(), strict=True):
        memory.put(digest, found)
