"""The figures of `screening.py` as a page of the documentation."""

from __future__ import annotations

from typing import Any

HEAD = """\
# Operating curve of screening

Written by `python bench/screening.py --data DIR --page docs/explanation/screening-curve.md` on
{date}. What is compared, and what the threshold means, stands in
[how a name is held against lists](screening.md).

Listed parties are asked for by their primary name, distorted by seed: a letter wrong (`typo`),
words in another order, one word as an initial, one dropped, two joined, sounds spelt another way;
beside these, not in `recall`: in Cyrillic or Arabic letters, and with a title or a name added.
Clean names are invented people of many countries (the half of the file that nothing was learned
from) and names made in many scripts. Some are called as somebody listed: such alarms are in the
figures, though no comparison of names could avoid them. The default threshold is **{threshold}**.
"""


def page(done: dict[str, Any]) -> str:
    """Markdown."""
    from paywarden.aml.screening.index import DEFAULT_THRESHOLD

    parts = [HEAD.format(date=done["date"], threshold=DEFAULT_THRESHOLD)]
    for key, title in (("un", "Persons, UN list alone"), ("all", "Persons, OFAC, UN, EU and UK")):
        one = done[key]
        about = (f"{one['listed_names']} listed names, {one['clean']} clean names, {one['asked']} "
                 "listed persons per distortion.")  # fmt: skip
        parts += [f"\n## {title}\n\n{about}\n\n{_table(one['curve'])}"]
        parts += [f"\nAt the default, by script:\n\n{_table(one['scripts'])}"]
    for key in ("organisations", "vessels"):
        one = done[key]
        about = (
            f"{one['listed']} listed by OFAC, {one['clean']} made-up clean names; `kind unsaid`: "
        )
        about += "nobody says what the clean name is."
        parts += [f"\n## {key.title()}\n\n{about}\n\n{_table(one['curve'])}"]
    parts += [f"\n## Speed\n\n{_speed(done)}\n"]
    return "".join(parts)


def _speed(done: dict[str, Any]) -> str:
    one = done["all"]
    points = ", ".join(f"{name} {value} ms" for name, value in one["search_cpu_ms"].items())
    text = f"{one['listed_names']} names: CPU time of a search {points}; "
    text += f"{one['batch_per_second']} parties a second by wall clock with two processes, "
    return text + "on a machine that did other work, too."


def _table(rows: list[dict[str, Any]]) -> str:
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([_cell(row[name]) for name in names] for row in rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines).replace("_", " ")


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
