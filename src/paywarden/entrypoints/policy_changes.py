"""`paywarden policy changes`: two policies over recorded decisions, or over a file.

Guards: as `entrypoints.backtest`: reads only, keeps opened fields in memory.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

from paywarden.cli import policy_changes as command
from paywarden.cli.backtest import stage_progress
from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US
from paywarden.entrypoints.backtest import Drafts, candidate_of_log, material_of, reading, scope_of
from paywarden.entrypoints.home import Home
from paywarden.kit.clock import SystemClock
from paywarden.lab.backtest.changed import ChangedDecisions, changed_decisions
from paywarden.lab.backtest.file_backtest import candidate_of, runtime_of_folder
from paywarden.lab.backtest.file_material import FileSource, file_material
from paywarden.lab.backtest.material import Material
from paywarden.lab.backtest.result import Options
from paywarden.lab.backtest.running import Surroundings
from paywarden.lab.backtest.work_folder import default_folder
from paywarden.lab.mapping_file import delay_of

STORED = "stored"


def policy_changes(arguments: argparse.Namespace, home: Home) -> int:
    """Run the command. Errors: PaywardenError, for the caller to tell."""
    clock = SystemClock()
    work = None if arguments.no_work else arguments.work or default_folder(os.environ)
    around = Surroundings(clock, stage_progress(clock), work, arguments.processes)
    if arguments.on != STORED:
        return command.show(arguments, _on_file(arguments, around))
    if arguments.work is None and work is not None:
        around = replace(around, work=home.backtests)
    return command.show(arguments, _on_log(arguments, home, clock, around))


def _on_file(arguments: argparse.Namespace, around: Surroundings) -> ChangedDecisions:
    if arguments.mapping is None:
        raise InvalidRequest("mapping_missing", "a file needs --map MAP.toml")
    delay = None if arguments.label_delay is None else delay_of(arguments.label_delay)
    source = FileSource(Path(arguments.on), arguments.mapping, delay, arguments.limit)
    folders = Path(arguments.old), Path(arguments.new)
    old, new = map(runtime_of_folder, folders)
    material = file_material(source, [old.policy, new.policy])
    before, after = (
        candidate_of(one, folder, material) for one, folder in zip((old, new), folders, strict=True)
    )
    return changed_decisions(material, before, after, _options(arguments, material), around)


def _on_log(
    arguments: argparse.Namespace, home: Home, clock: Clock, around: Surroundings
) -> ChangedDecisions:
    installation = reading(home, clock)
    scope = scope_of(installation, arguments.environment)
    drafts = Drafts(installation, scope)
    old, new = drafts.find(arguments.old), drafts.find(arguments.new)
    reads = old[0].reads | new[0].reads
    material, edits = material_of(installation, scope, old[0], around, None, reads)
    before, after = (candidate_of_log(*one, material, edits) for one in (old, new))
    return changed_decisions(material, before, after, _options(arguments, material), around)


def _options(arguments: argparse.Namespace, material: Material) -> Options:
    since = None
    if arguments.days is not None:
        if not 0 < arguments.days <= 100_000:
            raise InvalidRequest("option_out_of_range", "days is above 0", pointer="--days")
        since = int(material.table.time_us[-1]) - round(arguments.days * DAY_US)
    if not 0 <= arguments.samples <= 1_000:
        raise InvalidRequest("option_out_of_range", "samples is 0 to 1000", pointer="--samples")
    return Options(from_us=since, samples=arguments.samples)
