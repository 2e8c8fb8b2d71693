"""Whatever the text and the bindings, only the two documented errors come out."""

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paywarden.risk.rules import cel
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.tree import MAX_DEPTH, children_of
from paywarden.risk.rules.cel.unparse import key_of, unparse

HABITS = settings(
    max_examples=200, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
PIECES = [
    *("a", "b", "x.y", "has", "(", ")", "[", "]", "{", "}", ",", ":", "?", ".", "`a b`", "!", "-"),
    *("+", "*", "/", "%", "<", "<=", "==", "!=", "in", "&&", "||", "1", "0x1", "2u", "1.5", "1e9"),
    *("'s'", '"', "'''", "r'\\'", "b'\\xff'", "'\\", "\\", "true", "null", "for", "//", "\n", " "),
    *(".all(", ".map(", ".exists(a, ", "size(", "int(", "timestamp(", "\x00", "\ud800", "é", "="),
    *(
        "9223372036854775807",
        "-9223372036854775808",
        ".matches(",
        ".getHours(",
        "type(",
        "duration(",
    ),
]
WORDS = {"a": "int", "b": "dyn", "x.y": "string", "x.z": "list(dyn)", "l": "members"}
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**65), 2**65),
        st.floats(),
        st.text(max_size=4),
        st.binary(max_size=4),
        st.timedeltas(),
        st.datetimes(timezones=st.sampled_from([None, UTC])),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.text(max_size=2), st.integers(), st.none()), inner, max_size=2
        ),
    ),
    max_leaves=5,
)
CALLS = [
    *("{0} + {1}", "{0} - {1}", "{0} * {1}", "{0} / {1}", "{0} % {1}", "{0} < {1}", "{0} == {1}"),
    *(
        "{0} in {1}",
        "{0}[{1}]",
        "{0} && {1}",
        "{0} ? {1} : {0}",
        "-{0}",
        "!{0}",
        "{0}.y",
        "size({0})",
    ),
    *(
        "has({0}.y)",
        "{0}.contains({1})",
        "{0}.matches({1})",
        "int({0})",
        "uint({0})",
        "double({0})",
    ),
    *("string({0})", "bytes({0})", "bool({0})", "timestamp({0})", "duration({0})", "type({0})"),
    *("{0}.getHours({1})", "{0}.getFullYear()", "{0}.all(v, v == {1})", "{0}.map(v, v + {1})"),
    *("[{0}, {1}]", "{{{0}: {1}}}", "{0}.filter(v, v < {1})", "{0}.exists_one(v, v == {1})"),
]


def compiled(source, types):
    try:
        return cel.compile(source, types)
    except cel.CompileError as error:
        assert 1 <= error.line <= source.count("\n") + 1
        assert 1 <= error.column <= len(source) + 1
        return None


def run(program, bindings):
    try:
        return program.evaluate(bindings)
    except cel.EvaluationError as error:
        return error.code


@given(st.lists(st.sampled_from(PIECES), max_size=25))
@HABITS
def test_soups_of_tokens(pieces):
    source = "".join(pieces)
    for types in (None, WORDS):
        program = compiled(source, types)
        if program is not None:
            run(program, {"a": 1, "x": {"y": "t"}, "b": [1]})
            assert key_of(parse(unparse(parse(source)))) == key_of(parse(source))


@given(st.text(st.characters(), max_size=40))
@HABITS
def test_any_text(source):
    compiled(source, None)


@given(st.sampled_from(CALLS), st.sampled_from(CALLS), VALUES, VALUES)
@HABITS
def test_any_operation_on_any_values(outer, inner, left, right):
    source = outer.format("(" + inner.format("p", "q") + ")", "q")
    bindings = {"p": left, "q": right}
    run(cel.compile(source), bindings)
    program = compiled(source, {"p": "dyn", "q": "dyn"})
    if program is not None:
        run(program, bindings)


def test_results_of_deep_values_come_out():
    deep = 1
    for _ in range(60):
        deep = [deep]
    assert cel.compile("[x, [x]]").evaluate({"x": deep}) == [deep, [deep]]
    assert cel.compile("x == [x][0]").evaluate({"x": deep}) is True


def test_the_deepest_tree_passes_every_pass():
    source = "-" * (MAX_DEPTH - 1) + "a"
    tree = parse(source)
    depth, level = 0, [tree]
    while level:
        depth, level = depth + 1, [child for node in level for child in children_of(node)]
    assert depth == MAX_DEPTH
    assert unparse(tree) == source
    assert key_of(tree).count("-_") == MAX_DEPTH - 1
    assert cel.compile(source, {"a": "int"}).evaluate({"a": 1}) == -1


def test_times_at_the_edges_of_their_range():
    last = datetime.max.replace(tzinfo=UTC)
    first = datetime.min.replace(tzinfo=UTC)
    for zone in ("+14:00", "-12:00", "Pacific/Kiritimati", "America/New_York", "Asia/Tokyo"):
        for moment in (first, last):
            answer = run(cel.compile("t.getHours(z)"), {"t": moment, "z": zone})
            assert isinstance(answer, int)
    assert run(cel.compile("t + d"), {"t": last, "d": timedelta(microseconds=1)}) == "overflow"
