"""`paywarden evaluate FILE --map MAP.toml --out DIR`: what is stopped in advance on later days.

Guards: standard output carries the answer and nothing else; progress goes to standard error. A run
that was killed goes on where it stopped when the same command is given again.
Not done here: everything that is computed (`paywarden.lab.evaluation`).
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from paywarden.cli import output
from paywarden.cli.mapped_file import KEY_OCTETS, add_file, add_limit, add_policy, positive
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US
from paywarden.core.secret import Secret
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.lab.evaluation.evaluating import EvaluationRequest, evaluate
from paywarden.lab.evaluation.protocols import handbook
from paywarden.lab.evaluation.report import NAMES, html_of
from paywarden.lab.results import write_text
from paywarden.lab.training.dataset import read_material
from paywarden.lab.training.fitting import Settings
from paywarden.risk.scoring.recipe import Input, default_inputs, read_inputs

LINE_SECONDS = 5.0
_DELAY = re.compile(r"([0-9]{1,4})([hd])\Z")
_UNITS = {"h": DAY_US // 24, "d": DAY_US}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `evaluate`."""
    add_file(parser)
    add_policy(parser)
    parser.add_argument("--inputs", type=Path, metavar="FILE", help="default: the shipped recipe")
    parser.add_argument("--out", type=Path, metavar="DIR", help="evaluation.json, evaluation.html")
    parser.add_argument(
        "--delays", type=delays, default=(7 * DAY_US, 3 * DAY_US, DAY_US), metavar="7d,3d,1d"
    )
    parser.add_argument(
        "--test-days", type=positive, metavar="N", help="judged days, the last ones"
    )
    parser.add_argument("--budget", type=float, default=0.01, help="share of genuine challenged")
    parser.add_argument("--truth", type=Path, metavar="FILE", help="attack types, joined by `id`")
    parser.add_argument("--attack-type", metavar="COLUMN", help="column of truth: kind of attack")
    parser.add_argument("--campaign", metavar="COLUMN", help="column of truth: campaign")
    add_limit(parser)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--protocol", choices=("bar", "handbook"), default="bar")
    parser.add_argument("--train-days", type=positive, default=7, help="of the handbook's protocol")


def run(
    arguments: argparse.Namespace,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
) -> int:
    """Evaluate and print. Errors: PaywardenError, for the caller to tell."""
    progress = stages(clock or SystemClock())
    key = Secret((randomness or SystemRandomness()).octets(KEY_OCTETS))
    policy, inputs = arguments.policy or policy_folder(), inputs_of(arguments.inputs)
    settings = Settings(seed=arguments.seed)
    if arguments.protocol == "handbook":
        material = read_material(arguments.file, arguments.mapping, policy, key, arguments.limit)
        document = handbook(material, inputs, settings, progress, arguments.train_days)
    else:
        document = evaluate(_request(arguments, policy, key, inputs, settings), progress)
    if arguments.out is not None:
        pretty = msgspec.json.format(msgspec.json.encode(document), indent=1).decode()
        write_text(arguments.out / "evaluation.json", pretty + "\n")
        write_text(arguments.out / "evaluation.html", html_of(document))
    output.answer(arguments, document, words_of(document))
    return output.DONE


def _request(
    arguments: argparse.Namespace,
    policy: Path,
    key: Secret[bytes],
    inputs: tuple[Input, ...],
    settings: Settings,
) -> EvaluationRequest:
    return EvaluationRequest(
        file=arguments.file,
        mapping=arguments.mapping,
        policy=policy,
        key=key,
        inputs=inputs,
        delays_us=arguments.delays,
        work=None if arguments.out is None else arguments.out / "work",
        test_days=arguments.test_days,
        budget=arguments.budget,
        truth=arguments.truth,
        attack_type=arguments.attack_type,
        campaign=arguments.campaign,
        limit=arguments.limit,
        settings=settings,
    )


def words_of(document: dict[str, Any]) -> str:
    """The evaluation for people."""
    if document["protocol"] == "handbook":
        mean = ", ".join(f"{key} {value:.4f}" for key, value in document["mean"].items())
        return f"{document['title']}; mean of {len(document['folds'])} folds: {mean}"
    lines = [f"{document['payments']} payments, {document['frauds']} frauds; V and C at FPR"]
    for one in document["delays"]:
        lines.append(f"labels after {one['delay_days']:g} days, {one['frauds']} frauds judged:")
        for name, label in NAMES.items():
            way = one["ways"][name]
            lines.append(
                f"  {label:24} V {way['v']:.4f}  C {way['c']:.4f}  FPR {way['fpr']:.4f}  "
                f"declined {way['declined']:.4f}"
            )
        for row in one["types"].get("rules_and_model", ()):
            lines.append(
                f"  {row['type']:24} V {row['v']:.4f}  C {row['c']:.4f}  of {row['frauds']}"
            )
    return "\n".join(lines)


def inputs_of(path: Path | None) -> tuple[Input, ...]:
    """Inputs of a recipe file, or the shipped ones. Errors: InvalidRequest, PolicyErrors."""
    if path is None:
        return default_inputs()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidRequest("recipe_unreadable", "cannot be read", pointer=str(path)) from error
    return read_inputs(path.name, content)


def stages(clock: Clock) -> Callable[[str, int, int], None]:
    """Progress as lines now and then, always when a stage begins or ends."""
    told: dict[str, int] = {}

    def progress(stage: str, done: int, total: int) -> None:
        now = clock.monotonic_ns()
        if 0 < done < total and (now - told.get(stage, 0)) / 1e9 < LINE_SECONDS:
            return
        told[stage] = now
        output.tell(f"{stage}: {done} of {total}")

    return progress


def delays(text: str) -> tuple[int, ...]:
    """Delays in microseconds of a text such as 7d,3d,12h."""
    found = []
    for part in text.split(","):
        matched = _DELAY.match(part.strip())
        if matched is None:
            raise argparse.ArgumentTypeError("is a list of days or hours, such as 7d,3d,12h")
        found.append(int(matched[1]) * _UNITS[matched[2]])
    return tuple(dict.fromkeys(found))
