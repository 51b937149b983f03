"""What a newcomer types first: the embedded corpus and GSLM, nothing given or downloaded."""

from __future__ import annotations

import json
from pathlib import Path

from bench.files import sha256_of_file
from bench.gslm.registry import gslm_folder
from tests.conftest import BenchCommand


def test_the_defaults_hear_words_of_strangers(bench: BenchCommand, tmp_path: Path) -> None:
    folder = gslm_folder("mini")
    before = {file.name: sha256_of_file(file) for file in folder.iterdir()}
    assert sum(file.stat().st_size for file in folder.iterdir()) < 20e6
    assert "mini" in bench("list", "gslms").stdout

    quick = ("--task", "ks", "--threads", "1", "--json")
    prompt = json.loads(bench("run", "--method", "prompt", *quick, "--max-epochs", "12").stdout)
    assert prompt["scores"]["accuracy"]["value"] > 0.85  # 12 labels, 24 unheard speakers
    assert prompt["n_trainable"] <= 100_000
    assert "lm_looks_untrained" not in prompt["corpus"]["notes"]
    # It is the LM's training that hears them: the same without it is far below.
    control = ("--gslm", "random:mini", "--max-epochs", "12")
    random = json.loads(bench("run", "--method", "prompt", *quick, *control).stdout)
    assert random["model"]["name"] == "random:mini"
    assert random["corpus"]["fingerprint"] == prompt["corpus"]["fingerprint"]
    assert random["scores"]["accuracy"]["value"] < 0.5
    # The control hears through the same encoder, which nobody had to name.
    bag = json.loads(bench("run", "--method", "bag-of-units", *quick).stdout)
    assert bag["corpus"]["fingerprint"] == prompt["corpus"]["fingerprint"]
    assert bag["scores"]["accuracy"]["value"] > 0.7
    assert {file.name: sha256_of_file(file) for file in folder.iterdir()} == before


def test_a_wrong_gslm_does_not_wait_for_the_corpus(bench: BenchCommand, tmp_path: Path) -> None:
    done = bench("run", "--method", "prompt", "--task", "sf", "--gslm", "mni", check=2)
    assert "did you mean 'mini'" in done.stderr
    assert "generating" not in done.stderr


def test_the_recipe_from_nothing(bench: BenchCommand, tmp_path: Path) -> None:
    done = bench("pretrain", "--recipe", "mini-smoke", "--out", "g", "--threads", "1")
    assert {file.name for file in (tmp_path / "g").iterdir()} == {
        *("gslm.json", "lm.safetensors", "encoder.safetensors", "kmeans.safetensors"),
        "train.jsonl",
    }
    assert "hours of" in done.stderr
    again = bench("pretrain", "--recipe", "mini-smoke", "--out", "g", check=2)
    assert "a GSLM is already here" in again.stderr
    refused = bench("pretrain", "--recipe", "mini", "--out", "h", "--lr", "0.1", check=2)
    assert "lr" in refused.stderr
    run = bench(
        *("run", "--method", "prompt", "--task", "ks", "--subset", "24", "--gslm", "g"),
        *("--max-epochs", "1", "--json"),
    )
    assert json.loads(run.stdout)["status"] == "ok"
