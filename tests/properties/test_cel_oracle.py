"""The reference interpreter against the C++ implementation, on random expressions.

Both read the expression and evaluate it over the same bindings, some of them missing; they agree on
the value or on there being an error, once with declared types and once without any. Left out,
because the two differ there on purpose or for their age: comparisons of int and double beyond 2^53
and across types without dyn() (refused there), chains such as `--x` (cancelled there), spaces in
numbers, doubles out of range in texts, durations over 292 years, texts of durations below a second,
the sign of NaN, and U+0000 in bindings (cut off there). Bad literals are built with `'' +`, because
a literal that can never work is refused here when compiling.
"""

import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paywarden.risk.rules import cel
from paywarden.risk.rules.cel.values import Uint

oracle = pytest.importorskip("cel_expr_python.cel")

NAMES = {
    "i": ("int", oracle.Type.INT),
    "j": ("int", oracle.Type.INT),
    "u": ("uint", oracle.Type.UINT),
    "d": ("double", oracle.Type.DOUBLE),
    "s": ("string", oracle.Type.STRING),
    "r": ("string", oracle.Type.STRING),
    "y": ("bytes", oracle.Type.BYTES),
    "b": ("bool", oracle.Type.BOOL),
    "t": ("timestamp", oracle.Type.TIMESTAMP),
    "p": ("duration", oracle.Type.DURATION),
    "li": ("list(int)", oracle.Type.List(oracle.Type.INT)),
    "ls": ("list(string)", oracle.Type.List(oracle.Type.STRING)),
    "m": ("map(string, int)", oracle.Type.Map(oracle.Type.STRING, oracle.Type.INT)),
}
ENVIRONMENT = oracle.NewEnv(variables={name: kind for name, (_, kind) in NAMES.items()})
TYPES = {name: word for name, (word, _) in NAMES.items()}

WHOLE = [0, 1, -1, 2, 7, 10, 1000, 2**31, 2**62, 2**63 - 1, -(2**63), -(2**63) + 1]
UNSIGNED = [0, 1, 2, 2**63, 2**64 - 1]
REAL = [0.0, -0.0, 1.0, -1.5, 0.1, 1e-9, 123456.5, 1e300, -1e300, 2.0**53]
TEXTS = ["", "a", "A", "é", "e\u0301", "\U0001f431a", "12", "-7", "1.5", "true", "a\tb", "tEst"]
PATTERNS = ["a", "^a.*$", "é?", "[0-9]+", "(a|b)*", "(", "\\\\d", "^$", ".", "(?i)TEST"]
ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "-03:30", "+14:00", "America/St_Johns", "Mars/X"]
STAMPS = [
    "2026-03-29T01:30:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "1969-12-31T23:59:59Z",
    "2024-02-29T12:00:00+05:45",
    "2023-02-29T00:00:00Z",
    "1900-01-01T00:00:00Z",
    "nonsense",
]
SPANS = ["0s", "1s", "-1s", "90m", "36h", "-2562047h", "1500ms", "2562047h", "1d", "1h30m5s"]
GETTERS = "FullYear Month Date DayOfMonth DayOfWeek DayOfYear Hours Minutes Seconds Milliseconds"
CLOCK = ["Hours", "Minutes", "Seconds"]


class Writer:
    """Random text of an expression of a wanted type."""

    def __init__(self, chance, mistakes=0.0):
        self.chance = chance
        self.mistakes = mistakes
        self.variables = {}

    def write(self, kind, depth):
        if self.chance.random() < self.mistakes:
            kind = self.chance.choice(list(SHAPES))
        leaf = depth <= 0 or self.chance.random() < 0.15
        return self.leaf(kind) if leaf else self.chance.choice(FORMS[kind])(self, depth - 1)

    def leaf(self, kind):
        names = [name for name, (word, _) in NAMES.items() if word == kind]
        names += [name for name, word in self.variables.items() if word == kind]
        if names and self.chance.random() < 0.6:
            return self.chance.choice(names)
        return LEAVES[kind](self.chance)

    def fill(self, shape, depth):
        """Fill `{kind}` holes of a shape with expressions of that kind."""
        mistakes = self.mistakes
        if "int(" in shape or "string(" in shape:
            self.mistakes = 0.0  # there int(true) is 1 and the text of NaN has a sign
        pieces = shape.split("{")
        text = pieces[0]
        for piece in pieces[1:]:
            kind, rest = piece.split("}", 1)
            text += f"({self.write(kind, depth)})" + rest
        self.mistakes = mistakes
        return text

    def loop(self, shape, depth):
        """A macro whose variable `v` has the element type of the list it goes over."""
        source, element = self.chance.choice([("list(int)", "int"), ("list(string)", "string")])
        name = self.chance.choice(["v", "w", "i"])
        over = self.write(source, depth)
        before = dict(self.variables)
        shadowed = NAMES.get(name, (element,))[0] != element
        if shadowed:
            name = "v"
        self.variables[name] = element
        text = self.fill(shape.replace("VAR", name), depth)
        self.variables = before
        return f"({over})" + text


def quoted(text):
    return "'" + text.replace("\\", "\\\\") + "'"


LEAVES = {
    "int": lambda c: str(c.choice(WHOLE)),
    "uint": lambda c: f"{c.choice(UNSIGNED)}u",
    "double": lambda c: repr(c.choice(REAL)),
    "string": lambda c: quoted(c.choice(TEXTS)),
    "bytes": lambda c: c.choice(["b''", "b'a'", "b'\\xff'", "b'é'"]),
    "bool": lambda c: c.choice(["true", "false"]),
    "timestamp": lambda c: f"timestamp('' + '{c.choice(STAMPS)}')",
    "duration": lambda c: f"duration('' + '{c.choice(SPANS)}')",
    "list(int)": lambda c: str([c.choice(WHOLE) for _ in range(c.randrange(4))]),
    "list(string)": lambda c: (
        "[" + ", ".join(quoted(c.choice(TEXTS)) for _ in range(c.randrange(4))) + "]"
    ),
    "map(string, int)": lambda c: c.choice(["{'a': 1}", "{'a': 1, 'b': 2}", "{'a': 1, 'a': 2}"]),
}
ORDERED = ["int", "uint", "double", "string", "bytes", "bool", "timestamp", "duration"]
SHAPES = {
    "bool": [
        *("{bool} && {bool}", "{bool} || {bool}", "!{bool}", "{bool} ? {bool} : {bool}") * 4,
        *(
            f"{{{k}}} {mark} {{{k}}}"
            for k in ORDERED
            for mark in ("<", "<=", ">", ">=", "==", "!=")
        ),
        *("{list(int)} == {list(int)}", "{map(string, int)} == {map(string, int)}"),
        *("{int} in {list(int)}", "{string} in {list(string)}", "{string} in {map(string, int)}")
        * 2,
        *("{string}.contains({string})", "{string}.startsWith({string})") * 2,
        *("{string}.endsWith({string})", "{string}.matches(PATTERN)", "bool({string})") * 2,
        *("dyn({int}) == {string}", "dyn(size({string})) < 2.5", "dyn(size({string})) == 1.0"),
        *("dyn(size({bytes})) >= 1u", "has({map(string, int)}.a)", "type({int}) == int"),
    ],
    "int": [
        *(f"{{int}} {mark} {{int}}" for mark in "+-*/%" for _ in range(3)),
        *("-{int}", "{bool} ? {int} : {int}", "size({string})", "size({bytes})"),
        *("size({list(string)})", "size({map(string, int)})", "{list(int)}[{int}]") * 2,
        *("{map(string, int)}[{string}]", "{map(string, int)}.a", "int({double})", "int({uint})"),
        *("int({string})", "int({timestamp})", "{timestamp}.getGETTER()"),
        *("{timestamp}.getGETTER(ZONE)", "{duration}.getCLOCK()") * 3,
    ],
    "uint": [
        *(f"{{uint}} {mark} {{uint}}" for mark in "+-*/%"),
        *("uint({int})", "uint({double})", "{bool} ? {uint} : {uint}"),
    ],
    "double": [
        *(f"{{double}} {mark} {{double}}" for mark in "+-*/"),
        *("-{double}", "double({int})", "double({uint})", "{bool} ? {double} : {double}"),
    ],
    "string": [
        *("{string} + {string}", "string({int})", "string({bytes})", "string(double({int}) * 0.5)"),
        *(
            "{list(string)}[{int}]",
            "{bool} ? {string} : {string}",
            "string({bool})",
            "string({uint})",
        ),
    ],
    "bytes": ["{bytes} + {bytes}", "bytes({string})", "{bool} ? {bytes} : {bytes}"],
    "timestamp": [
        *("{timestamp} + {duration}", "{timestamp} - {duration}", "{duration} + {timestamp}"),
        *("timestamp({int})", "{bool} ? {timestamp} : {timestamp}"),
    ],
    "duration": [
        *("{duration} + {duration}", "{duration} - {duration}", "{timestamp} - {timestamp}"),
        "{bool} ? {duration} : {duration}",
    ],
    "list(int)": ["{list(int)} + {list(int)}", "[{int}, {int}]"],
    "list(string)": ["{list(string)} + {list(string)}", "[{string}]"],
    "map(string, int)": ["{bool} ? {map(string, int)} : {map(string, int)}", "{{string}: {int}}"],
}
LOOPS = {
    "bool": [".all(VAR, {bool})", ".exists(VAR, {bool})", ".exists_one(VAR, {bool})"],
    "list(int)": [".map(VAR, {int})", ".map(VAR, {bool}, {int})"],
    "list(string)": [".map(VAR, {string})", ".map(VAR, {bool}, {string})"],
}


def form_of(shape):
    def write(writer, depth):
        text = shape
        for word, texts in (
            ("PATTERN", [f"'' + '{p}'" for p in PATTERNS]),
            ("GETTER", GETTERS.split()),
            ("CLOCK", CLOCK),
            ("ZONE", [f"'' + '{z}'" for z in ZONES]),
        ):
            text = text.replace(word, writer.chance.choice(texts))
        if text.startswith("{{"):
            return "{" + writer.fill(text[1:-1], depth) + "}"
        return writer.fill(text, depth)

    return write


def loop_of(shape):
    return lambda writer, depth: writer.loop(shape, depth)


FORMS = {
    kind: [form_of(shape) for shape in shapes]
    + [loop_of(shape) for shape in LOOPS.get(kind, ())] * 3
    for kind, shapes in SHAPES.items()
}


def bindings_of(chance):
    bound = {
        "i": chance.choice(WHOLE),
        "j": chance.randrange(-5, 6),
        "u": chance.choice(UNSIGNED),
        "d": chance.choice([*REAL, math.inf, -math.inf, math.nan]),
        "s": chance.choice(TEXTS),
        "r": chance.choice(TEXTS),
        "y": chance.choice([b"", b"a", b"\xff\x01", "é".encode()]),
        "b": chance.random() < 0.5,
        "t": datetime(2026, 1, 1, tzinfo=UTC)
        + timedelta(
            days=chance.randrange(-700_000, 2_900_000), microseconds=chance.randrange(10**6)
        ),
        "p": timedelta(
            seconds=chance.randrange(-(10**9), 10**9), milliseconds=chance.randrange(999)
        ),
        "li": [chance.choice(WHOLE) for _ in range(chance.randrange(4))],
        "ls": [chance.choice(TEXTS) for _ in range(chance.randrange(4))],
        "m": {chance.choice("abc"): chance.choice(WHOLE) for _ in range(chance.randrange(3))},
    }
    return {name: value for name, value in bound.items() if chance.random() < 0.85}


def ours(source, bindings, types):
    try:
        return ("value", cel.compile(source, types).evaluate(bindings))
    except (cel.CompileError, cel.EvaluationError) as error:
        assert types is None or error.code not in NEVER, error
        return ("error", None)


def theirs(source, bindings, typed):
    try:
        found = ENVIRONMENT.compile(source, disable_check=not typed).eval(data=bindings)
    except RuntimeError as error:
        assert "duplicate key" in str(error) or not typed, error
        return ("error", None)
    if found.type().name() == "ERROR":
        return ("error", None)
    return ("value", plain(found.plain_value()))


NEVER = frozenset({"syntax_error", "no_such_overload", "unknown_name", "wrong_result_type"})


def plain(value):
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def canonical(value):
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [canonical(item) for item in value]
    return (type(value).__name__, repr(value) if isinstance(value, float) else value)


def agree(seed, typed=True):
    chance = random.Random(seed)
    writer = Writer(chance, 0.0 if typed else 0.1)
    source = writer.write(chance.choice(list(SHAPES)), chance.randrange(1, 5))
    bindings = bindings_of(chance)
    unsigned = {"u": Uint(bindings["u"])} if "u" in bindings else {}
    left = ours(source, {**bindings, **unsigned}, TYPES if typed else None)
    right = theirs(source, bindings, typed)
    assert (left[0], canonical(left[1])) == (right[0], canonical(right[1])), (source, bindings)
    return left[0]


HABITS = settings(
    max_examples=300, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@given(st.integers(0, 2**48))
@HABITS
def test_both_agree_on_typed_expressions(seed):
    agree(seed)


@given(st.integers(0, 2**48))
@HABITS
def test_both_agree_on_untyped_expressions_with_mistakes(seed):
    agree(seed, typed=False)


def test_the_samples_have_values_and_errors():
    for typed in (True, False):
        kinds = [agree(seed, typed) for seed in range(200)]
        assert 60 < kinds.count("value") < 180
