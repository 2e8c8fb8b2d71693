"""The batch and the stream raise the same alerts with the typologies that are shipped."""

from __future__ import annotations

from pathlib import Path

import ibis
import numpy as np
import polars as pl

from paywarden.aml.monitoring.batch.running import run_batch
from paywarden.aml.monitoring.engine import FlowEngine
from paywarden.aml.monitoring.typology_reader import shipped_typologies
from paywarden.cli.aml_batch import named_lists
from paywarden.core.instants import DAY_US
from paywarden.lab.accounts.mapping import read_map
from paywarden.lab.accounts.reading import read_transfers
from paywarden.simulator.transfers.model import WorldSettings
from paywarden.simulator.transfers.world import make

TEXTS = ("from_account", "to_account", "kind", "channel", "from_country", "to_country",
         "from_bank", "to_bank")  # fmt: skip
EXAMPLE = Path(__file__).parents[3] / "examples" / "amlgentex.toml"


def _typologies():
    """Those over the log that ask no list, which the stream reads elsewhere."""
    logs = [one for one in shipped_typologies() if one.runs == "log"]
    return [one for one in logs if not any("lists." in term.when for term in one.terms)]


def _streamed(typologies, frame):
    moved = (pl.col("from_account") != pl.col("to_account")) & (pl.col("amount_minor") > 0)
    frame = frame.filter(moved)
    engine = FlowEngine(typologies)
    texts = {name: frame[name].to_list() for name in TEXTS}
    numbers = {
        name: frame[name].to_numpy().astype(np.int64)
        for name in ("at_us", "amount_minor", "sequence")
    }
    alerts = engine.take(engine.numbers.columns(texts, numbers))
    return {(one.typology.id, one.account, one.sequence, one.score) for one in alerts}


def _batched(typologies, frame):
    connection = ibis.duckdb.connect(threads=2)
    alerts = run_batch(typologies, ibis.memtable(frame), connection, named_lists()).alerts
    return {(one.typology, one.account, one.sequence, one.score) for one in alerts}


def test_a_made_world():
    world = make(WorldSettings(seed=11, accounts=150, days=60, alerts=2, innocents=3))
    texts = {name: pl.lit("") for name in TEXTS if name not in world.transfers.columns}
    frame = world.transfers.with_columns(**texts)
    typologies = _typologies()
    found = _batched(typologies, frame)
    assert found == _streamed(typologies, frame)
    assert len({typology for typology, *_ in found}) > 5


def test_the_published_set(data_folder):
    mapping = read_map(EXAMPLE)
    frame = read_transfers(data_folder / "aml" / "amlgentex_tx.parquet", mapping)
    frame = frame.filter(pl.col("at_us") < frame["at_us"].min() + 30 * DAY_US)
    typologies = _typologies()
    found = _batched(typologies, frame)
    assert found == _streamed(typologies, frame)
    assert len(found) > 20
