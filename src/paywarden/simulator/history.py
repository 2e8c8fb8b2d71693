"""History: one whole simulated span, genuine life first, attacks laid over it.

Order: people and merchants, their payments, account events, the issuers' answers; then each
campaign with its own generator and its own hand for making things. The genuine half never looks at
campaigns, so it is the same whichever attack. Payments and events refer to pools by index; truth
(campaign number, fraud flag) stays in columns that `frames` writes to a separate table only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from paywarden.core.instants import format_rfc3339
from paywarden.simulator import outcomes, reporting
from paywarden.simulator.campaigns import registry, schedule
from paywarden.simulator.campaigns.model import Attack, Brief, Campaign, Engine, Operator
from paywarden.simulator.presets import DEFAULT_START_US, Horizon, Preset, preset
from paywarden.simulator.rows import Ints, Rows
from paywarden.simulator.streams import Streams
from paywarden.simulator.words import Type
from paywarden.simulator.world import (
    account_life,
    banking,
    companies,
    merchants,
    population,
    presence,
    surges,
)
from paywarden.simulator.world.milestones import Milestones
from paywarden.simulator.world.pools import Cast, Pools
from paywarden.simulator.world.population import People
from paywarden.simulator.world.spending import Spender


@dataclass(frozen=True, slots=True)
class Strike:
    """One campaign that took place: what truth knows of it."""

    id: str
    type: str
    start_us: int
    operator: Operator
    payments: int
    engine: Engine = "fraud"
    innocent: bool = False

    def summary(self) -> dict[str, str | int | bool]:
        """Plain values for the summary of a run."""
        of_aml = {"engine": self.engine, "innocent": self.innocent}
        return {
            **(of_aml if self.engine == "aml" else {}),
            "id": self.id,
            "type": self.type,
            "start": format_rfc3339(self.start_us),
            "operator": self.operator.name,
            "tooling": self.operator.tooling,
            "adaptation": self.operator.adaptation,
            "evasive": self.operator.evasive,
            "payments": self.payments,
        }


@dataclass(frozen=True, slots=True)
class History:
    """Everything that happens: pools, payments, other events, campaigns. Rows are unsorted.

    `exposed` (payment row, campaign) lists genuine payments at which a card was copied."""

    seed: int
    preset: Preset
    horizon: Horizon
    pools: Pools
    payments: Rows
    events: Rows
    strikes: tuple[Strike, ...]
    exposed: tuple[Ints, Ints]


@dataclass(frozen=True, slots=True)
class _Genuine:
    pools: Pools
    people: People
    spender: Spender
    payments: Rows
    events: Rows


def simulate(
    preset_name: str,
    seed: int,
    days: int,
    *,
    start_us: int = DEFAULT_START_US,
    without: Collection[str] = (),
    only: Collection[str] | None = None,
    drift: float = 0.0,
    aml: bool = False,
) -> History:
    """Simulate `days` from `start_us` (a midnight UTC).

    `only` and `without` choose campaign types; `drift`: see `presets.Horizon`; `aml`: laundering
    and its look-alikes too, laid over the same life and the same fraud."""
    chosen, streams = preset(preset_name), Streams(seed)
    horizon = Horizon(start_us, days, drift)
    campaigns = registry.chosen(without, only, aml=aml)
    genuine = _genuine(chosen, horizon, streams)
    payments, events = [genuine.payments], [genuine.events]
    strikes: list[Strike] = []
    exposed: list[tuple[Ints, Ints]] = []
    for brief, campaign, ordinal in _briefs(campaigns, genuine, chosen, horizon, streams):
        attack = campaign.attack(brief)
        first = sum(len(rows) for rows in payments)
        made = _aftermath(attack, brief, campaign.type, ordinal, len(strikes), first, streams)
        strikes.append(_strike(brief, campaign, ordinal, attack, len(made[0])))
        payments.append(made[0])
        events.append(made[1])
        exposed.append((attack.exposed, np.full(len(attack.exposed), len(strikes) - 1)))
    every = Rows.concat(payments)
    if aml:
        _name_accounts(every, genuine.people)
    return History(
        seed, chosen, horizon, genuine.pools, every, Rows.concat(events),
        tuple(strikes), _join(exposed),
    )  # fmt: skip


def _name_accounts(rows: Rows, people: People) -> None:
    """Where flows are followed, every customer's transfer names the account that it leaves."""
    own = np.full(int(max(rows["party"].max(), people.party.max())) + 1, -1, dtype=np.int64)
    own[people.party] = people.own_account
    bare = (rows["type"] == Type.TRANSFER) & (rows["account"] < 0) & (rows["party"] >= 0)
    rows["account"] = np.where(bare, own[rows["party"]], rows["account"])


def _genuine(chosen: Preset, horizon: Horizon, streams: Streams) -> _Genuine:
    pools = Pools()
    cast = Cast(pools, "world")
    people = population.create(streams.generator("people"), cast, chosen, horizon)
    merchants.create(streams.generator("merchants"), cast, chosen.merchants, horizon.start_us)
    trips = presence.plan_trips(streams.generator("trips"), people, horizon)
    spender = Spender(streams.generator("spending"), pools, people, trips)
    bank = banking.Bank(streams.generator("banking"), people, trips)
    steps = Milestones(streams.generator("milestones"), people, trips, horizon, cast)
    milestones, added = steps.span(chosen)
    payments = Rows.concat([
        spender.span(chosen, horizon, cast),
        surges.crowd(streams.generator("surges"), spender, chosen, horizon, cast),
        bank.span(chosen, horizon, cast),
        companies.orders(streams.generator("companies"), spender, chosen, horizon, cast),
        milestones,
    ])  # fmt: skip
    payments = _answered(payments, streams, pools, people, horizon, cast, chosen.tempo)
    life = account_life.AccountLife(streams.generator("accounts"), people, trips, horizon, cast)
    rng = streams.generator("aftermath")
    events = Rows.concat([
        life.span(payments),
        added,
        outcomes.results(rng, cast, payments, 0),
        reporting.on_genuine(
            rng, cast, payments, 0, pools, _median(chosen), chosen.false_report_rate
        ),
    ])  # fmt: skip
    return _Genuine(pools, people, spender, payments, events)


def _answered(
    payments: Rows,
    streams: Streams,
    pools: Pools,
    people: People,
    horizon: Horizon,
    cast: Cast,
    tempo: float,
) -> Rows:
    rng = streams.generator("issuers")
    decline = outcomes.genuine_decline(payments, pools, people, horizon)
    outcomes.authorise(rng, payments, decline, outcomes.GENUINE_CODES)
    both = Rows.concat([payments, outcomes.retries(rng, payments, people, pools)])
    back = outcomes.refunds(streams.generator("refunds"), cast, both, pools, tempo)
    every = Rows.concat([both, back])
    every = every.take(every["time"] < horizon.end_us)
    every["amount"] = drifted(every, horizon)
    return every


def drifted(rows: Rows, horizon: Horizon) -> Ints:
    """Amounts after the drift of prices; unchanged without drift."""
    if not horizon.drift:
        return rows["amount"]
    grown: Ints = np.round(rows["amount"] * (1.0 + 0.5 * horizon.moved(rows["time"]))).astype(
        np.int64
    )
    return grown


def _briefs(
    campaigns: dict[str, Campaign],
    genuine: _Genuine,
    chosen: Preset,
    horizon: Horizon,
    streams: Streams,
) -> list[tuple[Brief, Campaign, int]]:
    cards = int(np.count_nonzero(genuine.payments["type"] == Type.CARD_PAYMENT))
    of_aml = [campaign for campaign in campaigns.values() if campaign.engine == "aml"]
    counts = schedule.patterns(streams.generator("schedule", "aml"), of_aml, chosen, horizon)
    briefs = []
    for name, campaign in campaigns.items():
        plan = streams.generator("schedule", name)
        if campaign.engine == "aml":
            sizes = schedule.lengths(plan, campaign, counts[name])
        else:
            sizes = schedule.sizes(plan, campaign, chosen, cards)
        starts = schedule.starts(plan, campaign, horizon, len(sizes))
        for ordinal, (size, start_us) in enumerate(zip(sizes, starts, strict=True)):
            rng = streams.generator("campaign", name, str(ordinal))
            brief = Brief(
                rng, Cast(genuine.pools, name, ordinal), genuine.pools, genuine.people,
                genuine.spender.picker, genuine.payments, horizon, chosen, start_us, size,
                bool(rng.random() < _hides(campaign.evasive_share, horizon, start_us)),
            )  # fmt: skip
            briefs.append((brief, campaign, ordinal))
    return briefs


def _hides(share: float, horizon: Horizon, start_us: int) -> float:
    """Share of operators who hide at an instant: with the drift the bold ones learn."""
    moved = min(1.0, float(horizon.moved(np.array([start_us]))[0]))
    return share + (1.0 - share) * moved


def _aftermath(
    attack: Attack,
    brief: Brief,
    name: str,
    ordinal: int,
    number: int,
    first_row: int,
    streams: Streams,
) -> tuple[Rows, Rows]:
    """The attack's payments and events inside the span, with results and labels."""
    end_us = brief.horizon.end_us
    payments = attack.payments.take(attack.payments["time"] < end_us)
    account = attack.events.take(attack.events["time"] < end_us)
    payments["amount"] = drifted(payments, brief.horizon)
    payments["campaign"] = number
    account["campaign"] = number
    rng = streams.generator("aftermath", name, str(ordinal))
    results = outcomes.results(rng, brief.cast, payments, first_row)
    labels = reporting.on_fraud(
        rng, brief.cast, payments, first_row, brief.pools, _median(brief.preset), attack.report
    )
    return payments, Rows.concat([account, results, labels])


def _strike(
    brief: Brief, campaign: Campaign, ordinal: int, attack: Attack, payments: int
) -> Strike:
    identifier = f"camp-{campaign.type.replace('_', '-')}-{ordinal + 1:04d}"
    return Strike(
        identifier, campaign.type, brief.start_us, attack.operator, payments,
        campaign.engine, campaign.innocent,
    )  # fmt: skip


def _median(chosen: Preset) -> float:
    return chosen.label_median_days * chosen.tempo


def _join(pairs: list[tuple[Ints, Ints]]) -> tuple[Ints, Ints]:
    if not pairs:
        none = np.empty(0, dtype=np.int64)
        return none, none
    return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])
