"""Flow features in plain Python over a list of transfers: slow, readable, and their meaning.

Guards: this is what the engine and the batch must equal, value for value (`functions` has the
rules in words). The list is in order (`ordered`); `at` is the index of the transfer that is read.
Nothing is bounded here; where the engine drops something, it counts it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from paywarden.aml.monitoring import plain_motifs
from paywarden.aml.monitoring.functions import BASIS, BENFORD, MEMORY_US, MOST_LEGS, Measure
from paywarden.aml.monitoring.transfers import MOST_AMOUNT_MINOR, OUTSIDE, Transfer
from paywarden.core.instants import DAY_US, HOUR_US

Value = int | float | None


def ordered(transfers: Iterable[Transfer]) -> list[Transfer]:
    """Those that count, each reference once (the first by sequence), held amounts, in order."""
    first: dict[str, int] = {}
    kept = []
    for one in sorted(transfers, key=lambda one: one.sequence):
        if one.reference and first.setdefault(one.reference, one.sequence) != one.sequence:
            continue
        if one.counts:
            kept.append(replace(one, amount_minor=min(one.amount_minor, MOST_AMOUNT_MINOR)))
    return sorted(kept, key=lambda one: one.order)


@dataclass(frozen=True, slots=True)
class Leg:
    """One side of a transfer, with what lay before it (None: nothing within 400 days).

    `pair_gap_us`: since the latest transfer between the two accounts; `silence_us`: since the
    account's latest leg.
    """

    transfer: Transfer
    incoming: bool
    pair_gap_us: int | None
    silence_us: int | None

    @property
    def other(self) -> str:
        """The counterparty."""
        return self.transfer.from_account if self.incoming else self.transfer.to_account

    @property
    def amount(self) -> int:
        """Minor units."""
        return self.transfer.amount_minor

    @property
    def at_us(self) -> int:
        """Time of the transfer."""
        return self.transfer.at_us

    @property
    def own_country(self) -> str:
        """Country of the account whose leg it is."""
        return self.transfer.to_country if self.incoming else self.transfer.from_country

    @property
    def other_country(self) -> str:
        """Country of the counterparty."""
        return self.transfer.from_country if self.incoming else self.transfer.to_country


class PlainFlows:
    """Features over transfers that are in order."""

    def __init__(self, transfers: Sequence[Transfer]) -> None:
        self.transfers = transfers
        self._legs: dict[str, list[tuple[int, Leg]]] = {}
        latest: dict[frozenset[str], int] = {}
        self.pair_gaps: list[int | None] = []
        for index, one in enumerate(transfers):
            pair = frozenset((one.from_account, one.to_account))
            gap = _since(latest.get(pair), one.at_us)
            latest[pair] = one.at_us
            self.pair_gaps.append(gap)
            for account, incoming in ((one.from_account, False), (one.to_account, True)):
                if account != OUTSIDE:
                    legs = self._legs.setdefault(account, [])
                    before = legs[-1][1].at_us if legs else None
                    legs.append((index, Leg(one, incoming, gap, _since(before, one.at_us))))

    def value(self, measure: Measure, account: str, at: int) -> Value:
        """A feature of an account at the transfer of index `at`."""
        if measure.is_motif:
            return self.motif(measure, at).get(account, 0)
        return _FUNCTIONS[measure.function](self, measure, account, at)

    def motif(self, measure: Measure, at: int) -> Mapping[str, int]:
        """Size of the largest motif that the transfer completes, for each account in one."""
        return plain_motifs.values(self.transfers, self.pair_gaps, measure, at)

    def legs(self, account: str, at: int) -> list[Leg]:
        """The latest MOST_LEGS legs of an account as of a transfer, in order."""
        return [leg for index, leg in self._legs.get(account, ()) if index <= at][-MOST_LEGS:]

    def first_at_us(self, account: str, at: int) -> int:
        """Time of the account's first leg, as of a transfer; after 400 silent days it is new."""
        legs = [leg for index, leg in self._legs[account] if index <= at]
        return max(leg.at_us for leg in legs if leg.silence_us is None)

    def window(self, measure: Measure, account: str, at: int) -> list[Leg]:
        """Selected legs within the window, in order."""
        after_us = self.transfers[at].at_us - measure.number("window")
        return [
            leg for leg in self.legs(account, at) if leg.at_us > after_us and takes(measure, leg)
        ]


def _since(before_us: int | None, at_us: int) -> int | None:
    if before_us is None or at_us - before_us > MEMORY_US:
        return None
    return at_us - before_us


def takes(measure: Measure, leg: Leg, *, any_direction: bool = False) -> bool:
    """Whether the selection of a measure takes a leg."""
    direction, side = measure.text("direction"), measure.text("counterparty")
    if not any_direction and direction != "both" and leg.incoming != (direction == "in"):
        return False
    if side != "any" and (leg.other == OUTSIDE) != (side == "outside"):
        return False
    if measure.names and leg.transfer.kind not in measure.names:
        return False
    return not measure.number("abroad") or _abroad(leg)


def _abroad(leg: Leg) -> bool:
    own, other = leg.own_country, leg.other_country
    return bool(own and other and own != other)


def _count(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    return len(flows.window(measure, account, at))


def _sum(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    return sum(leg.amount for leg in flows.window(measure, account, at))


def _mean(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    legs = flows.window(measure, account, at)
    return sum(leg.amount for leg in legs) / len(legs) if legs else None


def _max(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    return max((leg.amount for leg in flows.window(measure, account, at)), default=None)


def _distinct(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    return len({leg.other for leg in flows.window(measure, account, at)})


def _new(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    since = measure.number("since")
    legs = flows.window(measure, account, at)
    return sum(leg.pair_gap_us is None or leg.pair_gap_us >= since for leg in legs)


def _between(flows: PlainFlows, measure: Measure, account: str, at: int) -> list[Leg]:
    low, high = measure.number("low"), measure.number("high")
    return [leg for leg in flows.window(measure, account, at) if low <= leg.amount < high]


def _count_between(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    return len(_between(flows, measure, account, at))


def _sum_between(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    return sum(leg.amount for leg in _between(flows, measure, account, at))


def _share_between(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    legs = flows.window(measure, account, at)
    return len(_between(flows, measure, account, at)) / len(legs) if legs else None


def _near_equal(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    amounts = sorted(leg.amount for leg in flows.window(measure, account, at))
    reach = BASIS + measure.number("tolerance")
    return max(
        (
            sum(BASIS * other <= reach * smallest for other in amounts[start:])
            for start, smallest in enumerate(amounts)
        ),
        default=0,
    )


def _round_share(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    legs, unit = flows.window(measure, account, at), measure.number("unit")
    return sum(leg.amount % unit == 0 for leg in legs) / len(legs) if legs else None


def _share_kept(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    after_us = flows.transfers[at].at_us - measure.number("window")
    legs = [
        leg
        for leg in flows.legs(account, at)
        if leg.at_us > after_us and takes(measure, leg, any_direction=True)
    ]
    came = sum(leg.amount for leg in legs if leg.incoming)
    left = sum(leg.amount for leg in legs if not leg.incoming)
    return (came - left) / came if came else None


def _dormant_days(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    silences = [leg.silence_us for leg in flows.window(measure, account, at)]
    return max((known // DAY_US for known in silences if known is not None), default=None)


def _against_history(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    window, periods = measure.number("window"), measure.number("periods")
    now_us = flows.transfers[at].at_us
    start_us = now_us - (periods + 1) * window
    if flows.first_at_us(account, at) > start_us:
        return None
    now = past = 0
    for leg in flows.legs(account, at):
        if leg.at_us > start_us and takes(measure, leg):
            value = leg.amount if measure.text("of") == "sum" else 1
            if leg.at_us > now_us - window:
                now += value
            else:
                past += value
    return now * periods / past if past else None


def _against_peers(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    own = flows.window(measure, account, at)
    today = flows.transfers[at].at_us // DAY_US
    first = today - measure.number("days")
    others = [
        leg.amount
        for leg in _all_legs(flows, at)
        if first <= leg.at_us // DAY_US < today and takes(measure, leg)
    ]
    if not own or len(others) < measure.number("least"):
        return None
    return (sum(leg.amount for leg in own) / len(own)) / (sum(others) / len(others))


def _all_legs(flows: PlainFlows, at: int) -> Iterator[Leg]:
    for one in flows.transfers[: at + 1]:
        for account, incoming in ((one.from_account, False), (one.to_account, True)):
            if account != OUTSIDE:
                yield Leg(one, incoming, None, None)


def _benford(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    legs = flows.window(measure, account, at)
    if len(legs) < measure.number("least"):
        return None
    total = 0.0
    for digit, share in enumerate(BENFORD, 1):
        seen = sum(str(leg.amount)[0] == str(digit) for leg in legs)
        expected = len(legs) * share
        total += (seen - expected) * (seen - expected) / expected
    return total


def _share_countries(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    legs = flows.window(measure, account, at)
    given = measure.text("countries")
    wanted = frozenset(given.split(",")) if given else frozenset()
    if wanted:
        found = sum(leg.other_country in wanted for leg in legs)
    else:
        found = sum(
            bool(leg.other_country) and leg.other_country != leg.own_country for leg in legs
        )
    return found / len(legs) if legs else None


def _turnaround_hours(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    after_us = flows.transfers[at].at_us - measure.number("window")
    came_us: int | None = None
    waited = []
    for leg in flows.legs(account, at):
        if leg.incoming:
            came_us = leg.at_us
        elif came_us is not None and came_us > after_us and takes(measure, leg, any_direction=True):
            waited.append(leg.at_us - came_us)
    return sum(waited) / (len(waited) * HOUR_US) if waited else None


def _mirrored(flows: PlainFlows, measure: Measure, account: str, at: int) -> Value:
    after_us = flows.transfers[at].at_us - measure.number("window")
    legs = [leg for leg in flows.legs(account, at) if leg.at_us > after_us]
    share = BASIS - measure.number("fee")
    return sum(
        any(
            before.incoming
            and before.other != leg.other
            and share * before.amount <= BASIS * leg.amount
            and leg.amount <= before.amount
            for before in legs[:index]
        )
        for index, leg in enumerate(legs)
        if not leg.incoming and takes(measure, leg, any_direction=True)
    )


_FUNCTIONS = {
    "count": _count,
    "sum": _sum,
    "mean": _mean,
    "max": _max,
    "distinct_counterparties": _distinct,
    "new_counterparties": _new,
    "count_between": _count_between,
    "sum_between": _sum_between,
    "share_between": _share_between,
    "near_equal": _near_equal,
    "round_share": _round_share,
    "share_kept": _share_kept,
    "dormant_days": _dormant_days,
    "against_history": _against_history,
    "against_peers": _against_peers,
    "benford": _benford,
    "share_countries": _share_countries,
    "turnaround_hours": _turnaround_hours,
    "mirrored": _mirrored,
}
