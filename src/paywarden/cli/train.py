"""`paywarden train [FILE --map MAP.toml] --out DIR`: a signed model from payments.

Without FILE the log of this home is what it learns from (`entrypoints.train` opens it).

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
from paywarden.cli.mapped_file import KEY_OCTETS, add_limit, positive
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.evidence.log_key import create_log_key, load_log_key
from paywarden.evidence.note import SigningKey
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.lab.results import write_text
from paywarden.lab.training.dataset import read_material
from paywarden.lab.training.fitting import Settings
from paywarden.lab.training.training import (
    TrainingOptions,
    TrainingRequest,
    train,
)
from paywarden.lab.training.unlabelled import train_unlabelled

SIGNER = "paywarden-models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `train`."""
    parser.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="CSV, CSV.gz, Parquet, JSON lines"
    )
    parser.add_argument("--map", type=Path, metavar="MAP.toml", dest="mapping")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of models")
    parser.add_argument(
        "--policy", metavar="DIR", help="folder or ruleset (default: the rule library, or live)"
    )
    parser.add_argument("--environment", choices=("test", "live"), default="live")
    parser.add_argument("--to-seq", type=int, metavar="SEQ", help="of the log: nothing later")
    parser.add_argument("--inputs", type=Path, metavar="FILE", help="default: the shipped recipe")
    parser.add_argument("--key", type=Path, metavar="FILE", help="signing key, made if absent")
    parser.add_argument("--label-delay", type=delays, metavar="7d", help="default: the mapping's")
    parser.add_argument("--train-days", type=positive, metavar="N", help="default: all but warm-up")
    parser.add_argument(
        "--test-days", type=positive, metavar="N", help="judged days, the last ones"
    )
    parser.add_argument("--budget", type=float, default=0.01, help="share of genuine challenged")
    parser.add_argument(
        "--without-labels", action="store_true", help="learn how unlike others payments are"
    )
    add_limit(parser)
    parser.add_argument("--seed", type=int, default=7)


def run(arguments: argparse.Namespace, clock: Clock, randomness: Randomness) -> int:
    """Train on a file and print. Errors: PaywardenError, for the caller to tell."""
    if arguments.mapping is None:
        detail = "a file needs --map MAP.toml; without a file the log of this home is read"
        raise InvalidRequest("mapping_missing", detail)
    options = options_of(arguments)
    signer = signer_of(key_path(arguments), randomness)
    request = TrainingRequest(
        arguments.file,
        arguments.mapping,
        Path(arguments.policy) if arguments.policy else policy_folder(),
        Secret(randomness.octets(KEY_OCTETS)),
        limit=arguments.limit,
        **{name: getattr(options, name) for name in TrainingOptions.__slots__},
    )
    if arguments.without_labels:
        material = read_material(
            request.file, request.mapping, request.policy, request.key, request.limit
        )
        made = train_unlabelled(material, options, signer, stages(clock))
    else:
        made = train(request, signer, stages(clock))
    return show(arguments, made, signer)


def options_of(arguments: argparse.Namespace) -> TrainingOptions:
    """Options that a file and a log share."""
    return TrainingOptions(
        inputs=inputs_of(arguments.inputs),
        out=arguments.out,
        delay_us=arguments.label_delay[0] if arguments.label_delay else None,
        train_days=arguments.train_days,
        test_days=arguments.test_days,
        budget=arguments.budget,
        settings=Settings(seed=arguments.seed),
    )


def maturity_of(options: TrainingOptions) -> int:
    """After how long a log's payment counts as genuine. Errors: InvalidRequest `delay_needed`."""
    if options.delay_us is None:
        detail = "say after how long a payment without a label counts as genuine: --label-delay 30d"
        raise InvalidRequest("delay_needed", detail)
    return options.delay_us


def show(arguments: argparse.Namespace, made: dict[str, Any], signer: SigningKey) -> int:
    """Lay the public key beside the models and print."""
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
    later, operating = made["later_days"], made.get("operating")
    lines = [
        f"{made['model']}: {made['trees']} trees over {made['inputs']} inputs, in {made['folder']}",
        f"later days: {later['payments']} payments, {later['frauds']} frauds",
    ]
    if operating is None:
        lines.append("without labels: rules may read model.anomaly, a share of payments")
        if later["auc"] is not None:
            lines.append(f"it ranks the known frauds of the later days with AUC {later['auc']:.3f}")
    else:
        lines.append(
            f"challenge from {operating['challenge']:.5f}, "
            f"decline from {operating['block']:.5f} (calibrated probability)"
        )
    if operating is not None and later["frauds"]:
        lines.append(
            f"stopped: {100 * later['value_stopped']:.2f} % of fraud value, "
            f"{100 * later['frauds_stopped']:.2f} % of frauds; "
            f"{100 * later['genuine_challenged']:.2f} % of genuine payments challenged"
        )
    lines += [f"degraded: {count} {word}" for word, count in made["degraded"].items()]
    lines.append(f"signed by {made['verifier']}")
    return "\n".join(lines)
