from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import UnknownNameError, UsageError
from reports.comparison import Choice, compare
from reports.fields import condition, kept
from reports.reading import Reading, read_runs
from tests.unit.reports.conftest import WriteRun


@pytest.fixture
def reading(write_run: WriteRun, tmp_path: Path) -> Reading:
    for length in (5, 20):
        for seed in (0, 1):
            write_run(
                f"p{length}-{seed}",
                options={"prompt_length": length, "lr": 0.05, "beam": None},
                seed=seed,
                value=length / 100,
            )
    write_run("bag", method="bag-of-units", value=0.9, n_trainable=500)
    write_run("asr", task="asr", metric="wer", value=0.4, n_trainable=7)
    return read_runs([tmp_path / "runs"])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("method=bag-of-units", {"bag"}),
        ("method!=prompt", {"bag"}),
        ("prompt-length>=20", {"p20-0", "p20-1"}),
        ("prompt_length = 5.0", {"p5-0", "p5-1"}),
        ("beam=none", {"p5-0", "p5-1", "p20-0", "p20-1", "bag", "asr"}),
        ("accuracy<0.1", {"p5-0", "p5-1"}),
        ("method~BAG", {"bag"}),
        ("n_trainable>100", {"bag"}),
        ("seed=1", {"p5-1", "p20-1"}),
        ("wer>0", {"asr"}),
    ],
)
def test_conditions(reading: Reading, text: str, names: set[str]) -> None:
    assert {run.folder.name for run in kept(reading.runs, [condition(text)])} == names


def test_all_conditions_hold_at_once(reading: Reading) -> None:
    conditions = (condition("prompt-length=5"), condition("seed=0"))
    (table,) = compare(reading, Choice(conditions=conditions)).tables
    (row,) = table.cells
    assert row[0] is not None
    assert row[0].seeds == (0,)


def test_wrong_conditions_are_told(reading: Reading) -> None:
    with pytest.raises(UsageError, match="is no condition"):
        condition("prompt-length")
    with pytest.raises(UnknownNameError, match="did you mean 'prompt-length'"):
        kept(reading.runs, [condition("promt-length=5")])
    with pytest.raises(UsageError, match="'many' is no number"):
        kept(reading.runs, [condition("seed<many")])


def test_rows_by_fields_are_means_that_say_what_they_mix(reading: Reading) -> None:
    choice = Choice(by=("method",), tasks=("ks",))
    (table,) = compare(reading, choice).tables
    assert table.rows == ("prompt", "bag-of-units")
    cell = table.cells[0][0]
    assert cell is not None
    assert cell.value == pytest.approx(0.125)
    assert cell.mixed == ("prompt-length",)
    assert table.columns[0].untested == "prompt is a mean over runs with other options"
    (table,) = compare(reading, Choice(by=("prompt-length", "seed"), tasks=("ks",))).tables
    assert set(table.rows) == {
        *(f"prompt-length={n} seed={seed}" for n in (5, 20) for seed in (0, 1)),
        "prompt-length=null seed=0",
    }


def test_a_metric_that_no_run_has_is_a_mistake(reading: Reading) -> None:
    with pytest.raises(UnknownNameError, match="--metric: unknown metric 'accurcy'") as caught:
        compare(reading, Choice(metric="accurcy"))
    assert caught.value.hint == "did you mean 'accuracy'?"


def test_conditions_that_nothing_meets_are_named(reading: Reading) -> None:
    n = len(reading.runs)
    with pytest.raises(UsageError, match=rf"^no run meets --filter method=foo \({n} read\)") as one:
        compare(reading, Choice(conditions=(condition("method = foo"),)))
    assert one.value.hint == "method is one of: bag-of-units, prompt"
    both = (condition("seed>=1"), condition("seed<1"))
    with pytest.raises(UsageError, match="no run meets --filter 'seed>=1' --filter 'seed<1'"):
        compare(reading, Choice(conditions=both))
    some = (condition("method=prompt"),)
    with pytest.raises(UsageError, match="--task asr --filter method=bag"):
        compare(reading, Choice(tasks=("asr",), conditions=(condition("method=bag-of-units"),)))
    assert compare(reading, Choice(conditions=some)).tables


def test_another_metric_and_another_order(reading: Reading) -> None:
    comparison = compare(reading, Choice(metric="wer"))
    assert [column.task for column in comparison.tables[0].columns] == ["asr"]
    assert len(comparison.left_out) == 5
    assert comparison.left_out[0].why == "has no metric 'wer': accuracy"
    (table,) = compare(reading, Choice(tasks=("ks",), sort="trained", reverse=True)).tables
    assert table.rows[0] == "bag-of-units"
    with pytest.raises(UnknownNameError, match="unknown task 'sk'"):
        compare(reading, Choice(tasks=("sk",)))
