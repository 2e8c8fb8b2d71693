"""`mine_file`: a file of payments to drafted rules, in order: read, run, search, measure, check.

Guards: drafts are measured on payments that did not make them. What `policy check` refuses, proves
to be covered by another rule, or calls a twin is left out and named; so is what does not keep its
least precision on the judging payments. Randomness (samples, bootstrap) comes from the seed.
Not done here: writing files and words (`paywarden.cli.mine`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from paywarden.core.clock import Clock
from paywarden.decision.conduct import PolicyRuntime
from paywarden.lab.card_screen import CardScreen
from paywarden.lab.files import open_file
from paywarden.lab.mapping_file import read_mapping
from paywarden.lab.mining.conditions import holds, quantities_of, words_of
from paywarden.lab.mining.drafts import FILE, Draft, Drafter, file_text
from paywarden.lab.mining.features import windows_of, with_windows
from paywarden.lab.mining.material import Material, gather
from paywarden.lab.mining.measuring import Figures, measure, measure_held, rounding_of
from paywarden.lab.mining.periods import periods_of
from paywarden.lab.mining.request import MineRequest
from paywarden.lab.mining.search import Found, Search, promising
from paywarden.lab.prepared import prepare
from paywarden.lab.sources import read_given
from paywarden.risk.rules.check import check_files
from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.rules.reader import files_of, read_policy

Progress = Callable[[str, int, int], None]
HOUR = "payment.hour"
"""Not mined in a burst: every burst has its hours, and the next one has others."""
_REFUSED = frozenset({"shadowed_rule", "duplicate_condition", "condition_never_true"})


@dataclass(frozen=True, slots=True)
class Mined:
    """What came of it. `text`: rules/mined.yaml; `together`: all drafts at once, on judged rows."""

    drafts: tuple[Draft, ...]
    text: str
    together: Figures
    periods: Mapping[str, object]
    dropped: tuple[tuple[str, str], ...]
    mode: str
    seconds: float
    stages: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """The document of `paywarden mine --json`."""
        return {
            "mode": self.mode,
            "rules": [draft.as_dict() for draft in self.drafts],
            "together": self.together.as_dict(),
            "dropped": [{"when": when, "because": reason} for when, reason in self.dropped],
            **self.periods,
            "seconds": round(self.seconds, 3),
            "stages": {name: round(value, 3) for name, value in self.stages.items()},
        }


def mine_file(request: MineRequest, progress: Progress, clock: Clock) -> Mined:
    """Mine a file; `progress(stage, done, total)`.

    Errors: PolicyErrors; InvalidRequest with file, line and column, or `mining_*` when there is too
    little to mine; TooLarge; Unparsable.
    """
    request.check()
    timer = _Timer(clock)
    policy = read_policy(request.policy)
    mapping = read_mapping(request.mapping)
    file = open_file(request.file, mapping.separator)
    given = read_given(mapping, file, None, CardScreen(request.key))
    prepared = prepare(given, mapping, [policy])
    timer.mark("read")
    random = np.random.Generator(np.random.PCG64(request.seed))
    delay_us = mapping.label.delay_us if mapping.label else None
    table = prepared.table
    periods = periods_of(request, table.time_us, prepared.marks, delay_us or 0, random)
    windows = windows_of(policy, table.columns, periods.longest_window_us)
    runtime = PolicyRuntime(compile_policy(with_windows(policy, windows)))
    timer.mark("compile")
    mined, judged = gather(
        request, prepared, mapping, runtime, windows, (periods.mined, periods.judged),
        lambda done, total: progress("windows", done, total),
    )  # fmt: skip
    timer.mark("windows")
    burst = request.burst is not None
    quantities = [one for one in quantities_of(mined, windows) if not (burst and one.path == HOUR)]
    conditions = promising(mined, quantities, list(words_of(mined)), burst)
    progress("search", 0, 1)
    search = Search(mined, conditions, request.min_precision, burst, request.max_hurt)
    found = search.run(request.max_rules)
    progress("search", 1, 1)
    timer.mark("search")
    drafting = _Drafting(request, Drafter(policy, windows, mined, request.scenario), mined, judged)
    drafting.draft(found)
    period = "the burst's later part" if burst else "days after those that taught"
    now_us = clock.now_us()

    def text(drafts: list[Draft]) -> str:
        return file_text(drafts, period, policy.base_currency, now_us)

    drafting.check(text)
    together = np.zeros(len(judged), np.bool_)
    for draft in drafting.drafts:
        together |= holds(draft.conditions, judged)
    figures = measure_held(together, judged, burst, request.seed)
    timer.mark("measure")
    return Mined(
        tuple(drafting.drafts),
        text(drafting.drafts),
        figures,
        {
            "mined": periods.mined.as_dict(),
            "held_out": periods.judged.as_dict(),
            "conditions": len(conditions),
            "windows": len(windows),
        },
        tuple(drafting.dropped),
        "burst" if burst else "labels",
        timer.total,
        timer.stages,
    )


class _Drafting:
    """Conjunctions that keep their word on the judging rows, and that the policy takes."""

    def __init__(
        self, request: MineRequest, drafter: Drafter, mined: Material, judged: Material
    ) -> None:
        self._request = request
        self._drafter = drafter
        self._mined = mined
        self._judged = judged
        self._burst = request.burst is not None
        self.drafts: list[Draft] = []
        self.dropped: list[tuple[str, str]] = []

    def draft(self, found: list[Found]) -> None:
        """Measure everything found; drop what does not hold on the judging rows."""
        seed = self._request.seed
        for one in found:
            mined = measure(one.conditions, self._mined, self._burst, seed)
            judged = measure(one.conditions, self._judged, self._burst, seed)
            rounding = rounding_of(one.conditions, self._mined, self._burst, seed)
            draft = self._drafter.draft(
                len(self.drafts) + 1, one.conditions, (mined, judged), rounding
            )
            if judged.precision < self._request.min_precision or not judged.caught:
                reason = f"precision {judged.precision:.3f} on the payments that judge"
                self.dropped.append((draft.when, reason))
            elif judged.hurt_share > self._request.max_hurt:
                reason = f"hurts {judged.hurt_share:.2%} of the honest payments that judge"
                self.dropped.append((draft.when, reason))
            else:
                self.drafts.append(draft)

    def check(self, text: Callable[[list[Draft]], str]) -> None:
        """Leave out what `policy check` refuses or proves to add nothing, until nothing is left."""
        files = files_of(self._request.policy)
        for _ in range(len(self.drafts) + 1):
            written = text(self.drafts)
            found = check_files({**files, FILE: written.encode()})
            lines = {
                one.line: f"{one.code}: {one.message}"
                for one in found.items
                if one.file == FILE and (one.severity == "error" or one.code in _REFUSED)
            }
            if not lines or not self.drafts:
                return
            self._leave_out(written, lines)

    def _leave_out(self, written: str, lines: Mapping[int, str]) -> None:
        """Drop the drafts within which findings stand."""
        starts = [
            number
            for number, line in enumerate(written.splitlines(), 1)
            if line.startswith("- id: ")
        ]
        kept: list[Draft] = []
        for index, draft in enumerate(self.drafts):
            stop = starts[index + 1] if index + 1 < len(starts) else 1 << 30
            reasons = [text for line, text in lines.items() if starts[index] <= line < stop]
            if reasons:
                self.dropped.append((draft.when, reasons[0]))
            else:
                kept.append(draft)
        if len(kept) == len(self.drafts):  # a finding elsewhere: nothing more can be left out
            self.drafts = []
            return
        self.drafts = kept


class _Timer:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = self._last = clock.monotonic_ns()
        self.stages: dict[str, float] = {}

    def mark(self, name: str) -> None:
        """End a stage."""
        now = self._clock.monotonic_ns()
        self.stages[name] = (now - self._last) / 1e9
        self._last = now

    @property
    def total(self) -> float:
        """Seconds so far."""
        return (self._last - self._began) / 1e9
