"""Units of the five processes: hardened, apart from each other, and right for systemd."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("paywarden-cde-*.service"))
WANTED = {
    "NoNewPrivileges": "true",
    "CapabilityBoundingSet": "",
    "LimitCORE": "0",
    "MemorySwapMax": "0",
    "ProtectSystem": "strict",
    "ProtectHome": "true",
    "PrivateTmp": "true",
    "PrivateDevices": "true",
    "ProtectProc": "invisible",
    "MemoryDenyWriteExecute": "true",
    "RestrictNamespaces": "true",
    "RestrictSUIDSGID": "true",
    "SystemCallArchitectures": "native",
    "UMask": "0077",
}
WORST_EXPOSURE = {"key-agent": 1.0, "vault": 1.0, "edge": 2.0, "egress": 2.0, "callers": 1.0}


class _Unit(configparser.RawConfigParser):
    """A unit, with the last value of each name (systemd adds up lists, which is not asked here)."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, interpolation=None)
        self.optionxform = str  # type: ignore[method-assign, assignment]
        self.read_string(path.read_text(encoding="utf-8"))


def process_of(path: Path) -> str:
    return path.stem.removeprefix("paywarden-cde-")


def test_there_is_a_unit_for_each_process() -> None:
    assert {process_of(path) for path in UNITS} == set(WORST_EXPOSURE)


@pytest.mark.parametrize("path", UNITS, ids=process_of)
def test_a_unit_is_hardened(path: Path) -> None:
    service = _Unit(path)["Service"]
    assert {name: service.get(name) for name in WANTED} == WANTED
    assert f"paywarden cde {process_of(path)}" in service["ExecStart"]


def test_every_process_has_a_user_and_a_folder_of_its_own() -> None:
    services = {process_of(path): _Unit(path)["Service"] for path in UNITS}
    assert len({service["User"] for service in services.values()}) == len(services)
    own = {name: f"/cde/{name.replace('key-agent', 'keys')}" for name in services}
    house = Path(services["callers"]["Environment"].split()[0].partition("=")[2])
    for name, service in services.items():
        if name != "callers":  # segmentation: none of these writes into the API's home
            assert not any(
                Path(place).is_relative_to(house) for place in service["ReadWritePaths"].split()
            )
        writable = service["ReadWritePaths"].split()
        shared = "/cde/inbox" if name == "callers" else "/cde/run"
        assert any(place.endswith(shared) for place in writable)
        for other, folder in own.items():
            if other != name:
                assert not any(place.endswith(folder) for place in writable)


@pytest.mark.parametrize("name", ["key-agent", "vault"])
def test_keys_and_vault_have_no_network(name: str) -> None:
    service = _Unit(FOLDER / f"paywarden-cde-{name}.service")["Service"]
    assert service["RestrictAddressFamilies"] == "AF_UNIX"
    assert service["PrivateNetwork"] == "true"


def analyze() -> str:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed (Debian package systemd)")
    return program


@pytest.mark.parametrize("path", UNITS, ids=process_of)
def test_systemd_understands_a_unit_and_finds_it_closed(path: Path, tmp_path: Path) -> None:
    program = analyze()
    copies = [tmp_path / one.name for one in UNITS]
    for one, copy in zip(UNITS, copies, strict=True):  # the program is not installed here
        text = one.read_text(encoding="utf-8")
        copy.write_text(text.replace("/opt/paywarden/bin/paywarden", "/bin/true"), encoding="utf-8")
    copy = tmp_path / path.name
    verified = subprocess.run(
        [program, "verify", *map(str, copies)], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = subprocess.run(
        [program, "security", "--offline=true", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stderr
    exposure = float(judged.stdout.rsplit("service:", 1)[1].split()[0])
    assert exposure <= WORST_EXPOSURE[process_of(path)]
