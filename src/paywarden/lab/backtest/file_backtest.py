"""`backtest_file`: a policy folder over a mapped file, in one call.

Guards: everybody who tries rules on a file (the command, the rule miner, the library's table) goes
this way. Policies are read and compiled here; lists are those of their folders.
"""

from __future__ import annotations

from pathlib import Path

from paywarden.core.errors import InvalidRequest
from paywarden.decision.conduct import PolicyRuntime
from paywarden.lab.backtest.deciding_again import Candidate
from paywarden.lab.backtest.file_material import FileSource, FileTimeline, file_material
from paywarden.lab.backtest.material import Material
from paywarden.lab.backtest.result import BacktestResult, Options
from paywarden.lab.backtest.running import Surroundings, run
from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.rules.reader import read_policy


def backtest_file(
    source: FileSource,
    policy: Path,
    against: Path | None,
    options: Options,
    around: Surroundings,
) -> BacktestResult:
    """Back-test a folder over a file. Errors: PolicyErrors, those of `decide_file` and of `run`."""
    runtime = runtime_of_folder(policy)
    other = None if against is None else runtime_of_folder(against)
    policies = [runtime.policy] if other is None else [runtime.policy, other.policy]
    material = file_material(source, policies)
    candidate = candidate_of(runtime, policy, material)
    before = None
    if other is not None and against is not None:
        before = candidate_of(other, against, material)
    return run(material, candidate, before, options, around)


def runtime_of_folder(folder: Path) -> PolicyRuntime:
    """A policy folder, read and compiled. Errors: InvalidRequest, PolicyErrors."""
    if not folder.is_dir():
        detail = "there is no such folder"
        raise InvalidRequest("policy_folder_missing", detail, pointer=str(folder))
    return PolicyRuntime(compile_policy(read_policy(folder)))


def candidate_of(runtime: PolicyRuntime, folder: Path, material: Material) -> Candidate:
    """A compiled folder with its lists over the material."""
    return Candidate(runtime, FileTimeline(runtime.policy, folder, material.table.time_us))
