"""Adaptive carder: an operator who learns from every refusal.

Shape: 8 to 30 attempts one after the other with bought card data at shops of resaleable goods.
After a refusal he waits longer and changes something, in turn: line and machine, card and its
issuer, the sum (down by four tenths). After a success he repeats what worked up to three times with
a sixth more, then moves on before the limit. The evasive one changes everything at each refusal and
starts near the usual ticket. In the stream a stop by the platform teaches him the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Terms
from paywarden.simulator.rows import Ints, Rows
from paywarden.simulator.words import CODES, Cvv, Status, ThreeDs
from paywarden.simulator.world import network, population, spending
from paywarden.simulator.world.geography import COUNTRIES
from paywarden.simulator.world.merchants import TRADE_RESALE

_REPEATS = 3


@dataclass(frozen=True, slots=True)
class AdaptiveCarder(Terms):
    """One operator and what the answers teach him."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` attempts."""
        rng, count = brief.rng, brief.size
        rows = brief.payments(np.full(count, brief.start_us))
        brief.shop(rows, parts.shops(brief, TRADE_RESALE, count, three_ds_at_most=85))
        parts.typed(rows, brief)
        _outfit(rows, brief)
        scale = np.full(count, 1.1 if brief.evasive else 2.5)
        rows["amount"] = spending.amounts(rng, brief.pools, rows["merchant"], scale)
        known = rng.random(count) < 0.6
        parts.thief_checks(rows, brief, wrong_code=0.15, true_address=known)
        _learn(rows, brief)
        return Attack(_operator(brief.evasive), rows, brief.nothing())


CAMPAIGN = AdaptiveCarder(
    type="adaptive_carder", per_100k={"demo": 260.0, "realistic": 6.0}, sizes=(8, 30),
    evasive_share=0.5,
)  # fmt: skip


def _operator(evasive: bool) -> Operator:
    if evasive:
        return Operator("chameleon", "anti-detect browser, card list, home proxies",
                        "changes everything at a refusal", True, 12, 1.8, 0.04,
                        parts.SWITCH_ALL)  # fmt: skip
    return Operator("learner", "card list, a few browsers", "changes one thing at a refusal",
                    True, 9, 1.4, 0.04, ("device", "line", "amount"))  # fmt: skip


def _outfit(rows: Rows, brief: Brief) -> None:
    """A card, a machine, a line and a name for each attempt; `_learn` picks which are used."""
    rng, count = brief.rng, len(rows)
    issued = rng.integers(0, len(COUNTRIES), count)
    lives = issued if brief.evasive else parts.one_country(brief, count)
    party = parts.strangers(brief, issued, (0.0, 4.0), throwaway=0.15)
    rows["party"], rows["guest"] = party, rng.random(count) < 0.5
    rows["card"] = population.issue_cards(rng, brief.cast, party, issued, brief.start_us)
    rows["device"], rows["ip"] = parts.machines(brief, lives, network.Line.HOME)
    rows["billing"] = population.addresses(rng, brief.cast, issued)
    parts.deliver(rows, brief, population.addresses(rng, brief.cast, lives))


def _learn(rows: Rows, brief: Brief) -> None:
    rng, count = brief.rng, len(rows)
    chance, pause = rng.random(count), rng.exponential(1.0, count)
    machine, card, factor, slowness = 0, 0, 1.0, 1.0
    refusals = successes = 0
    used: dict[str, list[int]] = {"machine": [], "card": []}
    factors, waits, declined = [], [], []
    for i in range(count):
        used["machine"].append(machine)
        used["card"].append(card)
        factors.append(factor)
        waits.append(pause[i] * slowness)
        refused = bool(chance[i] < _refusal(rows, i, factor))
        declined.append(refused)
        if refused:
            successes = 0
            slowness = min(slowness * 1.4, 12.0)
            turn, refusals = refusals % 3, refusals + 1
            machine += int(brief.evasive or turn == 0)
            card += int(brief.evasive or turn == 1)
            factor *= 0.6 if brief.evasive or turn == 2 else 1.0
            continue
        successes += 1
        slowness = max(1.0, slowness * 0.8)
        factor = min(factor * 1.16, 3.0)
        if successes > _REPEATS:
            card, successes = card + 1, 0
    _apply(rows, used, np.array(factors), np.array(declined))
    minutes = (60 if brief.evasive else 6) * np.array(waits)
    rows["time"] = brief.start_us + np.cumsum(minutes * 6e7).astype(np.int64)


def _refusal(rows: Rows, i: int, factor: float) -> float:
    """The issuer's chance to refuse: failed checks, else more for larger sums."""
    if rows["cvv"][i] == Cvv.NO_MATCH or rows["three_ds"][i] == ThreeDs.FAILED:
        return 0.95
    return float(0.15 + 0.25 * min(factor, 2.0) / 2.0)


def _apply(rows: Rows, used: dict[str, list[int]], factor: Ints, declined: Ints) -> None:
    machine, card = np.array(used["machine"]), np.array(used["card"])
    for name in ("device", "ip"):
        rows[name] = rows[name][machine]
    for name in ("card", "billing", "party", "guest"):
        rows[name] = rows[name][card]
    rows["amount"] = np.maximum(100, (rows["amount"] * factor).astype(np.int64))
    rows["status"] = np.where(declined, Status.DECLINED, Status.AUTHORISED)
    refusal = np.where(rows["cvv"] == Cvv.NO_MATCH, CODES.index("82"), CODES.index("05"))
    rows["code"] = np.where(declined, refusal, CODES.index("00"))
