"""Published vectors of google/cel-spec (tests/simple), read from the evaluation folder.

The known misses are exact: a listed case that passes fails this test as well.
"""

import base64
import json
import math
from datetime import UTC, datetime, timedelta

import pytest

from paywarden.risk.rules import cel

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Both expect a backslash that the expression does not hold: the vectors were written in a text
# format whose own escape `\?` stands for `?`, and the copy kept it. The same vectors for strings
# expect no backslash, and the C++ implementation answers as this one does.
KNOWN_MISSES = {
    "parse/bytes_literals/triple_single_quoted_unescaped_punctuation",
    "parse/bytes_literals/triple_double_quoted_unescaped_punctuation",
}


def cases(folder):
    path = folder / "cel" / "cases.json"
    if not path.exists():
        pytest.skip("the folder of evaluation data has no cel/cases.json")
    return json.loads(path.read_text("utf-8"))


def native(tagged):
    ((kind, value),) = tagged.items()
    if kind == "list":
        return [native(item) for item in value]
    if kind == "map":
        return {native(key): native(item) for key, item in value}
    if kind in ("timestamp", "duration"):
        span = timedelta(seconds=value[0], microseconds=value[1] // 1000)
        return EPOCH + span if kind == "timestamp" else span
    reads = {"double": float, "bytes": base64.b64decode}
    return reads.get(kind, lambda same: same)(value)


def same(left, right):
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return repr(left) == repr(right) or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left == right


def passes(case):
    bindings = {name: native(value) for name, value in case["bindings"].items()}
    try:
        got = cel.compile(case["expr"]).evaluate(bindings)
    except (cel.CompileError, cel.EvaluationError):
        return "error" in case["expect"]
    return "value" in case["expect"] and same(got, native(case["expect"]["value"]))


def name_of(case):
    return f"{case['file']}/{case['section']}/{case['name']}"


def test_every_vector_passes_but_the_known_misses(data_folder):
    vectors = cases(data_folder)
    missed = {name_of(case) for case in vectors if not passes(case)}
    assert missed == KNOWN_MISSES
    assert len(vectors) >= 785


def test_the_comparison_tells_types_and_signs_apart():
    assert not same(1, 1.0)
    assert not same(True, 1)
    assert not same(0.0, -0.0)
    assert not same([1], [1.0])
    assert same({"a": [math.nan]}, {"a": [math.nan]})
