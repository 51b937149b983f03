from __future__ import annotations

from pathlib import Path

import pytest

from bench.check.suite import Suite, load_suite, suite_names
from bench.errors import MissingError, UsageError
from tasks.registry import TASKS


def suite(folder: Path, text: str) -> Suite:
    file = folder / "mine.yaml"
    file.write_text(text)
    return load_suite(str(file))


CELL = "cells: [{task: ks, method: prompt}]\n"


def test_the_suite_that_comes_with_bench_covers_every_task_by_both_sides() -> None:
    assert "ci" in suite_names()
    ci = load_suite("ci")
    ran = {(cell.request.task, cell.request.method) for cell in ci.cells}
    assert ran == {(task, method) for task in TASKS.names() for method in ("prompt", "s3prl")}
    assert ci.baseline.parent.name == "baselines"
    assert {cell.request.threads for cell in ci.cells} == {1}


def test_a_cell_takes_what_holds_for_every_one_and_the_model_its_method_stands_on(
    tmp_path: Path,
) -> None:
    made = suite(
        tmp_path,
        "gslm: g\nupstream: fbank\nevery: {threads: 1, max-epochs: 3}\n"
        "cells:\n"
        "  - {task: ks, method: prompt, max-epochs: 5}\n"
        "  - {task: ks, method: s3prl, name: other}\n"
        "  - {task: ic, method: prompt, gslm: h, options: {lr: 0.1}}\n",
    )
    first, second, third = (cell.request for cell in made.cells)
    assert [cell.name for cell in made.cells] == ["ks-prompt", "other", "ic-prompt"]
    assert (first.gslm, first.upstream, first.threads) == ("g", None, 1)
    assert first.options == {"max_epochs": 5}
    assert (second.gslm, second.upstream, second.options) == (None, "fbank", {"max_epochs": 3})
    assert (third.gslm, third.options) == ("h", {"max_epochs": 3, "lr": 0.1})
    assert made.baseline == tmp_path / "mine.baseline.json"
    request = made.cells[0].seeded(4, tmp_path)
    assert (request.seed, request.out, request.overwrite) == (4, tmp_path, True)
    assert [cell.name for cell in made.only(["other"]).cells] == ["other"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "`cells` holds no list"),
        ("cells: {}\n", "`cells` holds no list"),
        ("cells: [ks]\n", "'ks' is no mapping"),
        ("cells: [{task: ks}]\n", "`method` is not given"),
        ("cells: [{task: kz, method: prompt}]\n", "unknown task 'kz'"),
        ("cells: [{task: ks, method: promt}]\n", "did you mean 'prompt'"),
        ("cells: [{task: ks, method: prompt, sed: 1}]\n", "unknown key 'sed'"),
        ("cells: [{task: ks, method: prompt, seed: 1}]\n", "`seed` is decided by the check itself"),
        ("cells: [{task: ks, method: prompt, subset: 0}]\n", "--subset"),
        ("cells: [{task: ks, method: s3prl, gslm: g}]\n", "uses no gslm"),
        ("cells: [{task: ks, method: prompt, name: a/b}]\n", "name"),
        (CELL + "sedes: 3\n", "did you mean 'seeds'"),
        (CELL + "seeds: 1\n", "seeds"),
        (CELL + "seeds: 9\n", "baseline-seeds (8) is below seeds (9)"),
        (CELL + "slowdown: 0.9\n", "slowdown"),
        (CELL.replace("]", ", {task: ks, method: prompt, lr: 1.0}]"), "two cells are called"),
        (
            CELL.replace("]", ", {task: ks, method: prompt, name: b}]"),
            "cells 'ks-prompt' and 'b' are the same run",
        ),
        ("cells: [\n", "is not YAML"),
    ],
)
def test_what_is_wrong_with_a_suite_is_said(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        suite(tmp_path, text)
    assert told in str(caught.value)
    assert "mine.yaml" in str(caught.value)


def test_a_name_or_file_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="did you mean 'ci'"):
        load_suite("cli")
    with pytest.raises(MissingError, match="cannot be read"):
        load_suite("nowhere/gate.yaml")


def test_the_digest_is_of_what_is_run(tmp_path: Path) -> None:
    first = suite(tmp_path, CELL)
    assert suite(tmp_path, CELL + "slowdown: 1.2\n").digest() == first.digest()
    assert suite(tmp_path, CELL.replace("}", ", lr: 0.5}")).digest() != first.digest()
