"""Where the card data environment lies under a home folder.

cde/keys/   the agent's own: root.key (development), keys.sealed, state.journal, keys.toml
cde/vault/  the vault's own
cde/edge/   the edge's own: its settings
cde/egress/ the egress' own
cde/inbox/  the signed roster of callers, written by the house, read by edge and egress
cde/callers.pub  the public key that signs it: pinned
cde/facts.keys  public keys that sign card facts, for the risk API
cde/run/    sockets, and the proofs of callers that share one user
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """Paths under `<home>/cde`."""

    root: Path

    @property
    def keys(self) -> Path:
        """The key agent's folder."""
        return self.root / "keys"

    @property
    def vault(self) -> Path:
        """The vault's folder."""
        return self.root / "vault"

    @property
    def edge(self) -> Path:
        """The edge's folder."""
        return self.root / "edge"

    @property
    def inbox(self) -> Path:
        """What the house hands in."""
        return self.root / "inbox"

    @property
    def callers_roster(self) -> Path:
        """Which API keys are believed."""
        return self.inbox / "callers.roster"

    @property
    def callers_pin(self) -> Path:
        """By whose signature: 32 octets."""
        return self.root / "callers.pub"

    @property
    def egress(self) -> Path:
        """The egress' folder."""
        return self.root / "egress"

    @property
    def run(self) -> Path:
        """Sockets and proofs."""
        return self.root / "run"

    @property
    def keys_socket(self) -> Path:
        """Where the key agent listens."""
        return self.run / "keys.sock"

    @property
    def vault_socket(self) -> Path:
        """Where the vault listens."""
        return self.run / "vault.sock"

    @property
    def development_root(self) -> Path:
        """The software root of development."""
        return self.keys / "root.key"

    @property
    def key_file(self) -> Path:
        """Every key, sealed."""
        return self.keys / "keys.sealed"

    @property
    def state_journal(self) -> Path:
        """Anchors, budgets, used approvals."""
        return self.keys / "state.journal"

    def make(self) -> None:
        """Create the folders, for this user only."""
        own = (self.keys, self.vault, self.edge, self.egress, self.inbox, self.run)
        for folder in (self.root, *own):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def places_of(home: Path) -> Places:
    """The environment's places in a home folder."""
    return Places(home / "cde")
