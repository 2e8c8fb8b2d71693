"""`paywarden train FILE --map MAP.toml --out DIR`: a signed model from a file of payments.

Guards: the signing key is the home's (`keys/model.key`), made when there is none; `--key` names
another. Its public half is printed and lies beside the models (`model.pub`), for those who check.
Standard output carries the answer and nothing else. Not done here: `paywarden.lab.training`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from paywarden.cli import output
from paywarden.cli.evaluate import delays, inputs_of, stages
from paywarden.cli.mapped_file import KEY_OCTETS, add_file, add_limit, add_policy, positive
from paywarden.core.clock import Clock, Randomness
from paywarden.core.secret import Secret
from paywarden.evidence.log_key import create_log_key, load_log_key
from paywarden.evidence.note import SigningKey
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.lab.results import write_text
from paywarden.lab.training.fitting import Settings
from paywarden.lab.training.training import TrainingRequest, train

SIGNER = "paywarden-models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `train`."""
    add_file(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of models")
    add_policy(parser)
    parser.add_argument("--inputs", type=Path, metavar="FILE", help="default: the shipped recipe")
    parser.add_argument("--key", type=Path, metavar="FILE", help="signing key, made if absent")
    parser.add_argument("--label-delay", type=delays, metavar="7d", help="default: the mapping's")
    parser.add_argument("--train-days", type=positive, metavar="N", help="default: all but warm-up")
    parser.add_argument(
        "--test-days", type=positive, metavar="N", help="judged days, the last ones"
    )
    parser.add_argument("--budget", type=float, default=0.01, help="share of genuine challenged")
    add_limit(parser)
    parser.add_argument("--seed", type=int, default=7)


def run(
    arguments: argparse.Namespace,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
) -> int:
    """Train and print. Errors: PaywardenError, for the caller to tell."""
    random = randomness or SystemRandomness()
    signer = signer_of(key_path(arguments), random)
    request = TrainingRequest(
        file=arguments.file,
        mapping=arguments.mapping,
        policy=arguments.policy or policy_folder(),
        key=Secret(random.octets(KEY_OCTETS)),
        inputs=inputs_of(arguments.inputs),
        out=arguments.out,
        delay_us=arguments.label_delay[0] if arguments.label_delay else None,
        train_days=arguments.train_days,
        test_days=arguments.test_days,
        budget=arguments.budget,
        limit=arguments.limit,
        settings=Settings(seed=arguments.seed),
    )
    made = train(request, signer, stages(clock or SystemClock()))
    write_text(arguments.out / "model.pub", signer.verifier.text + "\n")
    output.answer(arguments, made, words_of(made))
    return output.DONE


def key_path(arguments: argparse.Namespace) -> Path:
    """The named key, else the home's, else one beside the models."""
    if arguments.key is not None:
        return Path(arguments.key)
    keys = Path(arguments.home_root) / "keys"
    return keys / "model.key" if keys.is_dir() else Path(arguments.out) / "model.key"


def signer_of(path: Path, randomness: Randomness) -> SigningKey:
    """The signing key of a file, made when there is none. Errors: Unavailable `log_key_unsafe`."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return create_log_key(path, SIGNER, randomness).signer()
    return load_log_key(path).signer()


def words_of(made: dict[str, Any]) -> str:
    """The answer for people."""
    later = made["later_days"]
    lines = [
        f"{made['model']}: {made['trees']} trees over {made['inputs']} inputs, in {made['folder']}",
        f"challenge from {made['operating']['challenge']:.5f}, "
        f"decline from {made['operating']['block']:.5f} (calibrated probability)",
        f"later days: {later['payments']} payments, {later['frauds']} frauds",
    ]
    if later["frauds"]:
        lines.append(
            f"stopped: {100 * later['value_stopped']:.2f} % of fraud value, "
            f"{100 * later['frauds_stopped']:.2f} % of frauds; "
            f"{100 * later['genuine_challenged']:.2f} % of genuine payments challenged"
        )
    lines += [f"degraded: {count} {word}" for word, count in made["degraded"].items()]
    lines.append(f"signed by {made['verifier']}")
    return "\n".join(lines)
