"""What the prover calls proved is true: checked against the interpreter on random payments."""

from __future__ import annotations

from typing import Any

from backends_material import TYPES as WIDE
from backends_material import conditions, oracle, tree_of, vectors
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.cel.errors import EvaluationError
from paywarden.risk.rules.cel.program import Program
from paywarden.risk.rules.cel.program import compile as compile_condition
from paywarden.risk.rules.cel.types import BOOL, DOUBLE, INT, MEMBERS, STRING, CelType
from paywarden.risk.rules.proving.domains import aggregate_domains
from paywarden.risk.rules.proving.prover import Prover
from paywarden.risk.rules.proving.sets import Spans, between, points

HOUR = 3_600_000_000
WINDOWS = (
    Aggregate("n", "count", None, ("card",), HOUR, False, None, False),
    Aggregate("m", "count", None, ("ip",), HOUR, False, None, False),
    Aggregate("mean", "avg", "payment.amount_base_minor", ("card",), HOUR, False, None, True),
)
TYPES: dict[str, CelType] = {
    "agg.n": INT,
    "agg.m": INT,
    "agg.mean": DOUBLE,
    "x.a": INT,
    "x.b": INT,
    "x.f": DOUBLE,
    "x.t": STRING,
    "x.u": STRING,
    "x.on": BOOL,
    "x.hour": INT,
    "lists.l": MEMBERS,
}
DOMAINS: dict[str, Spans] = {
    **aggregate_domains(WINDOWS),
    "x.hour": between(0, 23),
    "x.u": points(("a", "b")),
}
WORDS = ("a", "b", "ab", "")
NUMBERS = (-1, 0, 1, 2, 3, 5)
DOUBLES = (-0.0, 0.0, 0.5, 1.0, 2.5, 3.0, float("nan"), float("inf"))

INTS = st.sampled_from(("x.a", "x.b", "agg.n", "agg.m", "x.hour"))
ORDER = st.sampled_from(("<", "<=", ">", ">=", "==", "!="))
ATOMS = st.one_of(
    st.builds("{} {} {}".format, INTS, ORDER, st.sampled_from((-1, 0, 1, 2, 3, 24, 1.5, 2.0))),
    st.builds("{} {} x.f".format, st.sampled_from((0.5, 1.0, 2, 3)), ORDER),
    st.builds("agg.mean {} {}".format, ORDER, st.sampled_from((-1.0, 0.0, 0.5, 3))),
    st.builds("{} {} {}".format, INTS, ORDER, INTS),
    st.builds("{} {} {} * agg.mean".format, INTS, ORDER, st.sampled_from((0.5, 2.0, 3.0))),
    st.builds("{} * agg.n {} agg.m * {}".format, st.sampled_from((1, 2, 3)), ORDER, st.just(2)),
    st.builds("{} {} {} * agg.m".format, INTS, ORDER, st.sampled_from((1, 2, 4))),
    st.builds("agg.mean {} {} * agg.mean".format, ORDER, st.just(2.0)),
    st.builds('{} {} "{}"'.format, st.sampled_from(("x.t", "x.u")), ORDER, st.sampled_from(WORDS)),
    st.builds('x.t in ["{}", "a"]'.format, st.sampled_from(WORDS)),
    st.builds("x.a in [{}, 2]".format, st.sampled_from(NUMBERS)),
    st.sampled_from(("x.t in lists.l", "x.u in lists.l", "x.t == x.u", "x.on", "has(x.t)")),
    st.sampled_from(("has(x.a)", "has(agg.mean)", "x.t.startsWith('a')", "1 > 2", "true")),
    st.sampled_from(("x.a + 1 > x.b", "10 / x.a > 1", "size(x.t) > 0", "x.on ? x.a > 1 : x.on")),
).map("({})".format)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
        st.builds("(x.on == ({}))".format, inner),
    ),
    max_leaves=6,
)


def _maybe(values: Any) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.sampled_from(values))


PAYMENTS = st.fixed_dictionaries(
    {
        "agg.n": _maybe((0, 1, 2, 3, 4, 6)),
        "agg.m": _maybe((0, 1, 2, 3, 4, 6)),
        "agg.mean": _maybe((0.0, 0.5, 1.0, 1.5, 3.0, 9.0)),
        "x.a": _maybe((*NUMBERS, 24, 2**63 - 1, -(2**63))),
        "x.b": _maybe(NUMBERS),
        "x.f": _maybe(DOUBLES),
        "x.t": _maybe((*WORDS, "z", "aa")),
        "x.u": _maybe(("a", "b")),
        "x.on": _maybe((True, False)),
        "x.hour": _maybe((0, 1, 2, 3, 23)),
        "lists.l": st.sampled_from(((), ("a",), ("b", "ab"))),
    }
)


def _answer(program: Program, payment: dict[str, Any]) -> bool | None:
    """True, False, or None for an error."""
    try:
        return bool(program.evaluate(payment))
    except EvaluationError:
        return None


def _prover(steps: int = 2_000) -> Prover:
    kinds = {path: kind.kind for path, kind in TYPES.items()}
    return Prover(kinds, DOMAINS, {one.name: one for one in WINDOWS}, steps)


@settings(max_examples=250, deadline=None)
@given(CONDITIONS, st.lists(PAYMENTS, min_size=12, max_size=12))
def test_what_is_proved_of_one_condition_holds(text: str, payments: list[dict[str, Any]]) -> None:
    program = compile_condition(text, TYPES, result=BOOL)
    prover = _prover()
    lowered = prover.lowered(program.expr)
    never, always = prover.never_true(lowered), prover.always_true(lowered)
    vacuous = prover.never_false(lowered)
    for payment in payments:
        answer = _answer(program, payment)
        assert not (never and answer is True), (text, payment)
        assert not (always and answer is not True), (text, payment)
        assert not (vacuous and answer is False), (text, payment)


@settings(max_examples=250, deadline=None)
@given(CONDITIONS, CONDITIONS, st.lists(PAYMENTS, min_size=12, max_size=12))
def test_what_is_proved_of_two_conditions_holds(
    first: str, second: str, payments: list[dict[str, Any]]
) -> None:
    programs = [compile_condition(text, TYPES, result=BOOL) for text in (first, second)]
    prover = _prover()
    a, b = (prover.lowered(program.expr) for program in programs)
    implied = prover.implies(a.true, b.true)
    apart = prover.never([(a.true, True), (b.true, True)])
    for payment in payments:
        here, there = (_answer(program, payment) is True for program in programs)
        assert not (implied and here and not there), (first, second, payment)
        assert not (apart and here and there), (first, second, payment)


@settings(max_examples=150, deadline=None)
@given(conditions(), st.lists(vectors, min_size=6, max_size=6))
def test_proofs_hold_over_everything_that_conditions_can_say(
    text: str, rows: list[tuple[Any, ...]]
) -> None:
    prover = Prover({path: kind.kind for path, kind in WIDE.items()}, {})
    expr = tree_of(text)
    lowered = prover.lowered(expr)
    never, always = prover.never_true(lowered), prover.always_true(lowered)
    vacuous = prover.never_false(lowered)
    for row in rows:
        answer = oracle(expr, row)
        assert not (never and answer is True), (text, row)
        assert not (always and answer is not True), (text, row)
        assert not (vacuous and answer is False), (text, row)


@settings(max_examples=150, deadline=None)
@given(CONDITIONS, CONDITIONS)
def test_a_condition_implies_itself_and_what_is_wider(first: str, second: str) -> None:
    prover = _prover(100_000)
    both = prover.lowered(compile_condition(f"({first}) && ({second})", TYPES).expr)
    one = prover.lowered(compile_condition(first, TYPES).expr)
    either = prover.lowered(compile_condition(f"({first}) || ({second})", TYPES).expr)
    assert prover.implies(one.true, one.true)
    assert prover.implies(both.true, one.true)
    assert prover.implies(one.true, either.true)
    assert prover.never([(one.true, True), (one.false, True)])


def test_the_bound_ends_in_not_decided() -> None:
    names = [f"p.n{number}" for number in range(24)]
    types = dict.fromkeys(names, BOOL)
    text = " && ".join(f"({a} ? {b} : {c})" for a, b, c in zip(names, names[1:], names[2:]))  # noqa: B905
    prover = Prover(dict.fromkeys(names, "bool"), {}, {}, steps=3)
    lowered = prover.lowered(compile_condition(f"{text} && !({text})", types).expr)
    assert prover.never([(lowered.true, True), (lowered.false, False)]) in (True, None)
    assert prover.never_true(lowered) is None
    assert prover.undecided >= 1
