"""`paywarden mine FILE --map MAP.toml`: drafts of rules, from labels or from a burst.

Guards: standard output carries the answer and nothing else; progress goes to standard error.
`--out DIR` gets rules/mined.yaml (to be copied into a policy) and report.json, each whole or not at
all. Exit codes: 0 drafts were found, 1 none was, 2 usage, 3 bad input. Not done here: mining
(`paywarden.lab.mining`).
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

import msgspec

from paywarden.cli import output
from paywarden.cli.decide import progress_lines
from paywarden.cli.mapped_file import KEY_OCTETS, add_file, add_policy
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import parse_rfc3339
from paywarden.core.secret import Secret
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.lab.mining.drafts import FILE
from paywarden.lab.mining.mine import Mined, mine_file
from paywarden.lab.mining.request import MineRequest

REPORT = "report.json"
_SHORT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d)?\Z")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `mine`."""
    add_file(parser)
    add_policy(parser, "the starter policy")
    parser.add_argument(
        "--burst", type=burst_of, metavar="FROM..TO", help="mine this time against what was before"
    )
    parser.add_argument("--max-rules", type=int, default=10, metavar="N")
    parser.add_argument("--min-precision", type=float, default=0.25, metavar="SHARE")
    parser.add_argument(
        "--max-hurt", type=float, default=0.005, metavar="SHARE", help="of honest payments, a draft"
    )
    parser.add_argument(
        "--holdout", type=float, default=0.25, metavar="SHARE", help="last share of days, judging"
    )
    parser.add_argument("--scenario", metavar="WORD", help="scenario of the drafts")
    parser.add_argument("--seed", type=int, default=7, metavar="N")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="gets rules/mined.yaml, report.json"
    )


def burst_of(text: str) -> tuple[int, int]:
    """FROM..TO in microseconds; RFC 3339 times, or days and minutes in UTC.

    Errors: argparse.ArgumentTypeError.
    """
    start, mark, end = text.partition("..")
    try:
        if not mark:
            raise ValueError
        return _instant(start), _instant(end)
    except (ValueError, OverflowError):
        detail = "is FROM..TO, such as 2026-03-01T14:00..2026-03-01T16:30"
        raise argparse.ArgumentTypeError(detail) from None


def _instant(text: str) -> int:
    if _SHORT.match(text):
        text += ":00Z" if "T" in text else "T00:00:00Z"
    return parse_rfc3339(text)


def run(
    arguments: argparse.Namespace,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
) -> int:
    """Mine, write and print. Errors: PaywardenError, for the caller to tell."""
    clock = clock or SystemClock()
    key = (randomness or SystemRandomness()).octets(KEY_OCTETS)
    request = MineRequest(
        arguments.file,
        arguments.mapping,
        arguments.policy or policy_folder(),
        Secret(key),
        arguments.burst,
        arguments.max_rules,
        arguments.min_precision,
        arguments.holdout,
        arguments.max_hurt,
        arguments.scenario,
        arguments.seed,
    )
    lines = progress_lines(clock)

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "windows":
            lines(done, total)
        elif not done:
            output.tell(f"{stage} ...")

    mined = mine_file(request, progress, clock)
    document = mined.as_dict()
    if arguments.out is not None:
        _write(arguments.out, mined, document)
    output.answer(arguments, document, words_of(mined))
    return output.DONE if mined.drafts else output.NOT_SO


def words_of(mined: Mined) -> str:
    """Drafts for people: what each does on the payments that judge."""
    lines = []
    for draft in mined.drafts:
        judged = draft.judged
        lines.append(f"{draft.id}  {draft.when}")
        lines.append(
            f"    caught {judged.caught:g} worth {judged.caught_value_minor} minor units "
            f"({judged.recall:.1%}), new {judged.new_value_minor}; hurt {judged.hurt:g} of "
            f"{judged.customers_hurt} customers; precision {judged.precision:.1%} "
            f"({judged.precision_low:.1%} to {judged.precision_high:.1%})"
        )
    whole = mined.together
    lines.append(
        f"{len(mined.drafts)} drafts in {mined.seconds:.1f} s; together they catch "
        f"{whole.recall:.1%} of the value and hurt {whole.hurt:g} payments"
    )
    lines += [f"left out: {when}: {reason}" for when, reason in mined.dropped]
    return "\n".join(lines)


def _write(folder: Path, mined: Mined, document: dict[str, object]) -> None:
    report = msgspec.json.format(msgspec.json.encode(document), indent=2)
    for name, content in ((FILE, mined.text.encode()), (REPORT, report + b"\n")):
        path = folder / name
        draft = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(content)
            draft.replace(path)
        except OSError as error:
            raise InvalidRequest(
                "out_unwritable", "cannot be written", pointer=str(path)
            ) from error
        finally:
            draft.unlink(missing_ok=True)
