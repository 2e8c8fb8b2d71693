"""Habits of every test run: long tests only on demand, and no silent skip where it counts.

`PAYWARDEN_FULL=1` (`./run test --full`) adds tests marked `full`. `PAYWARDEN_NO_SKIPS=1` turns any
skip, of a test or of a whole file, into a failing run that lists the reasons; expected failures
(`xfail`) are no skips. The data folder comes from `PAYWARDEN_DATA`, else `../shared/data`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
_SKIPS = pytest.StashKey[list[str]]()
_WORKER_KEY = "paywarden_skips"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of evaluation data; the test is skipped where there is none."""
    folder = Path(os.environ.get("PAYWARDEN_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no evaluation data: set PAYWARDEN_DATA to its folder")
    return folder


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SKIPS] = []
    config.pluginmanager.register(_SkipLedger(config), "paywarden-skip-ledger")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("PAYWARDEN_FULL") == "1":
        return
    long_ones = [item for item in items if item.get_closest_marker("full")]
    if long_ones:
        config.hook.pytest_deselected(items=long_ones)
        items[:] = [item for item in items if not item.get_closest_marker("full")]


class _SkipLedger:
    """Collects every skip, also those that pytest-xdist's workers see."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._skips = config.stash[_SKIPS]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail") and not self._is_worker():
            self._skips.append(_line(report.nodeid, report.longrepr))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._skips.append(_line(report.nodeid, report.longrepr))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        found = getattr(node, "workeroutput", {}).get(_WORKER_KEY, [])
        self._skips.extend(line for line in found if line not in self._skips)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._is_worker():
            self._config.workeroutput[_WORKER_KEY] = self._skips  # type: ignore[attr-defined]
        elif self._skips and _forbidden() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._skips and _forbidden():
            terminalreporter.section("skips are failures here (PAYWARDEN_NO_SKIPS=1)", red=True)
            for line in self._skips:
                terminalreporter.line(line)

    def _is_worker(self) -> bool:
        return hasattr(self._config, "workeroutput")


def _forbidden() -> bool:
    return os.environ.get("PAYWARDEN_NO_SKIPS") == "1"


def _line(nodeid: str, longrepr: object) -> str:
    reason = longrepr[2] if isinstance(longrepr, tuple) else longrepr
    return f"{nodeid}: {reason}"
