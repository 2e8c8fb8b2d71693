"""Random typologies: the compiled path, columns with their verdicts, and the reference agree.

Terms are drawn from few names and constants, with missing values and errors among them; the
interpreter answers each term alone, and the score is put together by the plain expression.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from paywarden.lab.backtest.rule_pass import Matches
from paywarden.lab.backtest.typology_verdicts import with_verdicts
from paywarden.risk.rules.columns import Column, columns_of_vectors
from paywarden.risk.rules.compiler import CompiledPolicy, compile_policy
from paywarden.risk.rules.findings import PolicyErrors
from paywarden.risk.rules.reader import read_policy_files
from paywarden.risk.rules.typology_program import typology_program
from paywarden.risk.rules.typology_rows import TypologyRows

HEAD = b"""\
name: drawn
base_currency: EUR
lists: {wanted: country}
"""
RULE = b"""\
- {id: plain, title: t, scenario: s, when: payment.amount_minor > 3, then: {points: 5}}
- {id: never, title: t, scenario: s, when: payment.amount_minor > 90, then: {points: 5}}
"""
LISTS = {"wanted": frozenset({"DE", "FR"})}
NAMES = ("a", "b", "c", "d")
VALUES: dict[str, list[Any]] = {
    "payment.amount_minor": [0, 1, 4, 9, 2**62],
    "payment.hour": [0, 3, 23],
    "payer.country": ["DE", "FR", "IR", ""],
    "card.is_prepaid": [True, False],
    "payer.age_days": [0, 10, 400],
    "payment.phase": ["pre_auth", "payout"],
}


def condition(draw: random.Random) -> str:
    atoms = [
        f"payment.amount_minor {draw.choice(['>', '<=', '=='])} {draw.randint(0, 9)}",
        f"payment.hour < {draw.randint(1, 23)}",
        f'payer.country in ["{draw.choice(["DE", "IR"])}"]',
        "payer.country in lists.wanted",
        draw.choice(["", "!"]) + "card.is_prepaid",
        f"payment.amount_minor * 4 > payer.age_days + {draw.randint(0, 20)}",
        f"has({draw.choice(['payer.country', 'payer.age_days'])})",
    ]
    return draw.choice([" && ", " || "]).join(draw.sample(atoms, draw.randint(1, 3)))


def expression(draw: random.Random, names: list[str], depth: int = 2) -> str:
    parts = [*names, str(draw.choice([0, 0.5, 2, -1]))]
    if depth:
        parts.append(expression(draw, draw.sample(names, 2), depth - 1))
    return "{" + f"{draw.choice(['sum', 'max', 'min', 'product'])}: [{', '.join(parts)}]" + "}"


def typology(draw: random.Random, number: int) -> bytes:
    weights = [-2, 0.25, 1, 3, 8]
    terms = "\n".join(
        f"  {name}: {{when: '{condition(draw)}', weight: {draw.choice(weights)}, says: x}}"
        for name in NAMES
    )
    phase = draw.choice(["", "phase: [payout]\n"])
    low = draw.choice([0.5, 1.25, 3])
    return (
        f"id: t{number}\ntitle: t\nfamily: f\nsources: [s]\nexplanation: e\nruns: payment\n"
        f"entity: payer\n{phase}terms:\n{terms}\nscore: {expression(draw, list(NAMES))}\n"
        f"alert: {low}\ninterdict: {low + draw.choice([0, 1, 2])}\n"
        "examples: [{given: {}, score: 0}]\n"
    ).encode()


def drawn_policy(draw: random.Random) -> CompiledPolicy | None:
    """A compiled policy, or None where a threshold is out of reach or needs no term."""
    files = {f"typologies/t{number}.yaml": typology(draw, number) for number in range(3)}
    policy_files = {"policy.yaml": HEAD, "rules/a.yaml": RULE, **files}
    try:
        return compile_policy(read_policy_files(policy_files))
    except PolicyErrors as refused:
        codes = {one.code for one in refused.findings}
        assert codes <= {"threshold_out_of_reach", "threshold_without_terms"}, codes
        return None


def vector(draw: random.Random, compiled: CompiledPolicy) -> list[Any]:
    row: list[Any] = [None] * compiled.width
    for path, known in VALUES.items():
        if draw.random() < 0.8:
            row[compiled.slots[path]] = draw.choice(known)
    return row


def test_path_columns_and_reference_agree() -> None:
    draw, seen, alerts, holds = random.Random(20261125), 0, 0, 0
    while seen < 25:
        compiled = drawn_policy(draw)
        if compiled is None:
            continue
        seen += 1
        rows = TypologyRows(compiled.policy)
        vectors = [vector(draw, compiled) for _ in range(60)]
        settled = [rows.settled(sorted(compiled.online.evaluate(one, LISTS))) for one in vectors]
        for values, fired in zip(vectors, settled, strict=True):
            found = agrees(compiled, rows, values, fired)
            alerts, holds = alerts + found[0], holds + found[1]
        assert by_columns(compiled, rows, vectors) == settled
    assert alerts > 200 and holds > 100


def agrees(
    compiled: CompiledPolicy, rows: TypologyRows, values: list[Any], fired: list[int]
) -> tuple[int, int]:
    """The settled rows against the interpreter; how many alerted and held."""
    bindings = compiled.slow.bindings(values, LISTS)
    scored = {one.typology.id: one for one in rows.scored(fired)}
    for row in rows.rows:
        typology_, program = row.typology, typology_program(row.typology, compiled.types)
        phase = values[compiled.slots["payment.phase"]]
        applies = not typology_.phases or phase in typology_.phases
        score = program.score(bindings)
        assert (typology_.id in scored) == (applies and score >= typology_.alert)
        if typology_.id in scored:
            one = scored[typology_.id]
            assert (one.score, one.held) == (score, program.held(bindings))
            assert one.holds == (score >= (typology_.interdict or 0.0))
    return len(scored), sum(one.holds for one in scored.values())


def by_columns(
    compiled: CompiledPolicy, rows: TypologyRows, vectors: list[list[Any]]
) -> list[list[int]]:
    """Settled rows of each vector by the column back end and the verdicts over arrays."""
    kinds = {path: kind.kind for path, kind in compiled.types.items()}
    where = [(path, slot, kinds[path]) for path, slot in compiled.slots.items()]
    columns = columns_of_vectors(vectors, where)
    found = compiled.columns.by_rule(columns, LISTS, len(vectors))
    nowhere = Column("string", np.zeros(len(vectors), np.int32), None, ("",))
    matches = Matches(found.offsets, found.payments, found.errors, nowhere, nowhere, 0)
    settled = with_verdicts(matches, rows)
    at = settled.at(list(range(len(vectors))))
    return [list(at[number]) for number in range(len(vectors))]


def test_settling_is_idempotent_on_what_it_lets_through() -> None:
    draw = random.Random(3)
    compiled = next(one for one in iter(lambda: drawn_policy(draw), 0) if one is not None)
    rows = TypologyRows(compiled.policy)
    for _ in range(50):
        fired = sorted(compiled.online.evaluate(vector(draw, compiled), LISTS))
        kept = rows.settled(fired)
        terms = [index for index in kept if index < rows.first_alert]
        assert rows.settled(terms) == kept
        assert kept == sorted(set(kept))
