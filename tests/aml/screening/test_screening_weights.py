"""Weights and table of words: complete, of the signs that features mean, from what may be used."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from paywarden.aml.screening import features, rarity, weights

ROOT = Path(__file__).resolve().parents[3]
SETS = {
    "NAMES": (weights.NAMES, features.NAMES),
    "PERSONS": (weights.PERSONS, features.FOUND),
    "ORGANISATIONS": (weights.ORGANISATIONS, features.FOUND),
    "VESSELS": (weights.VESSELS, features.FOUND),
}


@pytest.fixture(scope="module")
def fit() -> ModuleType:
    sys.path.insert(0, str(ROOT / "bench"))
    try:
        spec = importlib.util.spec_from_file_location(
            "screening_fit", ROOT / "bench" / "screening_fit.py"
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "bench"))
    return module


@pytest.mark.parametrize("name", SETS)
def test_each_feature_has_its_weight_in_order_and_of_its_sign(name: str, fit: ModuleType) -> None:
    shipped, order = SETS[name]
    assert tuple(shipped) == order
    assert {one for one, weight in shipped.items() if weight * fit.SIGNS[one] < 0} == set()


def test_only_permitted_material_is_named(fit: ModuleType) -> None:
    material = fit.material
    for name in material.PERMITTED:
        assert name.startswith(("names/", "sanctions/ofac_"))
    for other in ("sanctions/eu_hmt_ofac_names_2021-02.yml.gz", "sanctions/un.xml", "../x"):
        with pytest.raises(ValueError, match="may not be learned from"):
            material.permitted(ROOT, other)


def test_the_shipped_weights_were_learned_from_this_material(
    fit: ModuleType, data_folder: Path
) -> None:
    assert fit.material.digest(data_folder) == weights.MATERIAL


def test_weights_of_pairs_are_what_the_script_learns(fit: ModuleType, data_folder: Path) -> None:
    """The quick half of the whole run, which `test_the_whole_run_gives_what_is_shipped` makes."""
    (learned, intercept), figures = fit.of_pairs(data_folder)
    assert list(weights.NAMES.values()) == pytest.approx(learned, abs=2e-3)
    assert pytest.approx(intercept, abs=2e-3) == weights.NAMES_INTERCEPT
    assert min(figures.values()) >= 0.84


@pytest.mark.full
def test_the_whole_run_gives_what_is_shipped(data_folder: Path) -> None:
    command = [sys.executable, "bench/screening_fit.py", "--data", str(data_folder), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_table_holds_common_words_alone_and_each_once() -> None:
    path = Path(rarity.__file__).with_name("common_words.txt")
    lines = [line for line in path.read_text("ascii").splitlines() if not line.startswith("#")]
    words = [word for line in lines for word in line.partition(":")[2].split()]
    assert len(words) == len(set(words)) > 4_000
    assert all(re.fullmatch("[a-z]{2,}", word) for word in words)
    assert rarity.bits("maria") < rarity.bits("tikriti") < rarity.bits("qwxzvuu")


def test_a_list_makes_words_commoner_and_never_rarer() -> None:
    listed = rarity.Rarity({"mugaragu": rarity.counted_bits(30, 500)})
    assert listed("mugaragu") < rarity.GENERAL("mugaragu")
    assert listed("maria") == rarity.GENERAL("maria")
    assert rarity.counted_bits(1, 10) == rarity.MOST_BITS
