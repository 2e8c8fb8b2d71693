import sys
import threading

import pytest

from paywarden.risk.rules.cel.errors import CompileError
from paywarden.risk.rules.cel.lexer import MAX_CHARACTERS
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.syntax import (
    Call,
    Comprehension,
    ListOf,
    Literal,
    MapOf,
    Name,
    Select,
)
from paywarden.risk.rules.cel.tree import children_of, nodes_of
from paywarden.risk.rules.cel.types import DOUBLE, INT, UINT
from paywarden.risk.rules.cel.unparse import unparse


def refused(source):
    with pytest.raises(CompileError) as caught:
        parse(source)
    error = caught.value
    return error.code, error.line, error.column


def depth_of(expr):
    return 1 + max(map(depth_of, children_of(expr)), default=0)


@pytest.mark.parametrize(
    ("source", "value", "kind"),
    [
        ("42", 42, INT),
        ("-9223372036854775808", -(2**63), INT),
        ("0xFf", 255, INT),
        ("-0x10", -16, INT),
        ("18446744073709551615u", 2**64 - 1, UINT),
        ("0x10U", 16, UINT),
        (".5", 0.5, DOUBLE),
        ("1e3", 1000.0, DOUBLE),
        ("- 1.5E-2", -0.015, DOUBLE),
        ("00000000000000000000000007", 7, INT),
    ],
)
def test_numbers(source, value, kind):
    literal = parse(source)
    assert isinstance(literal, Literal)
    assert (literal.value, literal.type) == (value, kind)
    assert type(literal.value) is type(value)


@pytest.mark.parametrize(
    "source",
    [
        *("9223372036854775808", "-9223372036854775809", "18446744073709551616u", "-1u", "1e400"),
        *("1" * 6000, "0x" + "f" * 6000, "0x8000000000000000"),
    ],
)
def test_numbers_out_of_range(source):
    assert refused(source) == ("number_out_of_range", 1, 1)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (r'"a\n\x41\u00e9\U0001F431\101\?\`"', "a\nAé\U0001f431A?`"),
        (r"r'\n\x'", r"\n\x"),
        (r'R"""a"b\"""', 'a"b\\'),
        ("'''a'b\nc'''", "a'b\nc"),
        ('"""a""b"""', 'a""b'),
        (r"b'\xff\377é'", b"\xff\xff\xc3\xa9"),
        (r"bR'\xff'", rb"\xff"),
        ("'\x00'", "\x00"),
        ("''", ""),
        ("''''''", ""),
    ],
)
def test_strings(source, value):
    literal = parse(source)
    assert isinstance(literal, Literal)
    assert literal.value == value


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (r"'ab\q'", ("bad_escape", 1, 4)),
        (r"'\u12'", ("bad_escape", 1, 2)),
        (r"'\ud800'", ("bad_escape", 1, 2)),
        (r"'\U00110000'", ("bad_escape", 1, 2)),
        (r"'\400'", ("bad_escape", 1, 2)),
        (r"b'\u0041'", ("bad_escape", 1, 3)),
        (r"b'a\z'", ("bad_escape", 1, 4)),
        ("1 +\n  'abc", ("unterminated_string", 2, 3)),
        ("'a\nb'", ("unterminated_string", 1, 1)),
        ('"a\\', ("unterminated_string", 1, 1)),
    ],
)
def test_bad_strings_have_their_place(source, place):
    assert refused(source) == place


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("", ("syntax_error", 1, 1)),
        ("1 +", ("syntax_error", 1, 4)),
        ("a.\n  b.\n  1", ("syntax_error", 3, 3)),
        ("(1", ("syntax_error", 1, 3)),
        ("[1 2]", ("syntax_error", 1, 4)),
        ("{1 2}", ("syntax_error", 1, 4)),
        ("f(1,)", ("syntax_error", 1, 5)),
        ("a = 1", ("syntax_error", 1, 3)),
        ("a & b", ("syntax_error", 1, 3)),
        ("a ? b", ("syntax_error", 1, 6)),
        ("a b", ("syntax_error", 1, 3)),
        ("for", ("reserved_word", 1, 1)),
        ("x + while", ("reserved_word", 1, 5)),
        ("a.in", ("syntax_error", 1, 3)),
        ("a.`b\nc`", ("syntax_error", 1, 3)),
        ("!-a", ("syntax_error", 1, 2)),
        ("a.?b", ("syntax_error", 1, 3)),
        ("[,]", ("syntax_error", 1, 2)),
        ("\x00", ("syntax_error", 1, 1)),
        ("1 // c\n+ €", ("syntax_error", 2, 3)),
        ("'é€\U0001f431' + \U0001f431", ("syntax_error", 1, 9)),
        ("Msg{a: 1}", ("unsupported", 1, 4)),
        ("has(a)", ("bad_macro", 1, 5)),
        ("[1].all(a.b, true)", ("bad_macro", 1, 9)),
        ("[1].map(.a, true)", ("bad_macro", 1, 9)),
    ],
)
def test_refusals_have_their_place(source, place):
    assert refused(source) == place


def test_precedence_and_associativity():
    assert unparse(parse("1+2*3-4")) == "1 + 2 * 3 - 4"
    assert unparse(parse("(1+2)*3")) == "(1 + 2) * 3"
    assert unparse(parse("1-(2-3)")) == "1 - (2 - 3)"
    assert unparse(parse("a?b:c?d:e")) == "a ? b : c ? d : e"
    assert unparse(parse("(a?b:c)?d:e")) == "(a ? b : c) ? d : e"
    assert unparse(parse("a||b&&!c==d")) == "a || b && !c == d"
    assert unparse(parse("a.b[1].c(2).`x y`")) == "a.b[1].c(2).`x y`"
    assert unparse(parse("[1,2,]+[{1:2,}]")) == "[1, 2] + [{1: 2}]"


def test_places_of_nodes():
    tree = parse("a.b +\n  f(x)[0]")
    assert isinstance(tree, Call)
    left, right = tree.arguments
    assert (tree.place.line, tree.place.column) == (1, 5)
    assert (left.place.line, left.place.column) == (1, 1)
    assert (right.place.line, right.place.column) == (2, 7)
    assert (children_of(right)[0].place.line, children_of(right)[0].place.column) == (2, 3)


def test_macros_are_expanded_and_other_calls_kept():
    assert isinstance(parse("[1].all(x, x > 0)"), Comprehension)
    mapped = parse("m.map(x, x > 0, x + 1)")
    assert isinstance(mapped, Comprehension)
    assert mapped.condition is not None and mapped.result is not None
    asked = parse("has(a.b.c)")
    assert isinstance(asked, Select) and asked.test_only
    assert isinstance(parse("all(x, y)"), Call)
    assert isinstance(parse("a.all(x)"), Call)
    assert isinstance(parse("count(card, '10m', event.status == 'declined')"), Call)


def test_chains_of_logic_are_balanced_in_order():
    tree = parse(" || ".join(f"a{i}" for i in range(3000)))
    assert depth_of(tree) == 13
    names = [node.name for node in nodes_of(tree) if isinstance(node, Name)]
    assert names == [f"a{i}" for i in range(3000)]
    assert unparse(parse("(a && b) && c")) == unparse(parse("a && (b && c)"))


@pytest.mark.parametrize(
    "source",
    [
        "(" * 60 + "1" + ")" * 60,
        "[" * 60 + "1" + "]" * 60,
        "!" * 120 + "true",
        "-" * 120 + "a",
        "a" + ".b" * 120,
        "a" + "[0]" * 120,
        "1" + " + 1" * 120,
        "f(" * 60 + ")" * 60,
        "true ? 1 : " * 60 + "2",
        "[1].map(x, " * 60 + "x" + ")" * 60,
    ],
)
def test_deep_but_allowed(source):
    assert parse(source)


@pytest.mark.parametrize(
    "source",
    [
        "(" * 30_000 + "1" + ")" * 30_000,
        "(" * 65_000,
        "[" * 65_000,
        "{" * 65_000,
        "f(" * 30_000,
        "a[" * 30_000,
        "!" * 65_000 + "a",
        "-" * 65_000 + "a",
        "a" + ".b" * 32_000,
        "a" + "[0]" * 20_000,
        "1" + "+1" * 32_000,
        "1" + "<1" * 32_000,
        "a?" * 32_000,
        "a?b:" * 16_000 + "c",
        "{1:" * 20_000,
        "[1].map(x," * 6_000,
        "has(" * 16_000,
    ],
)
def test_depth_bombs_are_refused(source):
    code, line, column = refused(source)
    assert code in ("condition_too_deep", "syntax_error")
    assert line == 1 and column >= 1


@pytest.mark.parametrize("source", ["(" * 100_000 + ")" * 100_000, "x" * (1 << 20), "'" * 70_000])
def test_long_texts_are_refused(source):
    assert refused(source) == ("condition_too_long", 1, 1)


def test_the_longest_text_is_read():
    source = "'" + "a" * (MAX_CHARACTERS - 2) + "'"
    assert parse(source).value == source[1:-1]


def test_hostile_texts_take_linear_time():
    # None of these may make the lexer go back over the text again and again.
    for source in ("1" * 65_000, '"' + "\\" * 65_000, "'''" + "''" * 32_000, "/" * 65_000):
        with pytest.raises(CompileError):
            parse(source)
    assert parse("1 " + "// c\n" * 13_000)


def test_lone_surrogates_are_refused_with_their_place():
    assert refused("1 +\n'\ud800'") == ("not_unicode", 2, 2)
    assert refused("\udfff") == ("not_unicode", 1, 1)


def test_a_text_is_a_str():
    with pytest.raises(TypeError):
        parse(b"1")


def test_a_short_stack_is_no_recursion_error():
    found = []

    def deep(levels):
        if levels:
            return deep(levels - 1)
        try:
            return parse("(1 + " * 63 + "1" + ")" * 63)
        except CompileError as error:
            return error

    def run():
        found.append(deep(sys.getrecursionlimit() - 80))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert isinstance(found[0], CompileError)
    assert found[0].code == "condition_too_deep"


def test_error_texts_are_short_and_printable():
    with pytest.raises(CompileError) as caught:
        parse("1 " + "a" * 5000)
    assert len(str(caught.value)) < 300
    with pytest.raises(CompileError) as caught:
        parse('1 "secret"')
    assert "secret" not in str(caught.value)


def test_literal_containers():
    assert parse("[]") == ListOf((), parse("[]").place)
    assert isinstance(parse("{}"), MapOf)
