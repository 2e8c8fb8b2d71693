"""What a term says when it holds: a sentence with values in it.

    {count(payer, "7d")} payments of together {agg.sum_7d:money}

Guards: what stands in braces is an expression over the names of conditions, checked like one; it
shows no field that speaks of a person or singles one out (`sealed_names`), since alerts outlive
erasure. A value that is missing reads as `unknown`. Forms: `:money` (minor units of the base
currency), `:percent` (a share), none. Not done here: languages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from paywarden.risk.features.catalogue import FIELDS
from paywarden.risk.rules.cel.errors import CompileError, EvaluationError
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.program import Program
from paywarden.risk.rules.cel.program import compile as compile_expression
from paywarden.risk.rules.cel.syntax import Expr, Place, Reference
from paywarden.risk.rules.cel.tree import nodes_of
from paywarden.risk.rules.cel.types import CelType
from paywarden.risk.rules.cel.unparse import unparse

FORMS: Final = ("money", "percent")
UNKNOWN: Final = "unknown"
MINOR_DIGITS: Final = 2
_PART = re.compile(r"\{([^{}]*)\}")
_FORM = re.compile(rf"(.*?)\s*:({'|'.join(FORMS)})\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Shown:
    """A value in a sentence: its expression, compiled, and its form ("" for none)."""

    program: Program
    form: str


Sentence = tuple[str | Shown, ...]


def read_sentence(text: str, types: Mapping[str, CelType]) -> Sentence:
    """Texts and values in order, over declared names. Errors: CompileError."""
    return tuple(
        part if isinstance(part, str) else Shown(compile_expression(part[0], types), part[1])
        for part in _parts(text)
    )


def complete_text(text: str, expand: Callable[[Expr], Expr]) -> str:
    """The sentence with every expression passed through `expand`. Errors: CompileError."""
    made = []
    for part in _parts(text):
        if isinstance(part, str):
            made.append(part)
            continue
        tree = parse(part[0])
        complete = expand(tree)
        inner = part[0] if complete is tree else unparse(complete)
        made.append("{" + inner + (f":{part[1]}" if part[1] else "") + "}")
    return "".join(made)


def sealed_names(sentence: Sentence) -> tuple[str, ...]:
    """Names of fields in the sentence that the log holds only under a person's key."""
    read = {
        node.path
        for part in sentence
        if isinstance(part, Shown)
        for node in nodes_of(part.program.expr)
        if isinstance(node, Reference)
    }
    return tuple(sorted(path for path in read if path in FIELDS and FIELDS[path].sealed))


def said(sentence: Sentence, bindings: Mapping[str, Any], minor_digits: int = MINOR_DIGITS) -> str:
    """The sentence with its values."""
    return "".join(
        part if isinstance(part, str) else _value(part, bindings, minor_digits) for part in sentence
    )


def formed(value: Any, form: str, minor_digits: int = MINOR_DIGITS) -> str:
    """A value as people read it.

    >>> formed(1234550, "money"), formed(0.125, "percent"), formed(3.0, "")
    ('12,345.50', '12.5 %', '3')
    """
    if value is None:
        return UNKNOWN
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)[:100]
    if form == "money":
        return f"{value / 10**minor_digits:,.{minor_digits}f}"
    if form == "percent":
        return f"{value * 100:.4g} %"
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def _parts(text: str) -> list[str | tuple[str, str]]:
    """Plain texts, and (expression, form) of what stands in braces."""
    parts: list[str | tuple[str, str]] = []
    end = 0
    for found in _PART.finditer(text):
        parts += _plain(text[end : found.start()])
        form = _FORM.match(found[1])
        parts.append((form[1], form[2]) if form else (found[1].strip(), ""))
        end = found.end()
    return [*parts, *_plain(text[end:])]


def _plain(text: str) -> list[str | tuple[str, str]]:
    if "{" in text or "}" in text:
        detail = "a brace of the text has no partner; close it, or leave it out"
        raise CompileError("bad_sentence", detail, Place(1, 1))
    return [text] if text else []


def _value(shown: Shown, bindings: Mapping[str, Any], minor_digits: int) -> str:
    try:
        value = shown.program.evaluate(bindings)
    except EvaluationError:
        return UNKNOWN
    return formed(value, shown.form, minor_digits)
