"""Stored rulesets with their models, compiled in this process, each once: for commands."""

from __future__ import annotations

from paywarden.core.scope import Scope
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.decider import Decider
from paywarden.decision.model_runtime import ModelRuntime
from paywarden.entrypoints.installation import Installation
from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.rules.reader import read_policy_files


class StoredRuntimes:
    """Compiled rulesets of the log, each compiled once."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._known: dict[tuple[Scope, Decider], PolicyRuntime] = {}

    def __call__(self, scope: Scope, wanted: Decider) -> PolicyRuntime:
        """The runtime of a ruleset of the log. Errors: those of models that are gone."""
        found = self._known.get((scope, wanted))
        if found is None:
            found = self._known[scope, wanted] = self._made(scope, wanted)
        return found

    def _made(self, scope: Scope, wanted: Decider) -> PolicyRuntime:
        if wanted.model:
            compiled = self(scope, Decider(wanted.ruleset)).compiled
            artefact = self._installation.models.artefact(wanted.model)
            return PolicyRuntime(compiled, ModelRuntime(wanted.model, artefact, compiled))
        row = self._installation.records.ruleset(scope, wanted.ruleset)
        assert row is not None, "a published ruleset is stored for ever"
        return PolicyRuntime(compile_policy(read_policy_files(row.files())))
