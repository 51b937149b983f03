from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.errors import DataError, MissingError
from bench.migrations import STEPS, migrate
from bench.records import Record, load_record


def finished() -> dict[str, Any]:
    """A finished run's record."""
    return {
        "schema_version": 6,
        "status": "ok",
        "started": "2026-01-02T03:04:05Z",
        "ended": "2026-01-02T04:04:05.5Z",
        "task": {"name": "ks", "version": "1"},
        "corpus": {
            "name": "ks",
            "fingerprint": "ab" * 32,
            "n": {"train": 3, "valid": 2, "test": 2},
            "skipped": [{"id": "x", "reason": "empty"}],
            "notes": {"repeated_lines_dropped": 1},
        },
        "method": {"name": "prompt", "options": {"prompt_length": 5}},
        "model": {"name": "g", "fingerprint": "cd" * 32, "n_total": 100, "precision": "bf16"},
        "n_trainable": 10,
        "n_trainable_paper": 12,
        "stored_bytes": 40,
        "seed": 0,
        "primary": "accuracy",
        "scores": {
            "accuracy": {
                "value": 0.5,
                "unit": "fraction",
                "higher_is_better": True,
                "ci95": [0.25, 0.75],
                "n": 2,
            }
        },
        "train": {"epochs": 2, "steps": 9, "best_epoch": 1, "search": [{"lr": 0.05}]},
        "cost": {
            "prepare_s": 0.1,
            "train_s": 2.0,
            "eval_s": 0.5,
            "utt_per_s": 4.0,
            "peak_rss_bytes": 1024,
            "device": "a processor",
            "threads": 2,
        },
        "versions": {"python": "3.11", "packages": {"torch": "2"}, "commit": None, "dirty": None},
        "error": None,
    }


def write(folder: Path, content: object) -> Path:
    file = folder / "record.json"
    file.write_text(json.dumps(content))
    return file


def options_of_version(
    version: int, folder: Path, method: str, given: dict[str, object]
) -> dict[str, Any]:
    """The options that are read from a record as that version wrote it."""
    told = {"name": method, "options": given}
    content = {**finished(), "schema_version": version, "method": told}
    return load_record(write(folder, content)).method.options


def test_a_record_loads_as_it_was_written(tmp_path: Path) -> None:
    file = write(tmp_path, finished())
    record = load_record(file)
    assert load_record(tmp_path) == record
    assert record.scores["accuracy"].ci95 == (0.25, 0.75)
    assert (record.ended - record.started).total_seconds() == 3600.5
    assert Record.model_validate_json(record.to_json()) == record


@pytest.mark.parametrize(
    ("method", "given", "read"),
    [
        ("prompt", {"prompt_length": 5}, {"augment": 0, "label_vectors": "lm", "window": 1.0}),
        ("prompt", {"augment": 4, "window": 0.25}, {"augment": 4, "window": 0.25}),
        ("finetune-lm", {"unit_dropout": 0.1}, {"unit_dropout": 0.1, "window": 1.0}),
        ("bag-of-units", {"ngrams": 3}, {"ngrams": 3, "augment": 0}),
        ("majority", {}, {}),
    ],
)
def test_version_1_lacks_options_that_came_later(
    tmp_path: Path, method: str, given: dict[str, object], read: dict[str, object]
) -> None:
    """Records as version 1 wrote them; must load for ever."""
    options = options_of_version(1, tmp_path, method, given)
    assert options.items() >= {**given, **read}.items()


@pytest.mark.parametrize(
    ("method", "given", "read"),
    [
        (
            "prompt",
            {"window": 0.25},
            {"window": 0.25, "mix": 1, "scoring": "direct", "label_smoothing": 0.0},
        ),
        ("finetune-lm", {}, {"mix": 1}),
        ("bag-of-units", {"augment": 4}, {"augment": 4}),
    ],
)
def test_version_2_knows_no_mixing(
    tmp_path: Path, method: str, given: dict[str, object], read: dict[str, object]
) -> None:
    """Records as version 2 wrote them; must load for ever."""
    assert options_of_version(2, tmp_path, method, given) == read


@pytest.mark.parametrize(
    ("method", "given", "read"),
    [
        ("prompt", {"mix": 4}, {"mix": 4, "scoring": "direct", "label_smoothing": 0.0}),
        ("finetune-lm", {}, {}),
    ],
)
def test_version_3_asks_directly(
    tmp_path: Path, method: str, given: dict[str, object], read: dict[str, object]
) -> None:
    """Records as version 3 wrote them; must load for ever."""
    assert options_of_version(3, tmp_path, method, given) == read


def test_version_4_does_not_know_what_the_model_was_computed_in(tmp_path: Path) -> None:
    """Records as version 4 wrote them; must load for ever."""
    content = {**finished(), "schema_version": 4}
    del content["model"]["precision"]
    model = load_record(write(tmp_path, content)).model
    assert model is not None
    assert model.precision is None
    failed = {**content, "status": "failed", "error": "x", "model": None}
    assert load_record(write(tmp_path, failed)).model is None


@pytest.mark.parametrize(
    ("method", "given", "read"),
    [
        ("prompt", {"scoring": "direct"}, {"scoring": "direct", "label_smoothing": 0.0}),
        ("finetune-lm", {}, {}),
    ],
)
def test_version_5_takes_targets_as_they_are(
    tmp_path: Path, method: str, given: dict[str, object], read: dict[str, object]
) -> None:
    """Records as version 5 wrote them; must load for ever."""
    assert options_of_version(5, tmp_path, method, given) == read


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("extra",), 1, "extra: Extra inputs"),
        (("scores", "accuracy", "value"), "high", r"scores\.accuracy\.value"),
        (("scores", "accuracy", "value"), float("nan"), r"scores\.accuracy\.value"),
        (("cost", "threads"), 0, r"cost\.threads"),
        (("started",), "2026-01-02T03:04:05", "started: .*time zone"),
        (("primary",), "wer", "primary metric 'wer' is not among the scores"),
        (("train",), None, "a finished run lacks train"),
        (("error",), "x", "a finished run carries an error"),
        (("status",), "failed", None),
    ],
)
def test_a_wrong_record_names_file_and_field(
    tmp_path: Path, path: tuple[str, ...], value: object, named: str | None
) -> None:
    content = finished()
    part = content
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    file = write(tmp_path, content)
    with pytest.raises(DataError, match=named or "a failed run does not say why") as caught:
        load_record(file)
    assert caught.value.where == str(file)


def test_no_record_broken_json_and_a_newer_version_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="there is no record here"):
        load_record(tmp_path)
    (tmp_path / "record.json").write_text('{"status":\n nonsense')
    with pytest.raises(DataError, match=r"record\.json:2: is not JSON"):
        load_record(tmp_path)
    write(tmp_path, {**finished(), "schema_version": 7})
    with pytest.raises(DataError, match="schema_version 7"):
        load_record(tmp_path)


def test_an_unfinished_run_may_know_little() -> None:
    content = {
        **finished(),
        "status": "interrupted",
        "error": "SIGTERM during training",
        "model": None,
        "n_trainable": None,
        "stored_bytes": None,
        "train": None,
        "scores": {},
    }
    assert Record.model_validate(content).status == "interrupted"


def test_older_versions_are_brought_up_to_date_step_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fabricated past: version -1 called the seed `random_seed`, version 0 had `seconds`."""

    def from_minus_1(content: dict[str, Any]) -> dict[str, Any]:
        return {"seed": content.pop("random_seed"), **content}

    def from_0(content: dict[str, Any]) -> dict[str, Any]:
        cost = {**content["cost"], "train_s": content.pop("seconds")}
        return {**content, "cost": cost}

    steps = {-1: from_minus_1, 0: from_0, **STEPS}
    monkeypatch.setattr("bench.records.migrate", partial(migrate, steps=steps))
    oldest = {**finished(), "schema_version": -1, "random_seed": 7, "seconds": 9.5}
    del oldest["seed"], oldest["cost"]["train_s"]
    file = write(tmp_path, oldest)
    before = file.read_bytes()
    record = load_record(file)
    assert (record.schema_version, record.seed, record.cost.train_s) == (6, 7, 9.5)
    assert file.read_bytes() == before
    write(tmp_path, {**oldest, "random_seed": None})
    with pytest.raises(DataError, match="seed: Input should be a valid integer"):
        load_record(tmp_path)
    del oldest["seconds"]
    write(tmp_path, oldest)
    with pytest.raises(DataError, match="cannot be brought from schema_version 0 to 1"):
        load_record(tmp_path)


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        (None, "schema_version: is missing"),
        (True, "schema_version: is no version"),
        ("1", "schema_version: is no version"),
        (0, "has schema_version 0, and there is no way from 0 to 6"),
    ],
)
def test_a_version_that_cannot_be_read_is_told(
    tmp_path: Path, version: object, reason: str
) -> None:
    write(tmp_path, {**finished(), "schema_version": version})
    with pytest.raises(DataError, match=reason):
        load_record(tmp_path)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, '"record"'])
def test_json_that_is_no_record_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(DataError, match=r"is not JSON of a record|is not a JSON object"):
        load_record(tmp_path)
