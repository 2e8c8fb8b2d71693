from __future__ import annotations

import threading

from compiled_material import policy, rule, vector

from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.rules.lowering import lower
from paywarden.risk.rules.online_image import CHAIN_RULES, CodeCache, build_image
from paywarden.risk.rules.online_index import AccessIndex
from paywarden.risk.rules.policy_image import TreeCache, build_policy_image
from paywarden.risk.rules.program import Graph
from paywarden.risk.rules.selectivity import Selectivity


def test_thresholds_are_exact_at_their_edges():
    whens = [
        f"payment.amount_minor {mark} {bound}"
        for bound in (3, 4, 5)
        for mark in (">", ">=", "<", "<=", "==", "!=")
    ]
    compiled = compile_policy(policy(*whens))
    for amount in (2, 3, 4, 5, 6):
        fired = compiled.online.evaluate(vector(compiled, payment__amount_minor=amount), {})
        expected = [
            n
            for n, text in enumerate(whens)
            if eval(text.replace("payment.amount_minor", str(amount)))
        ]
        assert fired == expected


def test_nan_is_a_value_and_missing_is_none():
    whens = [
        "model.p > 0.5",
        "model.p <= 0.5",
        "!(model.p > 0.5)",
        "model.p != 0.5",
        "model.p == 0.5",
        "has(model.p)",
        "!has(model.p)",
        "model.p in [0.5]",
        "!(model.p in [0.5])",
    ]
    compiled = compile_policy(policy(*whens))
    assert compiled.online.evaluate(vector(compiled, model__p=float("nan")), {}) == [2, 3, 5, 8]
    assert compiled.online.evaluate(vector(compiled), {}) == [6]
    assert compiled.online.evaluate(vector(compiled, model__p=0.5), {}) == [1, 2, 4, 5, 7]


def test_long_chains_are_cut_and_still_whole():
    whens = [f"agg.declines >= {n} && payment.hour == {n % 24}" for n in range(6 * CHAIN_RULES)]
    whens += [f"agg.declines <= {n} && payment.hour == {n % 24}" for n in range(6 * CHAIN_RULES)]
    compiled = compile_policy(policy(*whens))
    for declines in (0, 1, CHAIN_RULES, 3 * CHAIN_RULES + 1, 6 * CHAIN_RULES):
        for hour in (0, 13):
            given = vector(compiled, agg__declines=declines, payment__hour=hour)
            assert compiled.online.evaluate(given, {}) == compiled.slow.fired(given, {})


def test_a_rule_under_several_questions_fires_once():
    compiled = compile_policy(
        policy('card.country == "DE" || ip.country == "DE" || payment.hour in [1, 2]')
    )
    given = vector(compiled, card__country="DE", ip__country="DE", payment__hour=2)
    assert compiled.online.evaluate(given, {}) == [0]


def test_lists_are_asked_as_they_are_now():
    compiled = compile_policy(
        policy(
            "merchant.id in lists.bad",
            "!(merchant.id in lists.bad)",
            "merchant.id in lists.bad && !(merchant.id in lists.good)",
            '(merchant.id + "") in lists.good',
        )
    )
    given = vector(compiled, merchant__id="m")
    assert compiled.online.evaluate(given, {}) == [1]
    assert compiled.online.evaluate(given, {"bad": {"m": 1}}) == [0, 2]
    assert compiled.online.evaluate(given, {"bad": frozenset("m"), "good": ["m"]}) == [0, 3]
    assert compiled.online.evaluate(vector(compiled), {"bad": {"m"}}) == []


def test_errors_have_codes_and_are_those_of_rules_that_apply():
    compiled = compile_policy(
        policy(
            "payment.hour > 3",
            "payment.amount_minor * 4 > 1",
            "payment.amount_minor / 0 > 1 && true",
            "payment.amount_minor / 0 > 1 || true",
            rule(4, "payment.hour > 3", segments=("web",)),
            "card.issuer.matches(card.brand)",
        )
    )
    given = vector(compiled, payment__amount_minor=2**62, card__issuer="x", card__brand="(")
    assert compiled.online.errors(given, {}) == {
        0: "absent_value",
        1: "overflow",
        2: "division_by_zero",
        5: "bad_pattern",
    }
    assert compiled.online.evaluate(given, {}) == [3]


def test_an_explanation_shows_what_a_rule_reads():
    compiled = compile_policy(policy('payment.hour > 3 || (has(card.bin) && card.issuer == "x")'))
    given = vector(compiled, payment__hour=4, card__bin="411111")
    assert compiled.online.fired_values(0, given) == {
        "card.bin": "411111",
        "card.issuer": None,
        "payment.hour": 4,
    }


def test_measured_shares_change_the_filing_and_nothing_else():
    given = policy(*[f'card.country == "{n % 5}" && agg.declines >= {n}' for n in range(100)])
    plain = build_policy_image(given)
    shares = {("eq", "card.country", str(n)): (0.99, 0.01) for n in range(5)}
    shares |= {("ge", "agg.declines", n): (0.001, 0.9) for n in range(100)}
    measured = build_policy_image(given, TreeCache(), shares)
    assert plain.online.tables.keys() - {"payment.phase"} == {"card.country"}
    assert measured.online.tables.keys() - {"payment.phase"} == set()
    from paywarden.risk.rules.compiler import load_policy

    one, other = load_policy(plain, given), load_policy(measured, given)
    for declines in (0, 7, 200):
        values = vector(one, card__country="2", agg__declines=declines)
        assert one.online.evaluate(values, {}) == other.online.evaluate(values, {})


def test_a_cover_holds_whenever_the_formula_holds():
    from backends_names import TREES

    graph = Graph()
    for tree in TREES:
        node = lower(tree, graph).true
        index = AccessIndex(graph, Selectivity(graph))
        cover = index.cover(node)
        if cover is None:
            continue
        for held in range(1 << min(len(graph.atoms), 6)):
            truth = []
            for kind, *content in graph.nodes:
                if kind == "lit":
                    truth.append(bool(held >> content[0] & 1) is content[1])
                else:
                    join = all if kind == "and" else any
                    truth.append(join(truth[child] for child in content[0]))
            assert not truth[node] or any(truth[literal] for literal in cover[1])


def test_threads_share_a_program():
    compiled = compile_policy(policy(*[f"payment.amount_minor % 7 == {n % 7}" for n in range(70)]))
    wrong: list[int] = []

    def ask(amount: int) -> None:
        for _ in range(200):
            fired = compiled.online.evaluate(vector(compiled, payment__amount_minor=amount), {})
            if fired != [n for n in range(70) if n % 7 == amount % 7]:
                wrong.append(amount)

    threads = [threading.Thread(target=ask, args=(amount,)) for amount in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_image_of_no_rules():
    graph = Graph()
    image = build_image(graph, [], Selectivity(graph), CodeCache())
    assert len(image.drivers) == 1
