from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from bench.records import Record, load_record
from tests.conftest import BenchCommand, UnitsFolder
from tests.e2e.conftest import lasting, only_run


def test_the_bag_learns_and_leaves_a_whole_run_folder(
    bench: BenchCommand, corpus: Path, tmp_path: Path
) -> None:
    done = bench("run", "--method", "bag-of-units", "--task", "ks", "--corpus", corpus, "--json")
    record = Record.model_validate_json(done.stdout)
    folder = only_run(tmp_path / "runs")
    assert record == load_record(folder)
    assert record.scores["accuracy"].value > 0.9
    assert record.corpus.n == {"train": 120, "valid": 40, "test": 60}
    assert record.cost.train_s > 0
    assert record.n_trainable is not None
    assert record.n_trainable > 0
    assert {entry.name for entry in folder.iterdir()} == {
        ".lock",
        "attempt.json",
        "config.yaml",
        "confusion.json",
        "log.txt",
        "model.safetensors",
        "predictions.jsonl",
        "record.json",
        "statistics.json",
        "train.jsonl",
    }
    predictions = [
        json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()
    ]
    right = sum(row["reference"] == row["hypothesis"] for row in predictions)
    assert right / 60 == record.scores["accuracy"].value
    assert all(row["score"] <= 0 for row in predictions)
    cells = json.loads((folder / "confusion.json").read_text())
    assert sum(cell["n"] for cell in cells) == 60
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["options"] == {"c": 10.0, "ngrams": 3, "min_count": 3, "augment": 0}


def test_a_finished_run_is_returned_and_overwrite_runs_it_anew(
    bench: BenchCommand, corpus: Path, tmp_path: Path
) -> None:
    arguments = ("run", "--method", "majority", "--task", "ks", "--corpus", corpus)
    first = bench(*arguments)
    folder = only_run(tmp_path / "runs")
    before = (folder / "record.json").read_bytes()
    second = bench(*arguments)
    assert "(finished before)" in second.stdout
    assert "(finished before)" not in first.stdout
    assert (folder / "record.json").read_bytes() == before
    bench(*arguments, "--overwrite")
    assert (folder / "record.json").read_bytes() != before
    assert only_run(tmp_path / "runs") == folder


def test_two_undisturbed_runs_give_the_same_record_and_weights(
    bench: BenchCommand, corpus: Path, tmp_path: Path
) -> None:
    for out in ("a", "b"):
        bench(
            *("run", "--method", "bag-of-units", "--task", "ks"),
            *("--corpus", corpus, "--out", out, "--shots", "5", "--seed", "3"),
        )
    a, b = only_run(tmp_path / "a"), only_run(tmp_path / "b")
    assert a.name == b.name
    assert lasting(a) == lasting(b)
    for name in ("model.safetensors", "predictions.jsonl", "confusion.json", "config.yaml"):
        assert (a / name).read_bytes() == (b / name).read_bytes()
    assert lasting(a)["corpus"]["notes"]["shots"] == 5


def test_subset_draws_the_same_utterances_for_every_seed(
    bench: BenchCommand, corpus: Path, tmp_path: Path
) -> None:
    for seed in (0, 1):
        bench(
            *("run", "--method", "majority", "--task", "ks", "--corpus", corpus),
            *("--subset", "40", "--seed", seed),
        )
    records = [lasting(folder)["corpus"] for folder in (tmp_path / "runs").iterdir()]
    assert len(records) == 2
    assert records[0] == records[1]
    assert records[0]["n"]["train"] == 40


@pytest.mark.parametrize("task", ["ic", "asr"])
def test_majority_has_an_answer_to_every_task(
    bench: BenchCommand, units_folder: UnitsFolder, tmp_path: Path, task: str
) -> None:
    corpus = units_folder(task)
    done = bench("run", "--method", "majority", "--task", task, "--corpus", corpus, "--json")
    record = Record.model_validate_json(done.stdout)
    assert record.n_trainable == 0
    assert record.primary == {"ic": "accuracy", "asr": "wer"}[task]
    confusion = only_run(tmp_path / "runs") / "confusion.json"
    assert confusion.exists() == (task == "ic")


def test_the_bag_refuses_a_sequence_task(bench: BenchCommand, units_folder: UnitsFolder) -> None:
    corpus = units_folder("asr")
    done = bench("run", "--method", "bag-of-units", "--task", "asr", "--corpus", corpus, check=2)
    assert "gives no sequence" in done.stderr


def test_a_configuration_file_and_the_command_line_make_one_request(
    bench: BenchCommand, corpus: Path, tmp_path: Path
) -> None:
    (tmp_path / "c.yaml").write_text(
        f"method: bag-of-units\ntask: ks\ncorpus: {corpus}\nmin-count: 2\nc: 1.0\n"
    )
    done = bench("run", "--config", "c.yaml", "--c", "2", "--json")
    options = json.loads(done.stdout)["method"]["options"]
    assert options == {"c": 2.0, "ngrams": 3, "min_count": 2, "augment": 0}


def test_a_resolved_configuration_is_the_same_run(
    bench: BenchCommand, corpus: Path, tmp_path: Path
) -> None:
    bench("run", "--method", "bag-of-units", "--task", "ks", "--corpus", corpus, "--shots", "9")
    config = only_run(tmp_path / "runs") / "config.yaml"
    assert "(finished before)" in bench("run", "--config", config).stdout


def test_compare_tells_the_methods_apart(bench: BenchCommand, corpus: Path, tmp_path: Path) -> None:
    for method in ("majority", "bag-of-units"):
        bench("run", "--method", method, "--task", "ks", "--corpus", corpus, "--quiet")
    lines = bench("compare").stdout.splitlines()
    rows = [line.split()[0] for line in lines if line.startswith(("majority", "bag-of-units"))]
    assert rows == ["majority", "bag-of-units"]
    done = bench("compare", "runs", "--format", "markdown", "--out", "table.md")
    assert done.stdout == ""
    table = (tmp_path / "table.md").read_text().splitlines()
    assert sum(line.startswith("|") for line in table) == 4, "head, rule and two rows"
    assert bench("compare", "nowhere", check=3).stdout == ""


@pytest.mark.parametrize(("task", "least"), [("ks", 0.943), ("ic", 0.980)])
def test_the_bag_reads_the_papers_units(
    bench: BenchCommand, shared_data: Path, tmp_path: Path, task: str, least: float
) -> None:
    """Published prompt tuning of a 151M LM on these units: KS 95.16, IC 98.40."""
    done = bench(
        *("run", "--method", "bag-of-units", "--task", task, "--json"),
        *("--corpus", shared_data / "units-hubert100" / task),
    )
    record = Record.model_validate_json(done.stdout)
    assert record.scores["accuracy"].value > least
    assert record.corpus.n["test"] == {"ks": 3081, "ic": 3793}[task]
    assert record.n_trainable == {"ks": 287_580, "ic": 698_554}[task]
    assert record.corpus.notes.get("repeated_lines_dropped", 0) == {"ks": 3434, "ic": 0}[task]
