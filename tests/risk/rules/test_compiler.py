from __future__ import annotations

import marshal
import re
from dataclasses import replace

import pytest
from compiled_material import WINDOWS, policy, rule, vector

from paywarden.core.errors import InvalidRequest
from paywarden.risk.features.catalogue import FIELDS
from paywarden.risk.rules.compiler import compile_policy, load_policy
from paywarden.risk.rules.findings import PolicyErrors
from paywarden.risk.rules.image_parts import Assembly, parts_of
from paywarden.risk.rules.online_image import CodeCache
from paywarden.risk.rules.online_source import Source
from paywarden.risk.rules.policy_image import TreeCache, build_policy_image, ruleset_hash


def test_layout_puts_windows_last_in_plan_order():
    compiled = compile_policy(policy("true"))
    derived = {"segment", "merchant_group", "model.p", "model.anomaly"}
    assert derived <= compiled.slots.keys() and not derived & FIELDS.keys()
    assert compiled.width == len(compiled.slots) == len(FIELDS) + len(derived) + len(WINDOWS)
    start = compiled.aggregate_start
    assert [compiled.slots[f"agg.{name}"] for name in compiled.plan.names] == [start, start + 1]
    assert compiled.plan.names == ("declines", "mean")


def test_window_macros_become_windows_of_the_plan_once():
    text = 'count(card, "10m") > 3'
    compiled = compile_policy(policy(text, text + " && card.is_prepaid", "agg.declines > 1"))
    assert len(compiled.plan.names) == 3
    made = compiled.plan.names[2]
    assert made.startswith("w_count_card")
    assert compiled.rules[0].references.aggregates == (made,)
    values = vector(compiled, **{f"agg__{made}": 4}, card__is_prepaid=True)
    assert compiled.online.evaluate(values, {}) == [0, 1]
    assert compiled.online.fired_values(0, values) == {f"agg.{made}": 4}
    assert compiled.online.errors(values, {}) == {2: "absent_value"}


def test_phase_segment_and_group_are_part_of_a_rule():
    compiled = compile_policy(
        policy(
            rule(0, "true", phases=("pre_auth", "payout")),
            rule(1, "true", phases=("capture",)),
            rule(2, "true", segments=("web",)),
            rule(3, "true", segments=("far", "other")),
            rule(4, "true", merchant_groups=("games",)),
            rule(5, "true", segments=("web",), merchant_groups=("listed",)),
        )
    )
    lists = {"bad": {"m1"}}
    web = vector(compiled, lists, payment__channel="ecommerce", merchant__id="m1")
    assert compiled.online.evaluate(web, lists) == [0, 2, 5]
    games = vector(compiled, lists, merchant__mcc="7995", ip__country="XX", merchant__id="m1")
    assert compiled.online.evaluate(games, lists) == [0, 3, 4]
    capture = vector(compiled, payment__phase="capture")
    assert compiled.online.evaluate(capture, {}) == [1]
    assert compiled.segment_of(capture) == ""
    assert compiled.online.errors(capture, {}) == {}


def test_segments_take_the_first_that_holds():
    compiled = compile_policy(policy("segment == 'web'", "segment == ''"))
    both = vector(compiled, payment__channel="ecommerce", ip__country="XX")
    assert both[compiled.slots["segment"]] == "web"
    assert compiled.online.evaluate(both, {}) == [0]
    assert compiled.online.evaluate(vector(compiled), {}) == [1]


def test_errors_of_all_conditions_come_with_their_places():
    wrong = policy("payment.amount_minr > 5", "true", "payment.currency > 5", "a +")
    wrong = replace(wrong, segments=(replace(wrong.segments[0], when="agg.declines > 1"),))
    with pytest.raises(PolicyErrors) as caught:
        compile_policy(wrong)
    found = {(f.file, f.line, f.code) for f in caught.value.findings}
    assert found == {
        ("rules/test.yaml", 1, "unknown_name"),
        ("rules/test.yaml", 3, "no_such_overload"),
        ("rules/test.yaml", 4, "syntax_error"),
        ("policy.yaml", 3, "unknown_name"),
    }
    assert "payment.amount_minor" in str(caught.value.findings[1])


def test_a_window_that_the_stores_refuse_is_named():
    bad = replace(WINDOWS[0], window_us=1)
    with pytest.raises(InvalidRequest) as caught:
        compile_policy(policy("true", aggregates=(bad,)))
    assert caught.value.pointer == "declines"


def test_partial_windows_keep_rules_from_firing_unless_they_are_lower_bounds():
    compiled = compile_policy(
        policy(
            "agg.declines >= 5",
            "agg.declines < 5",
            "agg.mean > 5.0",
            rule(3, "agg.mean > 5.0", allow_partial=True),
        )
    )
    assert compiled.needs_whole == (frozenset(), {0}, {1}, frozenset())


def test_a_policy_is_named_by_its_content():
    one = policy("true")
    assert ruleset_hash(one) == compile_policy(one).ruleset_hash
    assert re.fullmatch("rs_[0-9a-f]{64}", ruleset_hash(one))
    assert ruleset_hash(one) != ruleset_hash(policy("false"))
    assert ruleset_hash(one) == ruleset_hash(
        replace(one, points=replace(one.points, challenge=50.0))
    )


def test_a_policy_without_rules_compiles():
    empty = policy(segments=(), merchant_groups=(), aggregates=(), lists={})
    compiled = compile_policy(empty)
    assert compiled.online.evaluate(vector(compiled), {}) == []
    assert compiled.columns.evaluate({}, {}, 0).offsets.tolist() == [0]


def test_few_changes_compile_few_functions():
    cache = TreeCache()
    whens = [f"payment.amount_minor > {n * 7} && agg.declines == {n % 9}" for n in range(300)]
    first = build_policy_image(policy(*whens), cache)
    again = build_policy_image(policy(*whens), cache)
    assert (first.counts["compiled"] > 0, again.counts["compiled"]) == (True, 0)
    whens[17] = 'payment.amount_minor > 3 && card.country == "DE"'
    changed = policy(*whens)
    hot, cold = build_policy_image(changed, cache), build_policy_image(changed)
    assert 0 < hot.counts["compiled"] < first.counts["compiled"]
    assert hot.online.chunks == cold.online.chunks
    values = {"payment__amount_minor": 900, "card__country": "DE", "agg__declines": 4}
    answers = []
    for image in (hot, cold):
        compiled = load_policy(image, changed)
        answers.append(compiled.online.evaluate(vector(compiled, **values), {}))
    assert answers[0] == answers[1] == [4, 13, 17, *range(22, 129, 9)]


def test_the_least_used_code_is_forgotten():
    cache = CodeCache(limit=2)
    for text in ("def f(v, m):\n return 1\n", "def f(v, m):\n return 2\n") * 2:
        cache.code(text)
    assert cache.misses == 2
    cache.code("def f(v, m):\n return 3\n")
    cache.code("def f(v, m):\n return 1\n")
    assert cache.misses == 4


def test_an_image_crosses_in_small_parts():
    given = policy(*[f"payment.amount_minor > {n}" for n in range(1200)], 'count(card, "1h") > 2')
    image = build_policy_image(given)
    parts = list(parts_of(image, given))
    assert len(parts) > 5
    assembly = Assembly()
    for part in parts:
        assembly.take(part)
    copy = assembly.image
    assert copy == image
    assert assembly.policy == given
    compiled = load_policy(copy, given)
    assert len(compiled.online.evaluate(vector(compiled, payment__amount_minor=700), {})) == 700


HOSTILE = [
    "\"'; import os; os.abort() #",
    "'''\n\nraise SystemExit",
    "a\\nb",
    "{0}",
    "\u2028\u202e\x7f",
    "x" * 20_000,
    "]]) or True or ((",
    "None",
]


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def test_texts_of_a_policy_never_become_code(monkeypatch):
    sources = []
    code = CodeCache.code
    monkeypatch.setattr(
        CodeCache, "code", lambda self, source: sources.append(source) or code(self, source)
    )
    whens = []
    for text in HOSTILE:
        whens += [
            f"card.issuer == {quoted(text)}",
            f"card.issuer in [{quoted(text)}, 'never']",
            f"card.issuer != {quoted(text)}",
            f"card.issuer < {quoted(text)}",
            f"card.issuer.startsWith({quoted(text)}) && size(card.issuer) > 0",
            f"card.issuer + {quoted(text)} == {quoted(text + text)}",
            f"[card.issuer].exists(e, e == {quoted(text)})",
        ]
    compiled = compile_policy(policy(*whens))
    words = re.compile(r"[A-Za-z_]{3,}")
    words_of_ours = (
        "def return True False None not and for len abs int float append startswith endswith"
        " search pass else"
    )
    allowed = set(words_of_ours.split())
    for source in sources:
        assert source.isascii()
        assert not set(words.findall(source)) - allowed
        assert "'" not in source
        assert '"' not in source
    for number, text in enumerate(HOSTILE):
        fired = compiled.online.evaluate(vector(compiled, card__issuer=text), {})
        mine = [n - 7 * number for n in fired if n // 7 == number]
        assert mine == [0, 1, 4, 5, 6]
        assert [n for n in fired if n % 7 == 0] == [7 * number]
    assert compiled.online.faults == 0


def test_depth_width_and_large_constants():
    deep = "payment.hour > 1"
    for level in range(60):
        deep = f"!({deep})" if level % 2 else f"({deep} || payment.hour == {level})"
    wide = " || ".join(f"payment.amount_minor == {n * 3}" for n in range(1500))
    both = " && ".join(f"payment.amount_minor != {n * 3 + 1}" for n in range(1500))
    members = "payment.currency in [" + ", ".join(f'"c{n}"' for n in range(5000)) + "]"
    amount = "payment.amount_minor"
    edges = f"{amount} >= -9223372036854775808 && {amount} <= 9223372036854775807"
    chosen = "card.is_prepaid"
    for level in range(50):
        chosen = f"({chosen} ? ip.is_vpn : payment.hour == {level})"
    compiled = compile_policy(policy(deep, wide, both, members, edges, chosen))
    lists: dict[str, set[str]] = {}
    for values in (
        {"payment__amount_minor": 2997, "payment__currency": "c4999", "payment__hour": 0},
        {
            "payment__amount_minor": 4,
            "payment__hour": 49,
            "card__is_prepaid": False,
            "ip__is_vpn": True,
        },
        {"payment__amount_minor": -(2**63), "card__is_prepaid": True, "ip__is_vpn": True},
        {},
    ):
        given = vector(compiled, **values)
        assert compiled.online.evaluate(given, lists) == compiled.slow.fired(given, lists)
    given = vector(compiled, payment__amount_minor=2997, payment__currency="c4999", payment__hour=0)
    assert compiled.online.evaluate(given, lists) == [0, 1, 2, 3, 4]
    assert compiled.online.faults == 0


def test_ten_thousand_rules():
    whens = [
        f"payment.amount_minor >= {n} && payment.amount_minor < {n + 3}"
        f' && card.country == "{n % 7}"'
        for n in range(10_000)
    ]
    compiled = compile_policy(policy(*whens))
    for amount in (0, 1, 5_000, 9_999, 10_001, 20_000):
        given = vector(compiled, payment__amount_minor=amount, card__country=str(amount % 7))
        expected = [amount] if amount < 10_000 else []
        assert compiled.online.evaluate(given, {}) == expected


def test_a_value_of_another_type_is_answered_slowly_and_counted():
    compiled = compile_policy(policy("payment.amount_minor > 5", "payment.hour == 3"))
    given = vector(compiled, payment__amount_minor="many", payment__hour=3)
    assert compiled.online.evaluate(given, {}) == [1]
    assert compiled.online.faults == 1


def test_generated_functions_are_marshalled_code_without_constants_of_the_policy():
    image = build_policy_image(policy('card.issuer == "Geheim" && payment.amount_minor > 12345'))
    for code, _ in image.online.chunks:
        assert "Geheim" not in repr(marshal.loads(code).co_consts)
    assert Source.__doc__
