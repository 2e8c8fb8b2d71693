"""Checked trees over a few names, for the tests of the index."""

from paywarden.risk.rules.cel.program import compile as compile_condition
from paywarden.risk.rules.cel.types import BOOL

NAMES = {f"n.{letter}": BOOL for letter in "abcdef"}
TREES = [
    compile_condition(text, NAMES, result=BOOL).expr
    for text in (
        "n.a",
        "n.a && n.b",
        "n.a || n.b && n.c",
        "(n.a || n.b) && (n.c || n.d)",
        "n.a ? n.b : n.c",
        "!(n.a && n.b) || n.c && !n.d",
        "(n.a == n.b) && (n.c != n.d || n.e)",
        "!(n.a ? n.b && n.c : n.d || n.e) || n.f",
    )
]
