"""From audio to a record: an encoder and a unit LM made from speech, and methods on its units."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.cli import main
from bench.gslm.card import N_SPECIALS, GslmCard, LmShape
from bench.gslm.folder import save_gslm
from bench.gslm.lm import UnitLM
from bench.random import numpy_generator
from bench.speech.encoder import save_encoder
from bench.speech.kmeans import KMeans, save_kmeans
from bench.speech.mfcc import MfccEncoder, MfccSettings
from tests.conftest import BenchCommand, UnitsFolder

WORDS = {"low": 300.0, "middle": 900.0, "high": 2700.0}
FAST = ("--preset", "tiny", "--precision", "fp32", "--threads", "1", "--n-units", "16")


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    """A manifest folder of tones: three words that anybody can tell apart."""
    folder = tmp_path / "tones"
    (folder / "audio").mkdir(parents=True)
    card = {"name": "tones", "version": "1", "licence": "CC0", "source": "made", "task": "ks"}
    (folder / "corpus.json").write_text(json.dumps(card))
    for split, n in (("train", 60), ("valid", 15), ("test", 30)):
        lines = []
        for i in range(n):
            word = list(WORDS)[i % 3]
            random = numpy_generator(0, split, i)
            t = np.arange(int(random.integers(4000, 5000))) / 16000
            hz = WORDS[word] * float(random.uniform(0.97, 1.03))
            wave = 0.3 * np.sin(2 * np.pi * hz * t) * (np.sin(40 * t) > 0)
            wave += 0.01 * random.normal(size=len(t))
            soundfile.write(folder / "audio" / f"{split}{i}.wav", wave, 16000)
            lines.append(
                json.dumps({"id": f"{split}{i}", "audio": f"audio/{split}{i}.wav", "label": word})
            )
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_pretrain_units_and_runs_from_audio(
    bench: BenchCommand, spoken: Path, tmp_path: Path
) -> None:
    bench("pretrain", "--corpus", spoken, "--task", "ks", "--out", "g", *FAST, "--epochs", "3")
    made = {path.name for path in (tmp_path / "g").iterdir()}
    assert made >= {"gslm.json", "lm.safetensors", "encoder.safetensors", "kmeans.safetensors"}
    assert not {"units", "checkpoint"} & made
    card = json.loads((tmp_path / "g" / "gslm.json").read_text())
    assert (card["encoder"], card["frame_rate_hz"], card["n_units"]) == ("mfcc", 50.0, 16)

    bench("units", spoken, "--task", "ks", "--gslm", "g", "--out", "u")
    on = ("run", "--task", "ks", "--json", "--quiet")
    from_units = json.loads(bench(*on, "--method", "bag-of-units", "--corpus", "u").stdout)
    from_audio = json.loads(
        bench(*on, "--method", "bag-of-units", "--corpus", spoken, "--gslm", "g").stdout
    )
    assert from_units["scores"] == from_audio["scores"]
    bench("units", spoken, "--task", "ks", "--out", "embedded")
    lines = (tmp_path / "embedded" / "test.txt").read_text().splitlines()
    assert len({unit for line in lines for unit in line.split("|")[1].split()}) > 1
    assert from_audio["scores"]["accuracy"]["value"] > 0.9
    assert from_audio["corpus"]["name"] == "tones"

    prompted = json.loads(
        bench(
            *(*on, "--method", "prompt", "--corpus", spoken, "--gslm", "g", "--precision", "fp32"),
            *("--prompt-length", "2", "--max-epochs", "2", "--threads", "1"),
        ).stdout
    )
    assert prompted["status"] == "ok"
    assert prompted["corpus"]["fingerprint"] == from_audio["corpus"]["fingerprint"]
    assert prompted["model"]["name"] == "g"


def test_what_is_missing_is_said(
    spoken: Path,
    units_folder: UnitsFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    units = str(units_folder("ks"))
    shape = LmShape(layers=1, dim=4, ffn_dim=4, heads=1, max_positions=64, n_rows=N_SPECIALS + 3)
    rows = list(range(N_SPECIALS, N_SPECIALS + 3))
    bare = GslmCard(name="b", n_units=3, rows=rows, lm=shape)
    save_gslm(tmp_path / "bare", bare, UnitLM(shape))
    on = ("run", "--task", "ks", "--method", "bag-of-units", "--corpus", str(spoken))
    pretrain = ("pretrain", "--out", "x")
    to_units = ("units", str(spoken), "--task", "ks", "--out", "y", "--gslm")
    for arguments, code, said in (
        ((*on, "--gslm", "bare"), 3, "this GSLM has no encoder"),
        ((*on, "--gslm", "nowhere"), 2, "unknown gslm 'nowhere'"),
        ((*on, "--gslm", "./nowhere"), 3, "no such folder"),
        (pretrain, 2, "or --corpus"),
        ((*pretrain, "--corpus", str(spoken)), 2, "go together"),
        ((*pretrain, "--corpus", units, "--task", "ks"), 2, "give it to --units"),
        ((*to_units, "nowhere"), 2, "unknown gslm 'nowhere'"),
        ((*to_units, "bare"), 3, "this GSLM has no encoder"),
    ):
        assert main(arguments) == code, arguments
        assert said in capsys.readouterr().err, arguments
    hearing = bare.model_copy(update={"encoder": "mfcc"})
    save_gslm(tmp_path / "bare", hearing, UnitLM(shape))
    save_encoder(tmp_path / "bare", MfccEncoder(MfccSettings()))
    save_kmeans(tmp_path / "bare", KMeans(np.eye(26, dtype=np.float32)[:4]))
    assert main((*on, "--gslm", "bare")) == 1
    assert "4 centroids, the LM 3 units" in capsys.readouterr().err
    save_kmeans(tmp_path / "bare", KMeans(np.eye(26, dtype=np.float32)[:3]))
    again = ("units", units, "--task", "ks", "--out", "y", "--gslm", "bare")
    assert main(again) == 2
    assert "holds units already" in capsys.readouterr().err
    assert not (tmp_path / "y").exists()
