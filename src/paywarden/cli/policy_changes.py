"""`paywarden policy changes A B --on stored|FILE`: which decisions change between policies.

Guards: prints counts from outcome to outcome, rules whose matches differ and a masked sample.
Exit code 1 when any decision changes, as `diff` of files does. Not done here: opening a home
(`entrypoints.policy_changes`), deciding (`paywarden.lab.backtest.changed`).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from paywarden.cli import output

if TYPE_CHECKING:
    from paywarden.lab.backtest.changed import ChangedDecisions

RULES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `policy changes`."""
    parser.add_argument("old", metavar="A", help="folder; of the log also `live` or a stored hash")
    parser.add_argument("new", metavar="B", help="the same")
    parser.add_argument("--on", required=True, metavar="stored|FILE", help="whose payments")
    parser.add_argument("--map", type=Path, metavar="MAP.toml", dest="mapping")
    parser.add_argument("--label-delay", metavar="7d", help="of a file: instead of the mapping's")
    parser.add_argument("--days", type=float, metavar="N", help="only the last N days")
    parser.add_argument("--samples", type=int, default=20, metavar="N", help="decisions to show")
    parser.add_argument("--environment", choices=("test", "live"), default="live")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where finished work is kept")
    parser.add_argument("--no-work", action="store_true", help="keep no finished work")
    parser.add_argument("--processes", type=int, default=2, metavar="N")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N payments of FILE")


def show(arguments: argparse.Namespace, found: ChangedDecisions) -> int:
    """Print what changes; 1 when anything does."""
    output.answer(arguments, found.document(), words_of(found))
    return output.NOT_SO if found.changed else output.DONE


def words_of(found: ChangedDecisions) -> str:
    """What changes, for people."""
    lines = [
        f"{found.changed:,} of {found.decisions:,} decisions change "
        f"({found.first[:10]} to {found.last[:10]})"
    ]
    for one in found.changes:
        known = f", {one.fraud:,} fraud, {one.genuine:,} genuine" if one.fraud + one.genuine else ""
        lines.append(f"  {one.before} -> {one.after}: {one.payments:,}{known}")
    for rule in found.rules[:RULES]:
        before = "new" if rule.before is None else f"{rule.before:,}"
        after = "gone" if rule.after is None else f"{rule.after:,}"
        lines.append(f"  rule {rule.rule}: {before} -> {after} matches")
    if len(found.rules) > RULES:
        lines.append(f"  and {len(found.rules) - RULES} rules more (--json has all)")
    for some in found.samples:
        rules = ", ".join(some.rules) or "no rule"
        lines.append(f"  {some.id} {some.at[:19]}: {some.before} -> {some.outcome}: {rules}")
    return "\n".join(lines)
