"""Monitoring over a list of transfers in plain Python: which alerts typologies raise, and when.

Guards: the meaning that engine and batch must equal on (typology, account, sequence, score). After
each transfer every typology is scored for the transfer's accounts (payer first) and, where it reads
motifs, for the other accounts of motifs that the transfer completes (in the order of their texts);
a score of at least `alert` is an alert unless the account had one of that typology less than
`quiet_days` before, in event time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from paywarden.aml.monitoring.flow_names import names_at
from paywarden.aml.monitoring.flow_types import flow_types
from paywarden.aml.monitoring.functions import measure_of
from paywarden.aml.monitoring.log_names import log_types
from paywarden.aml.monitoring.plain import PlainFlows, Value, ordered
from paywarden.aml.monitoring.transfers import OUTSIDE, Transfer
from paywarden.core.instants import DAY_US
from paywarden.risk.rules.findings import Findings
from paywarden.risk.rules.typology_model import Typology
from paywarden.risk.rules.typology_program import typology_program


@dataclass(frozen=True, slots=True)
class PlainAlert:
    """What an alert of all three ways must agree on."""

    typology: str
    account: str
    sequence: int
    score: float


def alerts_of(typologies: Sequence[Typology], transfers: Iterable[Transfer]) -> list[PlainAlert]:
    """Alerts by order of transfers, then of typologies, then of accounts."""
    flows = PlainFlows(ordered(transfers))
    watched = [_Watched(typology) for typology in typologies]
    return [
        alert
        for at in range(len(flows.transfers))
        for one in watched
        for alert in one.alerts(flows, at)
    ]


class _Watched:
    """One typology with its program and when it alerted about whom."""

    def __init__(self, typology: Typology) -> None:
        self._typology = typology
        types = log_types(flow_types(typology, Findings()))
        self._program = typology_program(typology, types)
        self._measures = {one.name: measure_of(one) for one in typology.features}
        self._alerted_us: dict[str, int] = {}

    def alerts(self, flows: PlainFlows, at: int) -> Iterator[PlainAlert]:
        one = flows.transfers[at]
        for account in self._accounts(flows, at):
            score = self._program.score(self._bindings(flows, account, at))
            if score < self._typology.alert or self._quiet(account, one.at_us):
                continue
            self._alerted_us[account] = one.at_us
            yield PlainAlert(self._typology.id, account, one.sequence, score)

    def _accounts(self, flows: PlainFlows, at: int) -> list[str]:
        one = flows.transfers[at]
        parties = [name for name in (one.from_account, one.to_account) if name != OUTSIDE]
        members = {
            account
            for measure in self._measures.values()
            if measure.is_motif
            for account in flows.motif(measure, at)
        }
        return parties + sorted(members - set(parties))

    def _bindings(self, flows: PlainFlows, account: str, at: int) -> dict[str, Value | str]:
        names = names_at(flows.transfers[at], account, flows.first_at_us(account, at))
        return {
            **names,
            **{
                f"flow.{name}": flows.value(measure, account, at)
                for name, measure in self._measures.items()
            },
        }

    def _quiet(self, account: str, at_us: int) -> bool:
        before_us = self._alerted_us.get(account)
        return before_us is not None and at_us - before_us < self._typology.quiet_days * DAY_US
