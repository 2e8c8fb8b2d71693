"""Doubts about numbers and words: minor and whole money, seconds and milliseconds, percent, typing.

Guards: a doubt needs more than a resemblance where honest policies look alike: a small bound is
doubted only where an amount has to exceed it, a large time only where no window can hold it.
"""

from __future__ import annotations

from collections.abc import Mapping

from paywarden.reference.currencies import currency
from paywarden.risk.features.model import SECOND_US, Aggregate
from paywarden.risk.rules.cel.errors import shown
from paywarden.risk.rules.cel.syntax import Call, Reference
from paywarden.risk.rules.cel.tree import nodes_of
from paywarden.risk.rules.findings import one_of
from paywarden.risk.rules.linting.comparisons import Comparison, comparisons_of
from paywarden.risk.rules.linting.subjects import Material, Subject, place_of
from paywarden.risk.rules.proving.domains import NEVER_NEGATIVE

OWN = "payment.amount_minor"
BASE = "payment.amount_base_minor"
_AMOUNT_READERS = frozenset({"sum", "avg", "min", "max", "stddev", "first", "last"})
_SINCE = frozenset({"since_first", "since_last"})
_DAY_SECONDS = 86_400
_LOWER = frozenset({"_>_", "_>=_"})

VOCABULARY: Mapping[str, tuple[str, ...]] = {
    "payment.type": (
        "card_payment", "transfer", "payout", "top_up", "withdrawal", "refund", "account_event",
    ),
    "payment.phase": ("onboarding", "pre_auth", "post_auth", "capture", "payout", "refund"),
    "payment.channel": (
        "ecommerce", "in_app", "pos", "atm", "moto", "recurring", "branch", "api", "other",
    ),
    "payment.entry_mode": (
        "manual", "chip", "contactless", "magstripe", "on_file", "wallet", "qr", "other",
    ),
    "payment.initiator": ("customer", "merchant"),
    "payment.instrument_kind": ("card", "account", "wallet"),
}  # fmt: skip
"""Words that intake lets through; the tests compare it with the messages of the API."""


def lint_values(material: Material) -> None:
    """Judge the numbers and words of every condition."""
    judge = _Judge(material, unit_of(material.policy.base_currency))
    for subject in material.subjects:
        judge.judge(subject)


def unit_of(code: str) -> int:
    """Minor units of one unit of money; 100 for a currency that is not known."""
    known = currency(code)
    exponent = 2 if known is None or known.exponent is None else known.exponent
    return int(10**exponent)


class _Judge:
    def __init__(self, material: Material, unit: int) -> None:
        self._material = material
        self._report = material.report
        self._aggregates = material.aggregates
        self._unit = unit

    def judge(self, subject: Subject) -> None:
        for comparison in comparisons_of(subject.expr):
            code, message = self._doubt(comparison)
            if code:
                text = f"{subject.what} compares `{comparison.path}` with {message}"
                place = place_of(subject, comparison.expr)
                self._report.about_rule(subject, code, text, place)
        self._own_currency(subject)

    def _doubt(self, comparison: Comparison) -> tuple[str, str]:
        words = VOCABULARY.get(comparison.path)
        if words and isinstance(comparison.value, str) and comparison.value not in words:
            near = one_of(words, comparison.value)
            return "unknown_word", f"`{shown(comparison.value)}`, which never occurs: {near}"
        number = comparison.number
        if number is None:
            return "", ""
        if self._is_amount(comparison.path):
            return self._amount(comparison, number)
        return self._other(comparison.path, number)

    def _amount(self, comparison: Comparison, number: float) -> tuple[str, str]:
        if number != int(number) and not self._averaged(comparison.path):
            return "fraction_of_minor_unit", f"{number:g}"
        small = comparison.function in _LOWER and 0 < number < self._unit
        if small and self._unit > 1:
            return "amount_suspiciously_small", f"{number:g}, less than one unit of money"
        return "", ""

    def _other(self, path: str, number: float) -> tuple[str, str]:
        longest = self._since_seconds(path)
        if longest is not None and number > longest and number % 1000 == 0:
            return "unit_milliseconds", f"{number:g}, longer than its window of {longest:g} s"
        if path.endswith(".age_days") and number >= _DAY_SECONDS:
            return "unit_seconds_for_days", f"{number:g} days"
        if path in ("model.p", "model.anomaly") and 1 < number <= 100:
            return "unit_percent", f"{number:g}; it is a share from 0 to 1"
        return "", ""

    def _own_currency(self, subject: Subject) -> None:
        if OWN not in subject.paths:
            return
        base = [path for path in subject.paths if self._in_base(path)]
        for node in nodes_of(subject.expr):
            if isinstance(node, Call) and self._mixes(node):
                message = f"{subject.what} sets `{OWN}` against `{base[0]}`"
                self._report.about_rule(subject, "currency_mix", message, place_of(subject, node))
                return
        fixed = "payment.currency" in subject.paths
        if not fixed and any(c.path == OWN and c.number for c in comparisons_of(subject.expr)):
            message = f"{subject.what} compares `{OWN}` and does not ask the currency"
            self._report.about_rule(subject, "currency_not_fixed", message)

    def _mixes(self, call: Call) -> bool:
        """A comparison or sum in which own and base currency meet."""
        if call.function in ("_&&_", "_||_", "!_", "_?_:_"):
            return False
        paths = {node.path for node in nodes_of(call) if isinstance(node, Reference)}
        return OWN in paths and any(map(self._in_base, paths))

    def _is_amount(self, path: str) -> bool:
        if path in NEVER_NEGATIVE:
            return True
        one = self._window(path)
        return one is not None and one.function in _AMOUNT_READERS and one.of in NEVER_NEGATIVE

    def _averaged(self, path: str) -> bool:
        one = self._window(path)
        return one is not None and one.function in ("avg", "stddev")

    def _in_base(self, path: str) -> bool:
        one = self._window(path)
        return path == BASE or (one is not None and one.of == BASE)

    def _since_seconds(self, path: str) -> float | None:
        one = self._window(path)
        if one is None or one.function not in _SINCE or one.window_us is None:
            return None
        return one.window_us / SECOND_US

    def _window(self, path: str) -> Aggregate | None:
        return self._aggregates.get(path.removeprefix("agg.")) if path.startswith("agg.") else None
