"""Ratings of customers in the ordered log, and the windows that an assessment reads.

Guards: a rating has its place in the log before any payment reads it, in one commit with the file
and history that explain it; memory is moved with the place, and is rebuilt if the commit fails.
Implements ports of `aml.customer_risk`, which knows nothing of the log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from paywarden.aml.customer_risk.exposure import Exposure, NotReckoned
from paywarden.aml.customer_risk.model import RiskModel
from paywarden.aml.customer_risk.ports import SUBJECT, Named, Rated
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.customer_fields import KIND, merchant_exposure, window_values
from paywarden.decision.entries import CustomerRiskEntry
from paywarden.decision.ledger import Ledger
from paywarden.kit.db.unit import UnitOfWork
from paywarden.reference.mcc import merchant_category


class CustomerRatings:
    """`RatingLog`, `Counted` and `Exposures` over a ledger.

    `identifier`: the stored form of an identifier, as payments keep them.
    """

    def __init__(self, ledger: Ledger, identifier: Callable[[str], str]) -> None:
        self._ledger = ledger
        self._identifier = identifier

    def name(self, scope: Scope, customer: str) -> Named:
        """How a customer is named: digest as payments read it, subject as they are sealed under."""
        digest, kept = self._ledger.ready(scope).digester.digest, self._identifier(customer)
        return Named(kept, f"{digest(KIND, kept):016x}", f"{SUBJECT}{digest('payer', kept):016x}")

    def next_seq(self, scope: Scope) -> int:
        """The place that the next commit takes, if nothing is awaited before."""
        self._ledger.ready(scope)
        return self._ledger.next_seq

    async def commit(
        self, unit: UnitOfWork, scope: Scope, rated: Sequence[Rated], model: RiskModel, cause: str
    ) -> int:
        """Log with the unit and let decisions read; the sequence, or 0 when there is no cause."""
        ledger = self._ledger
        state = ledger.ready(scope)
        if not cause:
            await ledger.stores.writer.commit(unit)
            return 0
        told = tuple((one.ref, one.level, one.score) for one in rated)
        body, now = CustomerRiskEntry(told, model.id, cause), ledger.clock.now_us()
        with ledger.ahead():
            staged = ledger.stage(unit, scope, entries.CUSTOMER_RISK, now, body)
            state.customers.take(rated, model)
        await ledger.commit(unit, [staged])
        return staged.seq

    def load(self, scope: Scope, rated: Sequence[Rated], model: RiskModel | None) -> None:
        """Let decisions read these from the start."""
        state = self._ledger.states.get(scope)
        if state is not None:
            state.customers.take(rated, model)

    def values(
        self, scope: Scope, names: Sequence[str], *, payer: str = "", merchant: str = ""
    ) -> dict[str, int]:
        """Values of windows that exist and are whole, of a payer or a merchant."""
        given = {"payer": self._identifier(payer), "merchant": self._identifier(merchant)}
        state = self._ledger.ready(scope)
        t_us = max(state.ticker.t_us, self._ledger.clock.now_us())
        return window_values(state, names, {kind: one for kind, one in given.items() if one}, t_us)

    def exposure(
        self, scope: Scope, merchant: str, mcc: str | None, model: RiskModel
    ) -> Exposure | NotReckoned | None:
        """A merchant's exposure now; None where the model has no terms of it."""
        if model.exposure is None:
            return None
        state, named = self._ledger.ready(scope), self.name(scope, merchant)
        standing = state.customers.known.get(int(named.ref, 16))
        category = merchant_category(mcc) if mcc else None
        t_us = max(state.ticker.t_us, self._ledger.clock.now_us())
        return merchant_exposure(
            state, model.exposure, named.id, category.risk_group if category else None,
            standing.level if standing else None, t_us,
        )  # fmt: skip
