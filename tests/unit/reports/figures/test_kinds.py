from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import UsageError
from reports.figures.kinds import KINDS, figure
from reports.figures.panel import Figure, Panel, Series
from reports.reading import read_runs
from tests.unit.reports.conftest import WriteRun


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def shown(kind: str, runs: Path) -> Figure:
    return figure(kind, read_runs([runs]).runs)


def points(series: Series) -> list[tuple[float | None, float, float, float, int]]:
    return [
        (p.x, round(p.y, 6), round(p.low, 6), round(p.high, 6), p.n_runs) for p in series.points
    ]


def test_parameters(write_run: WriteRun, runs: Path) -> None:
    write_run("1", options={"prompt_length": 20}, value=0.9, n_trainable=200)
    write_run("2", options={"prompt_length": 5}, value=0.7, n_trainable=50)
    write_run("3", method="bag-of-units", value=0.8, n_trainable=1000)
    write_run("4", method="majority", value=0.1, n_trainable=0)
    write_run("5", task="asr", metric="wer", value=0.5, n_trainable=70)
    asr, ks = shown("parameters", runs).panels
    assert (asr.title, asr.y_label) == ("ASR", "WER (%, lower is better)")
    assert ks == Panel(
        title="KS",
        x_label="Trained parameters",
        y_label="Accuracy (%, higher is better)",
        scale="log",
        series=ks.series,
        levels=ks.levels,
        front=((50, 70), (200, 90)),
    )
    assert [(series.name, points(series)) for series in ks.series] == [
        ("bag-of-units", [(1000, 80, 70, 90, 1)]),
        ("prompt on g", [(50, 70, 60, 80, 1), (200, 90, 80, 100, 1)]),
    ]
    assert [(level.name, points(level)) for level in ks.levels] == [
        ("majority", [(None, 10, 0, 20, 1)])
    ]


def test_parameters_puts_other_data_in_a_panel_of_its_own(write_run: WriteRun, runs: Path) -> None:
    write_run("1", value=0.9)
    write_run("2", value=0.8, seed=1)
    write_run("3", value=0.7, corpus={"name": "other", "fingerprint": "x"})
    write_run("4", value=0.6, shots=5)
    write_run("5", method="majority", task="ic", n_trainable=0)
    drawn = shown("parameters", runs)
    assert [(panel.title, panel.note) for panel in drawn.panels] == [
        ("KS", None),
        ("KS (other)", "corpus 'other', not 'ks'; scores on different data do not compare"),
    ]
    (both,) = drawn.panels[0].series
    # Without utterances: the runs' own 10 points and Student's t of two seeds, put together.
    half = (10**2 + (12.706204736174698 * 5) ** 2) ** 0.5
    assert points(both) == [(10, 85, round(85 - half, 6), 100, 2)]
    assert drawn.notes == (
        "Bars: 95 % interval over the test set (one run); "
        "95 % interval of the mean over test set and seeds (2 runs).",
    )
    assert {Path(folder).name: why.partition(";")[0] for folder, why in drawn.left_out} == {
        "4": "few-shot",
        "5": "trained parameters (n_trainable above 0): none on this data",
    }


def test_few_shot_draws_that_differ_in_size_are_one_point(write_run: WriteRun, runs: Path) -> None:
    for seed, n in enumerate((100, 300)):
        write_run(f"{seed}", shots=5, seed=seed, method="bag-of-units", n_trainable=n)
    (panel,) = shown("parameters", runs).panels
    assert panel.title == "KS, 5 utterances a class"
    assert [(p.x, p.n_runs) for p in panel.series[0].points] == [(200, 2)]


def test_prompt_length(write_run: WriteRun, runs: Path) -> None:
    for n in (20, 2, 5):
        write_run(f"p{n}", options={"prompt_length": n, "lr": 1}, value=n / 100)
    random = {"name": "random", "fingerprint": "ef" * 32}
    write_run("r", options={"prompt_length": 5, "lr": 1}, value=0.01, model=random)
    write_run("m", method="bag-of-units", value=0.9)
    (panel,) = shown("prompt-length", runs).panels
    assert panel.x_label == "Prompt length (vectors a layer)"
    assert list(panel.ticks or ()) == [2, 5, 20]
    assert [(series.name, [p.x for p in series.points]) for series in panel.series] == [
        ("prompt on g", [2, 5, 20]),
        ("prompt on random", [5]),
    ]
    assert [level.name for level in panel.levels] == ["bag-of-units"]


def test_few_shot_means_over_seeds_and_the_whole_set_at_the_end(
    write_run: WriteRun, runs: Path
) -> None:
    for k in (5, 1):
        for seed in (0, 1, 2):
            write_run(f"{k}-{seed}", shots=k, seed=seed, value=(k + seed) / 10)
            write_run(f"b{k}-{seed}", shots=k, seed=seed, value=0.5, method="bag-of-units")
    write_run("whole", value=0.9)
    write_run("unrelated", value=0.99, method="finetune-lm")
    write_run("unrelated-ic", task="ic")
    drawn = shown("few-shot", runs)
    (panel,) = drawn.panels
    assert panel.end == "all\n(3)"
    assert list(panel.ticks or ()) == [1, 5]
    assert panel.x_label == "Training utterances a class"
    bag, prompt = panel.series
    assert (bag.name, [p.x for p in bag.points]) == ("bag-of-units", [1, 5])
    assert prompt.name == "prompt on g"
    low, high = (x - (10**2 + 4.302653**2 * 10**2 / 3) ** 0.5 for x in (20, 60))
    assert points(prompt) == [
        (1, 20, pytest.approx(max(0, low), abs=1e-3), pytest.approx(46.77, abs=0.01), 3),
        (5, 60, pytest.approx(high, abs=1e-3), pytest.approx(86.77, abs=0.01), 3),
        (None, 90, 80, 100, 1),
    ]
    assert {Path(folder).name for folder, _ in drawn.left_out} == {"unrelated", "unrelated-ic"}


def test_few_shot_takes_the_whole_run_with_the_same_options_and_model(
    write_run: WriteRun, runs: Path
) -> None:
    write_run("few", shots=5, options={"prompt_length": 5}, value=0.4)
    write_run("like", options={"prompt_length": 5}, value=0.8)
    write_run("unlike", options={"prompt_length": 20}, value=0.9)
    write_run("other-g", options={"prompt_length": 5}, model={"fingerprint": "ef" * 32}, value=0.1)
    drawn = shown("few-shot", runs)
    ((series,),) = [panel.series for panel in drawn.panels]
    assert [(p.x, round(p.y, 6)) for p in series.points] == [(5, 40), (None, 80)]
    assert sorted(Path(folder).name for folder, _ in drawn.left_out) == ["other-g", "unlike"]


def test_few_shot_shows_no_whole_set_where_there_are_two(write_run: WriteRun, runs: Path) -> None:
    write_run("few", shots=5)
    write_run("a", value=0.8)
    write_run("b", value=0.9, corpus={"fingerprint": "x"})
    (panel,) = shown("few-shot", runs).panels
    assert panel.end is None
    assert panel.note is not None
    assert panel.note.startswith("whole set not shown: there are several (ks-conte, x)")


def test_few_shot_refuses_two_contents_drawn_by_one_seed(write_run: WriteRun, runs: Path) -> None:
    write_run("a", shots=5, corpus={"fingerprint": "x"})
    write_run("b", shots=5, corpus={"fingerprint": "y"}, method="majority")
    with pytest.raises(UsageError, match="ks: two runs with 5 shots and seed 0 were trained on"):
        shown("few-shot", runs)


@pytest.mark.parametrize(
    ("kind", "fitting"),
    [
        ("parameters", "bench run --method prompt"),
        ("few-shot", "--shots K"),
        ("prompt-length", "--prompt-length P"),
    ],
)
def test_no_run_that_fits_is_said_with_what_would(
    write_run: WriteRun, runs: Path, kind: str, fitting: str
) -> None:
    assert kind in KINDS
    write_run("1", method="majority", n_trainable=0)
    with pytest.raises(UsageError, match="no finished run") as caught:
        shown(kind, runs)
    assert caught.value.hint is not None
    assert fitting in caught.value.hint


def test_sweeps_on_a_few_shots_among_runs_of_a_whole_benchmark(
    write_run: WriteRun, runs: Path
) -> None:
    def prompt(name: str, length: int, epochs: int, shots: int | None = None) -> None:
        write_run(name, options={"prompt_length": length, "epochs": epochs}, shots=shots)

    prompt("whole", 32, 30)
    prompt("5", 20, 120, shots=5)
    prompt("200", 20, 8, shots=200)
    prompt("200-1", 1, 8, shots=200)
    prompt("200-32", 32, 8, shots=200)
    random = {"name": "random", "fingerprint": "ef" * 32}
    options = {"prompt_length": 20, "epochs": 8}
    write_run("random", options=options, shots=200, model=random)
    few = shown("few-shot", runs)
    (panel,) = few.panels
    assert [(line.name, [p.x for p in line.points]) for line in panel.series] == [
        ("prompt on g", [5, 200, None]),
        ("prompt on random", [200]),
    ]
    assert few.notes[1] == (
        "Settings differ: prompt: epochs 120 (ks 5), 8 (ks 200), 30 (ks all); "
        "prompt-length 20 (ks 200, ks 5), 32 (ks all)."
    )
    assert {Path(folder).name for folder, _ in few.left_out} == {"200-1", "200-32"}
    lengths = shown("prompt-length", runs)
    (panel,) = lengths.panels
    assert panel.title == "KS, 200 utterances a class"
    assert [(line.name, [p.x for p in line.points]) for line in panel.series] == [
        ("prompt on g", [1, 20, 32]),
        ("prompt on random", [20]),
    ]
    assert {Path(folder).name for folder, _ in lengths.left_out} == {"5", "whole"}
    (panel,) = shown("parameters", runs).panels
    assert [line.name for line in panel.series] == ["prompt on g"]
