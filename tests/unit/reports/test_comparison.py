from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from bench.records import Record
from reports.comparison import Comparison, compare
from reports.grid import grids, score_text
from reports.reading import read_runs
from tests.unit.bench.test_records import finished
from tests.unit.reports.conftest import WriteRun


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def compared(runs: Path) -> Comparison:
    return compare(read_runs([runs]))


def test_methods_against_tasks_worst_first(write_run: WriteRun, runs: Path) -> None:
    write_run("1", method="prompt", value=0.9, n_trainable=77)
    write_run("2", method="majority", value=0.1, n_trainable=0)
    write_run("3", method="prompt", task="ic", value=0.8)
    (table,) = compared(runs).tables
    assert [column.task for column in table.columns] == ["ic", "ks"]
    assert table.rows == ("majority", "prompt on g")
    (floor_ic, floor_ks), (prompt_ic, prompt_ks) = table.cells
    assert floor_ic is None
    assert floor_ks is not None
    assert (floor_ks.value, floor_ks.n_trainable) == (0.1, 0)
    assert prompt_ic is not None
    assert prompt_ks is not None
    assert prompt_ks.ci95 == pytest.approx((0.8, 1.0))
    assert prompt_ks.spread is None


def test_seeds_become_mean_and_spread(write_run: WriteRun, runs: Path) -> None:
    for seed, value in enumerate((0.7, 0.8, 0.9)):
        write_run(str(seed), seed=seed, value=value)
    (table,) = compared(runs).tables
    cell = table.cells[0][0]
    assert cell is not None
    assert cell.value == pytest.approx(0.8)
    assert cell.spread == pytest.approx(0.1)
    low, high = cell.ci95
    assert (low, high) == pytest.approx((0.8 - (0.1**2 + 4.302653**2 * 0.1**2 / 3) ** 0.5, 1.0))
    assert cell.seeds == (0, 1, 2)


def test_the_same_seed_run_again_is_no_other_seed(write_run: WriteRun, runs: Path) -> None:
    for seed, values in enumerate(((0.6, 0.8), (0.9,))):
        for i, value in enumerate(values):
            write_run(f"{seed}-{i}", seed=seed, value=value)
    cell = compared(runs).tables[0].cells[0][0]
    assert cell is not None
    assert cell.seeds == (0, 1)
    assert len(cell.folders) == 3
    assert cell.value == pytest.approx(0.8)
    assert cell.spread == pytest.approx(0.02**0.5)
    assert cell.ci95[0] == 0.0
    assert score_text(cell).endswith("(2 seeds, 3 runs)")


def test_one_seed_run_twice_has_the_interval_of_its_test_set(
    write_run: WriteRun, runs: Path
) -> None:
    for name, value in (("a", 0.6), ("b", 0.7)):
        write_run(name, value=value)
    cell = compared(runs).tables[0].cells[0][0]
    assert cell is not None
    assert cell.value == pytest.approx(0.65)
    assert (cell.spread, cell.seeds) == (None, (0,))
    assert cell.ci95 == pytest.approx((0.55, 0.75))
    assert score_text(cell).endswith("(1 seed, 2 runs)")


def test_the_same_seeds_run_again_make_nothing_more_certain(
    write_run: WriteRun, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    for method, chance in (("prompt", 0.75), ("linear", 0.65)):
        for seed in range(3):
            right = (random.random(200) < chance + 0.05 * seed).astype(int).tolist()
            write_run(f"{method}-{seed}", method=method, seed=seed, right=right)
    once = compared(tmp_path / "runs")
    shutil.copytree(tmp_path / "runs", tmp_path / "again")
    twice = compare(read_runs([tmp_path / "runs", tmp_path / "again"]))
    for (before,), (after,) in zip(once.tables[0].cells, twice.tables[0].cells, strict=True):
        assert before is not None
        assert after is not None
        assert len(after.folders) == 2 * len(before.folders)
        assert after.ci95 == pytest.approx(before.ci95)
        assert after.p_best == pytest.approx(before.p_best)


def test_rows_differ_by_options_and_name_only_what_differs(write_run: WriteRun, runs: Path) -> None:
    write_run("1", options={"prompt_length": 5, "lr": 0.05}, value=0.5)
    write_run("2", options={"prompt_length": 20, "lr": 0.05}, value=0.6)
    (table,) = compared(runs).tables
    assert table.rows == ("prompt on g prompt-length=5", "prompt on g prompt-length=20")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "other", "fingerprint": "x"}, "ks: corpus 'other', not 'ks'"),
        ({"n": {"train": 1, "test": 2}, "fingerprint": "x"}, "train 1 / test 2 utterances, not"),
        ({"fingerprint": "yyyyyyyyyy"}, r"another content of corpus 'ks' \(yyyyyyyy, not ks-conte"),
    ],
)
def test_other_data_stands_in_a_table_of_its_own_with_the_reason(
    write_run: WriteRun, runs: Path, change: dict[str, object], reason: str
) -> None:
    write_run("1", value=0.5)
    write_run("2", value=0.5, method="majority")
    write_run("3", value=0.9, corpus=change)
    first, second = compared(runs).tables
    assert first.reasons == ()
    assert len(first.rows) == 2
    assert len(second.rows) == 1
    (text,) = second.reasons
    assert text.endswith("scores on different data do not compare")
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(text)


def test_few_shot_draws_of_several_seeds_are_one_cell(write_run: WriteRun, runs: Path) -> None:
    write_run("1", seed=0, corpus={"fingerprint": "a", "notes": {"shots": 5}}, value=0.4)
    write_run("2", seed=1, corpus={"fingerprint": "b", "notes": {"shots": 5}}, value=0.6)
    write_run("3", seed=0, corpus={"fingerprint": "c", "notes": {"shots": 10}}, value=0.8)
    first, second = compared(runs).tables
    assert first.columns[0].shots == 5
    cell = first.cells[0][0]
    assert cell is not None
    assert cell.seeds == (0, 1)
    assert second.columns[0].shots == 10


def test_classes_with_fewer_shots_are_told(write_run: WriteRun, runs: Path) -> None:
    notes = {"shots": 50, "classes_below_shots": 3}
    write_run("1", seed=0, corpus={"fingerprint": "a", "notes": notes})
    (table,) = compared(runs).tables
    assert table.columns[0].classes_below_shots == 3
    told = "ks: corpus ks, 50 training utterances a class (3 classes have fewer) ("
    assert any(note.startswith(told) for note in grids(compared(runs))[0].notes)


def test_whole_sets_come_first_however_many_draws_there_are(
    write_run: WriteRun, runs: Path
) -> None:
    write_run("1", value=0.9)
    for seed in range(3):
        write_run(f"few{seed}", shots=5, seed=seed)
    write_run("few-ic", task="ic", shots=5)
    whole, few = compared(runs).tables
    assert [column.shots for column in whole.columns] == [None]
    assert [(column.task, column.shots) for column in few.columns] == [("ic", 5), ("ks", 5)]
    (reason,) = few.reasons
    assert reason.startswith("ks: trained on 5 utterances a class")


def test_whole_sets_come_before_subsets_that_more_runs_were_made_on(
    write_run: WriteRun, runs: Path
) -> None:
    write_run("1", value=0.9)
    for seed in range(2):
        part = {"fingerprint": "part", "notes": {"subset": 100}}
        write_run(f"part{seed}", seed=seed, corpus=part)
    whole, subset = compared(runs).tables
    assert whole.columns[0].subset is None
    assert subset.columns[0].subset == 100
    (reason,) = subset.reasons
    assert reason.startswith("ks: a subset of 100")


def test_a_sweep_on_other_data_splits_no_row_of_the_first_table(
    write_run: WriteRun, runs: Path
) -> None:
    write_run("1", options={"prompt_length": 32})
    write_run("2", options={"prompt_length": 31}, task="ic")
    write_run("3", options={"prompt_length": 1}, shots=5)
    write_run("4", options={"prompt_length": 2}, shots=5, model={"fingerprint": "ef" * 32})
    whole, few = compared(runs).tables
    assert whole.rows == ("prompt on g (cdcdcdcd)",)
    assert whole.settings == ("prompt: prompt-length 31 (ic), 32 (ks)",)
    assert set(few.rows) == {"prompt on g (cdcdcdcd)", "prompt on g (efefefef)"}
    (few_settings,) = few.settings
    assert few_settings == "prompt: prompt-length 1 (on g (cdcdcdcd)), 2 (on g (efefefef))"


def test_one_seed_that_drew_two_ways_parts_the_contents(write_run: WriteRun, runs: Path) -> None:
    write_run("1", shots=5, corpus={"fingerprint": "a"})
    write_run("2", shots=5, corpus={"fingerprint": "b"}, method="majority")
    first, second = compared(runs).tables
    assert (len(first.rows), len(second.rows)) == (1, 1)
    assert "another content of corpus 'ks'" in second.reasons[0]


def test_what_did_not_finish_is_named(write_run: WriteRun, runs: Path) -> None:
    write_run("1")
    broken = write_run("2")
    content = {**finished(), "status": "failed", "error": "disk full"}
    (broken / "record.json").write_text(Record.model_validate(content).to_json())
    comparison = compared(runs)
    assert comparison.left_out == ((str(broken), "failed: disk full"),)
    assert len(comparison.tables[0].rows) == 1
