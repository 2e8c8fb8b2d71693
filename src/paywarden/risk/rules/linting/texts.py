"""Texts that disagree with their thresholds: numbers and lengths of time in title and explanation.

Guards: a number in digits has to occur in the rule: as a constant or one beside it (`> 5` is "6 or
more"), as points, a window's length, a ratio, a percentage, or minor units as whole money. Words
for numbers are read in lengths of time only ("within ten minutes"), where windows can be compared.
A rule without any number in its condition is not judged, nor are texts in other languages' digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from paywarden.reference.currencies import currency
from paywarden.risk.features.model import SECOND_US
from paywarden.risk.rules.cel.syntax import Call, Expr, Literal
from paywarden.risk.rules.cel.tree import nodes_of
from paywarden.risk.rules.linting.comparisons import comparisons_of
from paywarden.risk.rules.linting.subjects import Material, Subject
from paywarden.risk.rules.linting.values import BASE, OWN, unit_of

_ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")
_WORDS = {word: number for number, word in enumerate(_ONES, 1)} | {
    "a": 1, "an": 1, "twelve": 12, "fifteen": 15, "twenty": 20, "twenty-four": 24, "thirty": 30,
    "forty-five": 45, "sixty": 60, "seventy-two": 72, "ninety": 90, "half an": 0.5,
}  # fmt: skip
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_TIME = re.compile(
    r"(?:\b(?:within|in|for|during|last|past|of|over)\s+(?:the\s+|last\s+|past\s+)*)"
    r"(?P<count>\d{1,6}|half an|[a-z]+(?:-[a-z]+)?)[\s-]+"
    r"(?P<unit>second|minute|hour|day|week)s?\b",
    re.IGNORECASE,
)
_BARE_TIME = re.compile(r"\b(\d{1,6})[\s-]*(?:second|minute|hour|day|week|month|year)s?\b")
_NUMBER = re.compile(
    r"(?<![\w.,:#/-])(?P<before>[€$£]\s?|[A-Z]{3}\s)?"
    r"(?P<number>\d{1,3}(?:[ ,]\d{3})+(?!\d)|\d{1,12})"
    r"(?P<fraction>\.\d{1,4})?(?![\d:/]|-\w)(?P<after>\s?%|\s?[€$£]|\s(?:EUR|USD|GBP|euros?|dollars?"
    r"|pounds?|percent|[A-Z]{3})\b)?"
)
_MONEY = re.compile(r"[€$£]|euros?|dollars?|pounds?", re.IGNORECASE)
_TOLERANCE = 1e-9


def lint_texts(material: Material) -> None:
    """Judge title and explanation of every rule."""
    for subject in material.subjects:
        rule = subject.rule
        title = "" if rule.title == rule.id else rule.title
        text = f"{title}. {rule.explanation}"
        if any(isinstance(node, Literal) for node in nodes_of(subject.expr)):
            _judge(material, subject, text)


def _judge(material: Material, subject: Subject, text: str) -> None:
    lengths = _lengths(material, subject)
    for found in _TIME.finditer(text):
        seconds = _seconds(found)
        if seconds and lengths and not any(_near(seconds, one) for one in lengths):
            message = f"the text of {subject.what} says `{found['count']} {found['unit']}`"
            message += ", its windows have other lengths"
            material.report.about_rule(subject, "text_disagrees", message)
            return
    known = _numbers(material, subject)
    if not known:
        return
    for written, value, money, percent in _written(_BARE_TIME.sub(" ", text)):
        if money and _is_minor(material, subject, value):
            message = f"the text of {subject.what} says `{written}`, the condition {value:g} minor"
            material.report.about_rule(subject, "major_units", f"{message} units")
            return
        wanted = (value / 100, value) if percent else (value,)
        if not any(_near(one, other) for one in wanted for other in known):
            message = f"the text of {subject.what} says `{written}`, which is not in the rule"
            material.report.about_rule(subject, "text_disagrees", message)
            return


def _written(text: str) -> Iterator[tuple[str, float, bool, bool]]:
    """Numbers of a text: as written, value, whether money, whether percent."""
    for found in _NUMBER.finditer(text):
        digits = re.sub(r"[ ,]", "", found["number"]) + (found["fraction"] or "")
        around = (found["before"] or "").strip() + (found["after"] or "").strip()
        money = bool(_MONEY.search(around)) or (len(around) == 3 and currency(around) is not None)
        yield found[0].strip(), float(digits), money, "%" in around or "percent" in around


def _seconds(found: re.Match[str]) -> float:
    count = found["count"].lower()
    number = float(count) if count.isdigit() else _WORDS.get(count, 0)
    return number * _SECONDS[found["unit"].lower()]


def _lengths(material: Material, subject: Subject) -> list[float]:
    """Seconds of every window, and of ages and times that the condition compares."""
    found = [
        one.window_us / SECOND_US
        for path in subject.paths
        if (one := material.aggregates.get(path.removeprefix("agg."))) is not None
        and path.startswith("agg.")
        and one.window_us is not None
    ]
    for comparison in comparisons_of(subject.expr):
        number = comparison.number
        if number is not None:
            day = comparison.path.endswith(".age_days")
            around = (number - 1, number, number + 1)
            found += [one * 86_400 for one in around] if day else [number]
    return found


def _numbers(material: Material, subject: Subject) -> list[float]:
    """Every number that a text may give."""
    literals = [float(n) for node in nodes_of(subject.expr) for n in _literal_numbers(node)]
    if not literals:
        return []
    found = {0.0, 1.0, float(subject.rule.then.points)}
    for value in literals:
        found.update((value, value + 1, value - 1, value / 100, value * 100))
    for first, second in pairwise(literals):
        if first and second:
            found.update((first / second, second / first, first * 100 / second))
    for seconds in _lengths(material, subject):
        found.update(seconds / unit for unit in _SECONDS.values())
    return sorted(found)


def _literal_numbers(node: Expr) -> Iterator[float]:
    if isinstance(node, Literal) and not isinstance(node.value, bool):
        if isinstance(node.value, int | float):
            yield node.value
        elif isinstance(node.value, str):
            yield from (float(digits) for digits in re.findall(r"\d{1,12}", node.value))
    elif isinstance(node, Call) and node.function == "-_":
        yield from (-one for one in _literal_numbers(node.arguments[0]))


def _is_minor(material: Material, subject: Subject, value: float) -> bool:
    """Whether whole money of the text stands as it is where minor units are meant."""
    unit = unit_of(material.policy.base_currency)
    if unit == 1 or not value:
        return False
    numbers = [
        comparison.number
        for comparison in comparisons_of(subject.expr)
        if comparison.path in (OWN, BASE) and comparison.number is not None
    ]
    whole = any(_near(number, value * unit, 1 / (value * unit)) for number in numbers)
    return not whole and any(abs(number - value) <= 1 for number in numbers)


def _near(one: float, other: float, tolerance: float = _TOLERANCE) -> bool:
    return abs(one - other) <= tolerance * max(1.0, abs(one), abs(other))
