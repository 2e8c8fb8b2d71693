"""A world of transfers into a folder: transfers, accounts, and the truth in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from paywarden.simulator.transfers.model import TransferWorld, WorldSettings
from paywarden.simulator.transfers.world import make


def write(settings: WorldSettings, folder: Path) -> dict[str, Any]:
    """Write transfers.parquet, accounts.csv, truth/patterns.csv, truth/transfers.csv; counts."""
    world = make(settings)
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    world.transfers.write_parquet(folder / "transfers.parquet")
    world.accounts.write_csv(folder / "accounts.csv")
    world.patterns.write_csv(folder / "truth" / "patterns.csv")
    world.parts.write_csv(folder / "truth" / "transfers.csv")
    return counts(world)


def counts(world: TransferWorld) -> dict[str, Any]:
    """How much of what the world holds."""
    return {
        "transfers": len(world.transfers),
        "accounts": len(world.accounts),
        "patterns": world.patterns["pattern"].n_unique(),
        "laundering_transfers": len(world.parts),
        "laundering_accounts": world.patterns["account"].n_unique(),
    }
