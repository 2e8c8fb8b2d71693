"""`paywarden train`: on a file, or without one on the log of this home.

Guards: opens the databases for reading only, so it runs beside a server; fields that are opened for
the run stay in memory. Not done here: arguments and words (`cli.train`), training (`lab.training`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from paywarden.cli import train as command
from paywarden.cli.evaluate import stages
from paywarden.core.clock import Clock, Randomness
from paywarden.decision.companions import read_by
from paywarden.entrypoints.backtest import LIVE, Drafts, material_of, reading, scope_of
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import Installation
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.lab.training.log_history import LogHistory, log_history
from paywarden.lab.training.training import Progress, train_history
from paywarden.lab.training.unlabelled import train_unlabelled
from paywarden.risk.scoring.recipe import Input, compile_inputs


def train(arguments: argparse.Namespace, home: Home) -> int:
    """Run the command. Errors: PaywardenError, for the caller to tell."""
    clock, randomness = SystemClock(), SystemRandomness()
    if arguments.file is not None:
        return command.run(arguments, clock, randomness)
    return train_on_log(arguments, reading(home, clock), clock, randomness)


def train_on_log(
    arguments: argparse.Namespace, installation: Installation, clock: Clock, randomness: Randomness
) -> int:
    """Train on the log of one environment and print."""
    options = command.options_of(arguments)
    progress = stages(clock)
    delay_us = 0 if arguments.without_labels else command.maturity_of(options)
    history = history_of(
        installation, arguments.environment, str(arguments.policy or LIVE), options.inputs,
        delay_us, clock.now_us(), progress, arguments.to_seq,
    )  # fmt: skip
    signer = command.signer_of(command.key_path(arguments), randomness)
    if arguments.without_labels:
        made = train_unlabelled(history, options, signer, progress)
    else:
        made = train_history(history, options, delay_us, signer, progress)
    return command.show(arguments, made, signer)


def history_of(
    installation: Installation,
    environment: str,
    policy: str,
    inputs: Sequence[Input],
    delay_us: int,
    now_us: int,
    progress: Progress,
    up_to_seq: int | None = None,
) -> LogHistory:
    """Decided and imported payments. `policy`: `live`, a stored ruleset's hash, or a folder."""
    scope = scope_of(installation, environment)
    runtime, _files = Drafts(installation, scope).find(policy)
    served = runtime.policy
    recipe = compile_inputs(inputs, served.aggregates, served.lists)
    reads = read_by({path for one in recipe.inputs for path in one.paths})
    material, _edits = material_of(
        installation, scope, served, progress, up_to_seq, reads, imported=True
    )
    return log_history(material, served, runtime.ruleset, delay_us, now_us)
