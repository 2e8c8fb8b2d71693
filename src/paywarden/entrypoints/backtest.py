"""`paywarden backtest`: on a file, or without one on the recorded decisions of this home.

Guards: opens the databases for reading only, so it runs beside a server; fields that are opened for
the run stay in memory. What is kept on disk (windows, matches) lies in the home's own work folder.
Not done here: arguments and words (`cli.backtest`), the back-test itself (`lab.backtest`).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from paywarden.cli import backtest as command
from paywarden.core.clock import Clock
from paywarden.core.errors import NotFound
from paywarden.core.scope import Environment, Scope
from paywarden.decision.companions import Names
from paywarden.decision.conduct import PolicyRuntime
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import Installation
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.lab.backtest.deciding_again import Candidate
from paywarden.lab.backtest.log_lists import ListEdits, LogTimeline
from paywarden.lab.backtest.log_material import LogSource, list_files_of, log_material
from paywarden.lab.backtest.material import Material
from paywarden.lab.backtest.result import BacktestResult, Options
from paywarden.lab.backtest.running import Surroundings, run
from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.rules.reader import files_of, read_policy_files

LIVE = "live"


def backtest(arguments: argparse.Namespace, home: Home) -> int:
    """Run the command. Errors: PaywardenError, for the caller to tell."""
    if arguments.file is not None:
        return command.run(arguments)
    clock = SystemClock()
    installation = reading(home, clock)
    scope = scope_of(installation, arguments.environment)
    around = command.surroundings_of(arguments, clock)
    if arguments.work is None and around.work is not None:
        around = replace(around, work=home.backtests)
    result = stored_backtest(
        installation, scope, arguments.policy or LIVE, arguments.against,
        command.options_of(arguments), around, arguments.to_seq,
    )  # fmt: skip
    return command.show(arguments, result)


def reading(home: Home, clock: Clock) -> Installation:
    """The installation, not started: its databases are only read."""
    return Installation(home, home.settings(os.environ), clock, SystemRandomness())


def scope_of(installation: Installation, environment: str) -> Scope:
    """The scope of an environment's word."""
    test, live = installation.scopes
    return live if environment == Environment.LIVE.value else test


def stored_backtest(
    installation: Installation,
    scope: Scope,
    policy: str,
    against: str | None,
    options: Options,
    around: Surroundings,
    up_to_seq: int | None = None,
) -> BacktestResult:
    """Back-test on the log. `policy`, `against`: `live`, a stored ruleset's hash, or a folder."""
    wanted = Drafts(installation, scope)
    runtime, files = wanted.find(policy)
    other = None if against is None else wanted.find(against)
    reads = runtime.reads if other is None else runtime.reads | other[0].reads
    material, edits = material_of(installation, scope, runtime, around, up_to_seq, reads)
    before = None if other is None else candidate_of_log(*other, material, edits)
    candidate = candidate_of_log(runtime, files, material, edits)
    return run(material, candidate, before, options, around)


def material_of(
    installation: Installation,
    scope: Scope,
    runtime: PolicyRuntime,
    around: Surroundings,
    up_to_seq: int | None,
    reads: Names,
) -> tuple[Material, ListEdits]:
    """The scope's decisions up to a sequence (the head when None), with what drafts read."""
    head = installation.journal.head()
    last = head if up_to_seq is None else min(up_to_seq, head)
    source = LogSource(
        installation.journal, installation.history, installation.sealer,
        installation.list_digest, installation.ids.text,
    )  # fmt: skip
    return log_material(source, scope, last, runtime.policy.base_currency, around.progress, reads)


def candidate_of_log(
    runtime: PolicyRuntime, files: Mapping[str, bytes], material: Material, edits: ListEdits
) -> Candidate:
    """A compiled policy with its lists over the log's payments."""
    kinds = runtime.policy.lists
    assert material.recorded is not None
    lists = LogTimeline(
        edits, kinds, list_files_of(files, kinds), material.recorded.sequences,
        material.table.time_us,
    )  # fmt: skip
    return Candidate(runtime, lists)


class Drafts:
    """Policies by what people name them: `live`, a stored hash, a folder."""

    def __init__(self, installation: Installation, scope: Scope) -> None:
        self._installation = installation
        self._scope = scope

    def find(self, name: str) -> tuple[PolicyRuntime, Mapping[str, bytes]]:
        """The compiled policy and its files. Errors: NotFound, PolicyErrors."""
        files = self._files(name)
        return PolicyRuntime(compile_policy(read_policy_files(files))), files

    def _files(self, name: str) -> Mapping[str, bytes]:
        if name == LIVE:
            published = self._installation.published().get(self._scope)
            if published is None:
                detail = "no policy decides in this environment yet; name one with --policy"
                raise NotFound("nothing_published", detail)
            name = published.decider.ruleset
        if name.startswith("rs_"):
            row = self._installation.records.ruleset(self._scope, name)
            if row is None:
                raise NotFound(
                    "ruleset_not_found", "no ruleset of that hash is stored", pointer=name
                )
            return row.files()
        if not Path(name).is_dir():
            raise NotFound("policy_folder_missing", "there is no such folder", pointer=name)
        return files_of(Path(name))
