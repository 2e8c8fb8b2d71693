import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paywarden.risk.rules.cel.checker import check
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.types import INT, MEMBERS, STRING
from paywarden.risk.rules.cel.unparse import key_of, unparse

NAMES = ["a", "b1", "_c", ".d", "payment"]
FIELDS = ["x", "for", "a-b", "a.b", "q r", "in", "true", "1a"]
BINARY = ["+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "in", "&&", "||"]
LITERALS = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.integers(0, 2**64 - 1).map(lambda n: f"{n}u"),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["true", "null", "r'\\n'", "b'\\xff\\'é'", "'\\\"\\u0000'", "1e-9"]),
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="'\\"), max_size=5
    ).map(lambda text: f"'{text}'"),
)
SHAPES = [
    *(f"{{0}} {mark} {{1}}" for mark in BINARY),
    *(f"({{0}}) {mark} ({{1}})" for mark in BINARY),
    *("({0}) ? ({1}) : {2}", "!({0})", "-({0})", "--{3}", "!!{3}", "- {3}", "({0}).`{4}`"),
    *("has(({0}).`{4}`)", "({0})[{1}]", "({0}).f({1}, {2})", "size({0})", "[{0}, {1}]", "[]"),
    *("{{{0}: {1}}}", "({0}).all(v, {1})", "({0}).exists_one(v, {1})", "({0}).filter(v, {1})"),
    *("({0}).map(v, {1})", "({0}).map(v, {1}, {2})", "({0}).exists(v, {1} || {2})"),
]


@st.composite
def expressions(draw, depth=3):
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(st.one_of(st.sampled_from(NAMES), LITERALS))
    shape = draw(st.sampled_from(SHAPES))
    parts = [draw(expressions(depth - 1)) if f"{{{n}}}" in shape else "" for n in range(3)]
    return shape.format(*parts, draw(st.sampled_from(NAMES)), draw(st.sampled_from(FIELDS)))


@given(expressions())
@settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_text_of_a_tree_reads_back_as_the_same_tree(source):
    tree = parse(source)
    text = unparse(tree)
    assert key_of(parse(text)) == key_of(tree)
    assert unparse(parse(text)) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("-(5)", "-(5)"),
        ("--5", "--5"),
        ("-(-(5))", "--(5)"),
        ("-5.f()", "-5.f()"),
        ("(-5).f()", "-5.f()"),
        ("-(5.f())", "-(5.f())"),
        ("!(a && b)", "!(a && b)"),
        ("'\\n\"é'", '"\\u000a\\"é"'),
        ("b'\\xff\"'", 'b"\\xff\\x22"'),
        ("has( a . b )", "has(a.b)"),
        ("a.`x.y`.`z`", "a.`x.y`.z"),
        ("(a == b) == c", "a == b == c"),
        ("a == (b == c)", "a == (b == c)"),
        ("0x10 + 1.50", "16 + 1.5"),
    ],
)
def test_canonical_text(source, text):
    assert unparse(parse(source)) == text


def test_keys_ignore_places_bound_names_and_spelling():
    assert key_of(parse("a+1")) == key_of(parse(" a\n + 0x1"))
    assert key_of(parse("[1].all(i, i > a)")) == key_of(parse("[1].all(j, j > a)"))
    nested = "[1].all({0}, [2].all({1}, {0} < {1}))"
    assert key_of(parse(nested.format("i", "j"))) == key_of(parse(nested.format("p", "q")))
    assert key_of(parse(nested.format("i", "j"))) != key_of(parse("[1].all(i, [2].all(j, j < i))"))
    assert key_of(parse("[1].all(i, [2].all(i, i < i))")) != key_of(parse(nested.format("i", "j")))


def test_keys_tell_meanings_apart():
    sources = ["1", "1u", "1.0", "true", "'1'", "b'1'", "a", "'a'", "'@a'", "0.0", "-0.0"]
    sources += ["null", "[a, b]", "[[a], b]", "['a b']", "['a', 'b']", "a.b", "has(a.b)", "a['b']"]
    sources += ["f(a)", "a.f()", "a.f(b)", "f(a, b)", "a - b - c", "a - (b - c)", "{a: b}"]
    sources += ["x.map(v, a)", "x.filter(v, a)", "x.map(v, a, b)", "b'a'", "''", "b''", "'$a'"]
    keys = [key_of(parse(source)) for source in sources]
    assert len(set(keys)) == len(sources)


def test_checked_trees_have_text_and_key():
    names = {"a.b": STRING, "a.n": INT, "lists.x": MEMBERS}
    tree = check(parse("a.b in lists.x && has(a.n) && a.n>1"), names).expr
    assert unparse(tree) == "a.b in lists.x && has(a.n) && a.n > 1"
    assert key_of(tree) == key_of(check(parse(unparse(tree)), names).expr)
