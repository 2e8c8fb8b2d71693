import pytest

from paywarden.risk.rules.cel.checker import check
from paywarden.risk.rules.cel.errors import CompileError
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.program import compile
from paywarden.risk.rules.cel.syntax import Call, Name, Present, Reference, Select
from paywarden.risk.rules.cel.tree import nodes_of
from paywarden.risk.rules.cel.types import (
    BOOL,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    MEMBERS,
    STRING,
    TIMESTAMP,
    list_of,
    map_of,
    named,
)

NAMES = {
    "payment.amount_minor": INT,
    "payment.currency": STRING,
    "payment.occurred_at": TIMESTAMP,
    "payment.metadata": map_of(STRING, DYN),
    "payment.tags": list_of(STRING),
    "payment.seen": BOOL,
    "model.p": DOUBLE,
    "agg.card_declines_10m": INT,
    "lists.stolen_cards": MEMBERS,
    "segment": STRING,
    "x": INT,
}


def typed(source, result=None):
    return check(parse(source), NAMES, result)


def refused(source, result=None):
    with pytest.raises(CompileError) as caught:
        typed(source, result)
    return caught.value


def test_chains_become_references_and_has_becomes_present():
    checked = typed("payment.amount_minor > 5 && has(payment.currency)")
    nodes = list(nodes_of(checked.expr))
    assert [n.path for n in nodes if isinstance(n, Reference)] == ["payment.amount_minor"]
    assert [n.path for n in nodes if isinstance(n, Present)] == ["payment.currency"]
    assert not [n for n in nodes if isinstance(n, Name | Select)]
    assert checked.type == BOOL


def test_the_longest_declared_name_wins_and_the_rest_selects():
    checked = typed("payment.metadata.basket.size")
    assert checked.type == DYN
    inner = checked.expr.operand.operand
    assert isinstance(inner, Reference) and inner.path == "payment.metadata"
    asked = typed("has(payment.metadata.basket)").expr
    assert isinstance(asked, Select) and asked.test_only and isinstance(asked.operand, Reference)


def test_every_node_has_a_type():
    checked = typed("[1, 2].exists(i, i + x > 2) ? size(payment.tags) : int(payment.tags[0])")
    for node in nodes_of(checked.expr):
        assert checked.type_of(node)
    assert checked.type == INT


def test_variables_of_macros_shadow_names_and_a_dot_reaches_behind():
    assert typed("payment.tags.exists(x, x == 'a')").type == BOOL
    assert typed("payment.tags.exists(x, x == 'a' && .x == 1)").type == BOOL
    assert refused("payment.tags.exists(x, x == 1)").code == "no_such_overload"
    assert typed("[payment.metadata].all(payment, payment.other == 1)").type == BOOL
    assert refused("[1].all(y, true) && y").code == "unknown_name"
    assert typed("{'a': 1}.all(k, k == 'a')").type == BOOL


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("1 + x", "int"),
        ("1.5 * model.p", "double"),
        ("'a' + segment", "string"),
        ("b'a' + bytes(segment)", "bytes"),
        ("[1] + [x]", "list(int)"),
        ("[1, 'a']", "list(dyn)"),
        ("[]", "list(dyn)"),
        ("{'a': 1}", "map(string, int)"),
        ("{'a': 1, 'b': ''}", "map(string, dyn)"),
        ("{'a': 1}.a", "int"),
        ("{'a': 1}['a']", "int"),
        ("payment.tags[0]", "string"),
        ("payment.tags.map(t, size(t))", "list(int)"),
        ("payment.tags.filter(t, t != '')", "list(string)"),
        ("payment.tags.map(t, t != '', t + 'x')", "list(string)"),
        ("payment.occurred_at - duration('1h')", "timestamp"),
        ("payment.occurred_at - payment.occurred_at", "duration"),
        ("duration('1s') + payment.occurred_at", "timestamp"),
        ("payment.occurred_at.getHours('Europe/Berlin')", "int"),
        ("x < 1.5", "bool"),
        ("x == 1.0 || 1u >= x", "bool"),
        ("x in [1.0]", "bool"),
        ("segment in lists.stolen_cards", "bool"),
        ("payment.metadata.a in lists.stolen_cards", "bool"),
        ("segment in payment.metadata", "bool"),
        ("payment.metadata.n + 1", "int"),
        ("payment.metadata.n + payment.metadata.m", "dyn"),
        ("payment.metadata.n == 'a'", "bool"),
        ("dyn(x) == 'a'", "bool"),
        ("payment.seen ? 1 : 2", "int"),
        ("type(1) == int", "bool"),
        ("matches(segment, 'a.*')", "bool"),
        ("size('a') + 'b'.size()", "int"),
        ("-model.p", "double"),
    ],
)
def test_types_of_expressions(source, kind):
    assert str(typed(source).type) == kind


@pytest.mark.parametrize(
    ("source", "code", "column"),
    [
        ("x + 1.0", "no_such_overload", 3),
        ("x + 'a'", "no_such_overload", 3),
        ("x % 2.0", "no_such_overload", 3),
        ("x == 'a'", "no_such_overload", 3),
        ("x == null", "no_such_overload", 3),
        ("segment < 1", "no_such_overload", 9),
        ("[1] < [2]", "no_such_overload", 5),
        ("!x", "no_such_overload", 1),
        ("x && true", "no_such_overload", 3),
        ("true ? 1 : 'a'", "no_such_overload", 6),
        ("1 ? 2 : 3", "no_such_overload", 3),
        ("1 in 2", "no_such_overload", 3),
        ("1 in ['a']", "no_such_overload", 3),
        ("x in lists.stolen_cards", "no_such_overload", 3),
        ("x in payment.metadata", "no_such_overload", 3),
        ("-x - -model.p", "no_such_overload", 4),
        ("x.size()", "no_such_overload", 3),
        ("size(x)", "no_such_overload", 1),
        ("size()", "no_such_overload", 1),
        ("contains(segment, 'a')", "no_such_overload", 1),
        ("segment.int()", "no_such_overload", 9),
        ("[1]['a']", "no_such_overload", 4),
        ("x[0]", "no_such_overload", 2),
        ("x.y", "no_such_field", 1),
        ("'a'.b", "no_such_field", 1),
        ("{1: 2}.b", "no_such_field", 1),
        ("1.all(i, true)", "no_such_overload", 3),
        ("[1].all(i, i)", "no_such_overload", 12),
        ("{1.5: 1}", "bad_map_key", 2),
        ("{null: 1}", "bad_map_key", 2),
        ("lists.stolen_cards", "list_outside_in", 1),
        ("[lists.stolen_cards]", "list_outside_in", 2),
        ("size(lists.stolen_cards) > 1", "list_outside_in", 6),
        ("dyn(lists.stolen_cards)", "list_outside_in", 5),
        ("lists.stolen_cards == lists.stolen_cards", "list_outside_in", 1),
        ("lists.stolen_cards in ['a']", "list_outside_in", 1),
        ("payment", "name_is_group", 1),
        ("has(payment.nothing)", "unknown_name", 1),
        ("frobnicate(1)", "unknown_function", 1),
        ("segment.startswith('a')", "unknown_function", 9),
        ("segment.matches('(')", "bad_pattern", 17),
        ("timestamp('yesterday')", "bad_timestamp", 11),
        ("duration('1d')", "bad_duration", 10),
        ("payment.occurred_at.getHours('Mars/Base')", "bad_time_zone", 30),
    ],
)
def test_refusals_have_their_place(source, code, column):
    error = refused(source)
    assert (error.code, error.line, error.column) == (code, 1, column)


def test_unknown_names_bring_the_nearest_name():
    error = refused("true &&\n  payment.amount_minr > 1")
    assert (error.code, error.line, error.column) == ("unknown_name", 2, 3)
    assert "`payment.amount_minor`" in error.detail
    assert "`agg.card_declines_10m`" in refused("agg.card_decline_10m > 1").detail
    assert "agg, lists, model, payment, segment, x" in refused("zzz").detail
    assert "`startsWith`" in refused("segment.startswith('a')").detail
    with pytest.raises(CompileError) as caught:
        check(parse("a"), {})
    assert "no names are declared" in caught.value.detail


def test_has_of_a_group_asks_for_a_field():
    with pytest.raises(CompileError) as caught:
        check(parse("has(a.b)"), {"a.b.c": INT})
    assert caught.value.code == "name_is_group"


def test_the_result_has_to_be_what_is_asked():
    assert refused("x", BOOL).code == "wrong_result_type"
    assert refused("payment.metadata.vip", BOOL).code == "wrong_result_type"
    assert typed("payment.metadata.vip == true", BOOL).type == BOOL
    assert typed("payment.metadata.vip || false", BOOL).type == BOOL
    assert typed("x", INT).type == INT
    assert typed("[]", list_of(INT)).type == list_of(DYN)


def test_a_checked_tree_can_be_checked_again():
    once = typed("payment.amount_minor > 5 && has(payment.currency)")
    again = check(once.expr, NAMES)
    assert again.expr == once.expr
    with pytest.raises(CompileError):
        check(once.expr, {"payment.amount_minor": INT})


def test_window_macros_are_rewritten_before_the_check():
    seen = []

    def windows(call: Call):
        if call.function != "count":
            return None
        seen.append(call)
        return Reference("agg.w1", INT, call.place)

    program = compile(
        "count(card, '10m', event.status == 'declined') >= 3 && !(count(ip) > 1)",
        {"agg.w1": "int"},
        result=BOOL,
        macros=windows,
    )
    assert [len(call.arguments) for call in seen] == [3, 1]
    assert program.evaluate({"agg": {"w1": 3}}) is False
    assert program.evaluate({"agg.w1": 0}) is False


def test_macros_of_a_hook_may_nest_and_are_applied_bottom_up():
    order = []

    def hook(call: Call):
        order.append(call.function)
        return call.arguments[0] if call.function in ("f", "g") else None

    source = "f(g(1)) == 1 && [g(2)].all(i, f(i) > 0) && {f(1): g(2)}[1] == 2 && has({'a': f(1)}.a)"
    assert compile(source, {}, macros=hook).evaluate({}) is True
    assert order[:3] == ["g", "f", "_==_"]


def test_types_are_read_from_words():
    assert named("map(string, list(dyn))") == map_of(STRING, list_of(DYN))
    assert str(named("duration")) == str(DURATION)
    for word in ("integer", "list", "list(int", "list(int))", "map(int)", "", "list()", "(" * 500):
        with pytest.raises(ValueError):
            named(word)
