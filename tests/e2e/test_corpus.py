from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import BenchCommand, UnitsFolder


def test_card_export_and_a_run_on_speech(bench: BenchCommand, cache: Path, tmp_path: Path) -> None:
    told = bench("corpus", "mini", "--task", "lid", "--export", "out", "--json")
    (card,) = json.loads(told.stdout)
    assert {name: split["utterances"] for name, split in card["splits"].items()} == {
        "train": 480,
        "valid": 288,
        "test": 576,
    }
    assert card["splits"]["test"]["speakers"] == 24
    assert 0.2 < card["splits"]["train"]["hours"] < 0.5
    assert card["labels"] == ["de", "en", "es", "fr", "it", "ru"]
    assert card["card"]["licence"] == "CC0-1.0"
    assert card["notes"] == {}, "the fingerprints are not those that are pinned"
    assert [path.name[:9] for path in (cache / "corpora").glob("mini*")] == ["mini-lid-"]

    again = bench("corpus", "./out", "--task", "lid").stdout
    assert card["fingerprint"] in again
    assert "480" in again

    ran = bench("run", "--method", "majority", "--task", "lid", "--json")
    record = json.loads(ran.stdout)
    assert record["corpus"]["fingerprint"] == card["fingerprint"]
    assert record["scores"]["accuracy"]["value"] == pytest.approx(1 / 6)


def test_a_units_folder_has_a_card_too(bench: BenchCommand, units_folder: UnitsFolder) -> None:
    folder = units_folder("ks")
    told = bench("corpus", folder, "--task", "ks").stdout
    assert "120" in told
    assert "0 1 2 3" in told
    assert (
        "only a corpus of audio"
        in bench("corpus", folder, "--task", "ks", "--export", "out", check=2).stderr
    )
    assert "--task is not given" in bench("corpus", folder, check=2).stderr
    assert "unknown corpus 'mina'" in bench("corpus", "mina", check=2).stderr


def test_listed(bench: BenchCommand) -> None:
    assert bench("list", "corpora").stdout.startswith("mini ")
