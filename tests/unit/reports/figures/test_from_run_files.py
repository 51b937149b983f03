"""The kinds that read more of a run folder than its record."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from bench.errors import UsageError
from bench.utterance_statistics import Ratio, UtteranceStatistics
from reports.figures.confusion import MOST_LABELS
from reports.figures.drawing import draw, lay_out
from reports.figures.kinds import figure
from reports.figures.panel import Figure
from reports.reading import read_runs
from tests.unit.reports.conftest import WriteRun


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def shown(kind: str, runs: Path) -> Figure:
    return figure(kind, read_runs([runs]).runs)


def log(folder: Path, *epochs: dict[str, object]) -> None:
    (folder / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in epochs))


def test_learning(write_run: WriteRun, runs: Path) -> None:
    for seed, score in enumerate((0.5, 0.7)):
        log(
            write_run(f"p{seed}", seed=seed),
            {"epoch": 1, "train_loss": 2.0, "valid_score": 0.1, "minutes": 1},
            {"epoch": 2, "train_loss": 1.0, "valid_score": score, "note": "text"},
        )
    log(write_run("bag", method="bag-of-units"), {"epoch": 1, "valid_exact": 0.9})
    (write_run("bad", seed=3) / "train.jsonl").write_text('{"epoch": 1,')
    drawn = shown("learning", runs)
    scores, losses = drawn.panels
    assert (scores.y_label, losses.y_label) == ("Valid score", "Train loss")
    (line,) = scores.series
    assert [(p.x, p.y, p.low, p.high, p.n_runs) for p in line.points] == [
        (1, 0.1, 0.1, 0.1, 2),
        (2, 0.6, 0.5, 0.7, 2),
    ]
    assert {Path(name).name: why.partition(":")[0] for name, why in drawn.left_out} == {
        "bad": str(runs / "bad" / "train.jsonl"),
        "bag": "has no log of two epochs (train.jsonl)",
    }
    assert drawn.notes == (
        "Where a row has several seeds: mean, and from the lowest to the highest.",
    )
    assert draw(drawn, "png").startswith(b"\x89PNG")


def test_learning_counts_a_seed_once(write_run: WriteRun, runs: Path) -> None:
    for name, seed, score in (("a", 0, 0.4), ("again", 0, 0.6), ("b", 1, 0.7)):
        first: dict[str, object] = {"epoch": 1, "valid_score": 0.1}
        log(write_run(name, seed=seed), first, {"epoch": 2, "valid_score": score})
    (line,) = shown("learning", runs).panels[0].series
    last = line.points[-1]
    assert (last.y, last.low, last.high) == pytest.approx((0.6, 0.5, 0.7))
    assert last.n_runs == 2


def test_confusion(write_run: WriteRun, runs: Path) -> None:
    cells = [("10", "10", 8), ("10", "9", 2), ("9", "9", 5), ("yes", "$x$", 1)]
    content = [{"slot": "label", "reference": r, "hypothesis": h, "n": n} for r, h, n in cells]
    (write_run("a") / "confusion.json").write_text(json.dumps(content))
    write_run("b", task="asr", metric="wer")
    drawn = shown("confusion", runs)
    (matrix,) = drawn.matrices
    assert matrix.title == "KS: prompt on g, seed 0"
    assert matrix.labels == ("9", "10", "$x$", "yes")
    assert matrix.counts == ((5, 0, 0, 0), (2, 8, 0, 0), (0, 0, 0, 0), (0, 0, 1, 0))
    assert [Path(name).name for name, _ in drawn.left_out] == ["b"]
    axes = lay_out(drawn).axes[0]
    assert sorted(text.get_text() for text in axes.texts) == ["100", "100", "20", "80"]
    picture = imread(io.BytesIO(draw(drawn, "png")))
    assert picture.min() < 0.2


def test_confusion_of_many_labels_keeps_the_frequent_ones(write_run: WriteRun, runs: Path) -> None:
    content = [
        {"slot": "label", "reference": f"w{i:03}", "hypothesis": "w000", "n": 100 - i}
        for i in range(60)
    ]
    (write_run("a") / "confusion.json").write_text(json.dumps(content))
    (matrix,) = shown("confusion", runs).matrices
    assert len(matrix.labels) == MOST_LABELS + 1
    assert matrix.labels[-1] == "(others)"
    assert sum(map(sum, matrix.counts)) == sum(range(41, 101))


def test_too_many_matrices_are_refused(write_run: WriteRun, runs: Path) -> None:
    for i in range(7):
        folder = write_run(f"{i}", seed=i)
        cell = {"slot": "label", "reference": "a", "hypothesis": "a", "n": 1}
        (folder / "confusion.json").write_text(json.dumps([cell]))
    with pytest.raises(UsageError, match="7 runs have confusion matrices; a figure holds 6"):
        shown("confusion", runs)


def test_label_length(write_run: WriteRun, runs: Path) -> None:
    words = np.repeat([4, 10, 20], 40)
    for name, rate in (("long", 0.5), ("short", 0.0)):
        errors = np.where(words == 20, rate * words, 1).tolist()
        value = float(sum(errors) / words.sum())
        folder = write_run(name, task="asr", metric="wer", method=name, value=value)
        ratio = Ratio(higher_is_better=False, numerator=errors, denominator=words.tolist())
        statistics = UtteranceStatistics(utterances="u", n=len(words), metrics={"wer": ratio})
        (folder / "statistics.json").write_text(statistics.to_json())
    write_run("none", task="asr", metric="wer", method="none")
    write_run("ks")
    drawn = shown("label-length", runs)
    (panel,) = drawn.panels
    assert panel.x_label == "Length of the reference (words)"
    long, short = panel.series
    assert [p.x for p in long.points] == [4, 10, 20]
    assert (long.points[-1].x, long.points[-1].y) == (20, 50)
    assert (short.points[-1].y, short.points[-1].high) == (0, 0)
    assert long.points[0].y == 25
    assert {Path(name).name for name, _ in drawn.left_out} == {"none", "ks"}


@pytest.mark.parametrize("kind", ["learning", "confusion", "label-length"])
def test_what_lacks_the_files_is_told(write_run: WriteRun, runs: Path, kind: str) -> None:
    write_run("1")
    with pytest.raises(UsageError, match="what fits"):
        shown(kind, runs)


def test_cost_and_the_pareto_front(write_run: WriteRun, runs: Path) -> None:
    for name, n, value in (("a", 10, 0.5), ("b", 100, 0.4), ("c", 1000, 0.9), ("d", 1000, 0.7)):
        write_run(name, method=name, n_trainable=n, value=value)
    write_run("m", method="majority", n_trainable=0, value=0.1)
    (panel,) = shown("parameters", runs).panels
    assert list(panel.front) == [(10, 50), (1000, 90)]
    (cost,) = shown("cost", runs).panels
    assert list(cost.front) == [(2, 90)]
    assert cost.x_label == "Training time (s)"
    assert [level.name for level in cost.levels] == ["majority"]


def test_a_level_far_from_all_points_is_named_and_not_drawn(
    write_run: WriteRun, runs: Path
) -> None:
    write_run("a", method="a", right=[1] * 990 + [0] * 10)
    record = json.loads((runs / "a" / "record.json").read_text())
    record["scores"]["accuracy"]["ci95"] = [0.98, 0.995]
    (runs / "a" / "record.json").write_text(json.dumps(record))
    write_run("m", method="majority", n_trainable=0, value=0.1)
    axes = lay_out(shown("parameters", runs)).axes[0]
    low, _ = axes.get_ylim()
    assert low > 90
    assert "↓ majority: 10.0" in [text.get_text() for text in axes.texts]
