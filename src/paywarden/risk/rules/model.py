"""A policy as values: what the reader makes of the folder and what the compilers take.

Guards: everything here is frozen and already checked for shape by `reader.py`; conditions are still
text with a place. A policy is named by the SHA-256 of its canonical form (`ruleset_hash`), so the
same text always has the same name. RULES.md describes the folder; ARCHITECTURE.md section 5 the
life of a rule. Not done here: parsing conditions (`cel`), compiling (`compiler.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from paywarden.core.outcome import Outcome
from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.typology_model import Typology

PHASES = ("onboarding", "pre_auth", "post_auth", "capture", "payout", "refund")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a piece of policy text stands: file relative to the policy folder, line, column."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Action:
    """An effect beyond the outcome, as a value: recorded in the decision, mapped by a worker.

    `name`: a file in `actions/`. `parameters`: pairs in order of name, already checked by it.
    """

    name: str
    parameters: tuple[tuple[str, str | int | bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Effect:
    """What a rule does when it fires.

    `points`: integer score within the scenario. `outcome`: explicit outcome or None. `reason`:
    code of the neutral reason. `allow_scenarios`: for allow rules, the scenarios whose score and
    non-hard blocks they lower ("*" means all fraud scenarios). `actions`: further effects.
    """

    points: int = 0
    outcome: Outcome | None = None
    reason: str | None = None
    allow_scenarios: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A passing example that is a test: given values (nested mapping) and whether it fires."""

    given: Mapping[str, Any]
    fires: bool
    source: Source


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule after templates are stamped out; `template` names its origin or is None.

    `when` is complete: no placeholder and no window macro is left in it. `written` is the text
    of the file with values in place of placeholders, which is what people are shown.
    """

    id: str
    title: str
    scenario: str
    phases: tuple[str, ...]
    when: str
    then: Effect
    source: Source
    explanation: str = ""
    hard: bool = False
    allow_partial: bool = False
    segments: tuple[str, ...] = ()
    merchant_groups: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    template: str | None = None
    written: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of misuse that rules score: its text for people and the engine that it belongs to."""

    name: str
    text: str
    engine: str = "fraud"


@dataclass(frozen=True, slots=True)
class Segment:
    """A named part of the traffic; the first whose condition holds is the payment's `segment`."""

    name: str
    when: str
    challenge_unavailable: Outcome
    source: Source


@dataclass(frozen=True, slots=True)
class MerchantGroup:
    """A named group of merchants by condition; the first that holds is the `merchant_group`."""

    name: str
    when: str
    source: Source


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Lowest value (points: int, model: calibrated probability) of each outcome; None: never."""

    challenge: float | None = None
    review: float | None = None
    block: float | None = None


@dataclass(frozen=True, slots=True)
class StageLimits:
    """Deadline in milliseconds of a stage and the outcome that stands in when it fails."""

    deadline_ms: float
    on_failure: Outcome


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """Payments that would be blocked and pass at random, so that precision stays measurable.

    `percent` of them; none above `max_amount_base_minor`; no more than `daily_loss_base_minor` of
    amounts on one day (UTC). Never under a hard rule, never one of AML.
    """

    percent: float
    max_amount_base_minor: int
    daily_loss_base_minor: int


@dataclass(frozen=True, slots=True)
class ScreeningSettings:
    """From which score (0 to 1) a match with a listed party holds or blocks a payment.

    `remittance_hold_at`: of names found in the remittance information, which alert more easily.
    `block_at`: of matches that rest on an equal identifier. `pep`: `alert` or `hold`.
    """

    hold_at: float = 0.7
    remittance_hold_at: float = 0.85
    block_at: float = 0.95
    pep: str = "alert"


@dataclass(frozen=True, slots=True)
class TravelRule:
    """From which amount a transfer must say who pays and who is paid, and what happens if not.

    `crypto_threshold_base_minor`: of transfers to wallets of crypto-assets. `on_missing`: `alert`
    or `review`.
    """

    threshold_base_minor: int = 100_000
    crypto_threshold_base_minor: int = 0
    on_missing: str = "alert"


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole policy.

    `lists` maps list name to its kind (see `paywarden.risk.lists`), `reasons` a code to its text,
    `scenarios` a word to its meaning; a scenario that is not declared belongs to fraud.
    `list_files` maps the path of a list's file to its SHA-256: entries are part of a ruleset.
    `typologies`: those of AML that run in the payment path. `typology_files` maps the path of each
    other file of a typology, which runs over the log, to its SHA-256.
    `screening` None: as by default. `travel_rule` None: not checked.
    """

    name: str
    base_currency: str
    points: Thresholds
    model: Thresholds
    stages: Mapping[str, StageLimits]
    segments: tuple[Segment, ...]
    merchant_groups: tuple[MerchantGroup, ...]
    aggregates: tuple[Aggregate, ...]
    rules: tuple[Rule, ...]
    lists: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    scenarios: Mapping[str, Scenario] = field(default_factory=dict)
    list_files: Mapping[str, str] = field(default_factory=dict)
    control_group: ControlGroup | None = None
    typologies: tuple[Typology, ...] = ()
    typology_files: Mapping[str, str] = field(default_factory=dict)
    screening: ScreeningSettings | None = None
    travel_rule: TravelRule | None = None
