from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors.torch import load_file

from bench.errors import (
    CheckpointError,
    DataError,
    MissingError,
    RunFailedError,
    UnknownNameError,
    UsageError,
)
from bench.gslm.card import BOS
from bench.gslm.folder import load_gslm, save_gslm
from bench.gslm.pretraining import PRESETS, Pretraining, PretrainOptions, pretrain
from bench.gslm.registry import gslm_folder
from bench.gslm.speech import extractor_of
from bench.progress import Progress

QUIET = Progress(quiet=True)


@pytest.fixture(autouse=True)
def _nano(monkeypatch: pytest.MonkeyPatch) -> None:
    nano = {"layers": 1, "dim": 16, "ffn_dim": 32, "heads": 2}
    monkeypatch.setitem(PRESETS, "nano", nano)


def write_units(path: Path, n: int, seed: int) -> None:
    """Units 0 to 9 that follow each other in a cycle from a random start."""
    random = np.random.default_rng(seed)
    with path.open("w") as file:
        for i in range(n):
            units = (random.integers(10) + np.arange(random.integers(3, 9))) % 10
            file.write(f"{i}.wav|{' '.join(map(str, units))}|ignored\n")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    folder = tmp_path / "units"
    folder.mkdir()
    write_units(folder / "train.txt", 120, 1)
    write_units(folder / "valid.txt", 20, 2)
    return folder


@pytest.fixture
def options(units: Path, tmp_path: Path) -> PretrainOptions:
    return PretrainOptions(
        units=[units],
        out=tmp_path / "gslm",
        preset="nano",
        epochs=3,
        lr=1e-2,
        warmup_steps=2,
        batch_tokens=64,
        n_units=10,
        max_positions=32,
        precision="fp32",
    )


def changed(options: PretrainOptions, **fields: Any) -> PretrainOptions:
    return PretrainOptions.model_validate(options.model_dump() | fields)


def test_structure_is_learnt_and_written_as_a_gslm(options: PretrainOptions) -> None:
    options = changed(options, epochs=12, name="cycle")
    card = pretrain(options, QUIET)
    gslm = load_gslm(options.out)
    assert gslm.card == card
    assert (card.name, card.n_units, card.rows) == ("cycle", 10, list(range(4, 14)))
    curve = [json.loads(line) for line in (options.out / "train.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in curve] == list(range(1, 13))
    assert card.recipe["valid_loss"] == curve[-1]["valid_loss"]
    assert card.recipe["units"] == ["units"]
    # A unit's successor is certain; only the start and the end are not. Unigram: log(11).
    assert curve[-1]["valid_loss"] < 0.5 * math.log(11)
    assert curve[-1]["valid_loss"] < curve[0]["valid_loss"]
    assert sorted(p.name for p in options.out.iterdir()) == [
        "gslm.json",
        "lm.safetensors",
        "train.jsonl",
    ]


class Killed(BaseException):
    pass


def run_until(work: Pretraining, checkpoint: Path, n_steps: int) -> None:
    """Train, with a checkpoint after every step, and die in the middle of a later one."""
    update = work._update

    def dying(indices: NDArray[np.int64]) -> float:
        if work.step == n_steps:
            raise Killed
        return update(indices)

    work._update = dying  # type: ignore[method-assign]
    with pytest.raises(Killed):
        work.run(checkpoint, every_s=-1.0)


@pytest.mark.parametrize("n_steps", [3, 13, 14, 20])
def test_a_resumed_pretraining_is_the_undisturbed_one_bit_for_bit(
    options: PretrainOptions, tmp_path: Path, n_steps: int
) -> None:
    undisturbed = Pretraining(options, QUIET)
    undisturbed.run(tmp_path / "a" / "state")
    assert undisturbed.total_steps > 24
    checkpoint = tmp_path / "b" / "state"
    run_until(Pretraining(options, QUIET), checkpoint, n_steps)
    work = Pretraining(options, QUIET)
    assert work.restore(checkpoint)
    assert work.step == n_steps
    work.run(checkpoint)
    for name, tensor in undisturbed._tensors().items():
        assert tensor.equal(work._tensors()[name]), name
    for a, b in zip(undisturbed.curve, work.curve, strict=True):
        assert a | {"minutes": 0} == b | {"minutes": 0}


def test_pretrain_goes_on_only_when_told_to(
    options: PretrainOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = Pretraining._update

    def dying(self: Pretraining, indices: NDArray[np.int64]) -> float:
        if self.step == 20:
            raise Killed
        return update(self, indices)

    undisturbed = pretrain(changed(options, out=options.out.with_name("other")), QUIET)
    with monkeypatch.context() as patch:
        patch.setattr(Pretraining, "_update", dying)
        with pytest.raises(Killed):
            pretrain(options, QUIET)
    assert not (options.out / "gslm.json").exists()
    with pytest.raises(UsageError, match="unfinished pretraining is here") as caught:
        pretrain(options, QUIET)
    assert caught.value.hint is not None
    assert "--resume" in caught.value.hint
    (options.out / ".gslm.json.123-0123abcd.tmp").touch()
    card = pretrain(changed(options, resume=True), QUIET)
    assert card.recipe == undisturbed.recipe
    theirs = load_file(options.out.with_name("other") / "lm.safetensors")
    for name, tensor in load_file(options.out / "lm.safetensors").items():
        assert tensor.equal(theirs[name]), name
    assert not list(options.out.glob(".*"))


def begun_with(init: Path, options: PretrainOptions, **fields: Any) -> PretrainOptions:
    given = options.model_dump(exclude={"preset", "n_units", "max_positions"})
    return PretrainOptions.model_validate(given | {"init": str(init)} | fields)


def test_pretraining_begins_where_another_ended(options: PretrainOptions, tmp_path: Path) -> None:
    pretrain(options, QUIET)
    first = load_gslm(options.out)
    further = begun_with(options.out, options, out=tmp_path / "b", epochs=1, warmup_steps=0)
    work = Pretraining(further, QUIET)
    for name, weight in work.lm.state_dict().items():
        torch.testing.assert_close(weight, first.lm.state_dict()[name], rtol=0, atol=0)
    card = pretrain(further, QUIET)
    assert card.recipe["init"] == {"name": "gslm", "fingerprint": first.fingerprint}
    assert "preset" not in card.recipe
    assert (card.lm, card.rows) == (first.card.lm, first.card.rows)
    curve = json.loads((tmp_path / "b" / "train.jsonl").read_text().splitlines()[0])
    at_first = json.loads((options.out / "train.jsonl").read_text().splitlines()[0])
    assert curve["valid_loss"] < at_first["valid_loss"]


def test_rows_and_speech_of_the_gslm_it_begins_with(
    options: PretrainOptions, units: Path, tmp_path: Path
) -> None:
    pretrain(options, QUIET)
    init = load_gslm(options.out)
    turned = init.card.model_copy(
        update={"rows": init.card.rows[::-1], "encoder": "ssl", "frame_rate_hz": 25.0}
    )
    save_gslm(options.out, turned, init.lm)
    for name in ("encoder", "kmeans"):
        (options.out / f"{name}.safetensors").write_bytes(name.encode())
    further = begun_with(options.out, options, out=tmp_path / "b")
    first = (units / "train.txt").read_text().split("\n")[0].split("|")[1].split()
    expected = [init.card.rows[::-1][int(unit)] for unit in first]
    assert Pretraining(further, QUIET).train[0].tolist() == expected
    card = pretrain(further, QUIET)
    assert (card.rows, card.encoder, card.frame_rate_hz) == (turned.rows, "ssl", 25.0)
    assert (tmp_path / "b" / "encoder.safetensors").read_bytes() == b"encoder"
    (units / "train.txt").write_text("a|1 10 2\n")
    with pytest.raises(DataError, match="unit 10 is not below the number of units of --init, 10"):
        Pretraining(further, QUIET)


def test_the_embedded_gslm_goes_on_and_hears(options: PretrainOptions, tmp_path: Path) -> None:
    further = begun_with(Path("mini"), options, out=tmp_path / "b", epochs=0.1)
    pretrain(further, QUIET)
    embedded = gslm_folder("mini")
    assert extractor_of(tmp_path / "b").fingerprint == extractor_of(embedded).fingerprint
    assert load_gslm(tmp_path / "b").fingerprint != load_gslm(embedded).fingerprint


def test_what_the_gslm_it_begins_with_decides_is_not_given(
    options: PretrainOptions, tmp_path: Path
) -> None:
    with pytest.raises(ValidationError, match="--preset: the GSLM of --init has its own"):
        begun_with(options.out, options, preset="tiny")
    with pytest.raises(ValidationError, match="brings an encoder of its own"):
        begun_with(options.out, options, units=None, corpus="mini", task=["ks"])
    with pytest.raises(MissingError):
        pretrain(begun_with(tmp_path / "none", options, out=tmp_path / "b"), QUIET)


def test_a_gslm_is_not_overwritten_unasked(options: PretrainOptions) -> None:
    pretrain(options, QUIET)
    before = load_gslm(options.out).fingerprint
    for resume in (False, True):
        with pytest.raises(UsageError, match="a GSLM is already here"):
            pretrain(changed(options, seed=1, resume=resume), QUIET)
    assert load_gslm(options.out).fingerprint == before
    pretrain(changed(options, seed=1, overwrite=True), QUIET)
    assert load_gslm(options.out).fingerprint != before


def test_units_of_ones_own_beside_the_gslm_stay(options: PretrainOptions, units: Path) -> None:
    before = {file.name: file.read_text() for file in units.iterdir()}
    pretrain(changed(options, out=units.parent), QUIET)
    assert {file.name: file.read_text() for file in units.iterdir()} == before


def test_the_name_is_that_of_the_folder_however_it_is_written(
    options: PretrainOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    assert pretrain(changed(options, out=Path()), QUIET).name == "mine"


def test_what_an_overwritten_gslm_heard_with_goes(options: PretrainOptions) -> None:
    shutil.copytree(gslm_folder("mini"), options.out)
    assert extractor_of(options.out)
    pretrain(changed(options, overwrite=True), QUIET)
    with pytest.raises(MissingError, match="this GSLM has no encoder"):
        extractor_of(options.out)
    assert not list(options.out.glob("*encoder*")) + list(options.out.glob("kmeans*"))


def test_a_device_that_is_not_there(options: PretrainOptions) -> None:
    if torch.cuda.device_count() < 8:
        with pytest.raises(MissingError, match="--device cuda:7: torch finds"):
            pretrain(changed(options, device="cuda:7"), QUIET)
    assert not options.out.exists()


def test_a_killed_overwrite_can_be_resumed(options: PretrainOptions) -> None:
    pretrain(options, QUIET)
    again = changed(options, seed=1)
    run_until(Pretraining(again, QUIET), options.out / "checkpoint" / "state.safetensors", 5)
    assert pretrain(changed(again, resume=True), QUIET).recipe["seed"] == 1
    assert not (options.out / "checkpoint").exists()


@pytest.mark.parametrize("fields", [{"seed": 5}, {"lr": 1e-3}, {"preset": "tiny"}])
def test_a_checkpoint_of_another_run_is_refused(
    options: PretrainOptions, tmp_path: Path, fields: dict[str, Any]
) -> None:
    run_until(Pretraining(options, QUIET), tmp_path / "state", 2)
    with pytest.raises(CheckpointError, match="was written with options"):
        Pretraining(changed(options, **fields), QUIET).restore(tmp_path / "state")


def test_a_checkpoint_goes_with_the_content_of_its_units(
    options: PretrainOptions, units: Path, tmp_path: Path
) -> None:
    run_until(Pretraining(options, QUIET), tmp_path / "state", 2)
    moved = Path(shutil.move(units, tmp_path / "moved"))
    there = changed(options, units=[moved], threads=1, max_minutes=5)
    assert Pretraining(there, QUIET).restore(tmp_path / "state")
    write_units(moved / "train.txt", 120, 3)
    with pytest.raises(CheckpointError, match="was written with units"):
        Pretraining(there, QUIET).restore(tmp_path / "state")


def test_the_clock_ends_it_and_the_rate_follows(options: PretrainOptions) -> None:
    options = changed(options, epochs=1000, max_minutes=1.0, warmup_steps=0)
    work = Pretraining(options, QUIET)
    rates = []
    for work.elapsed_s in (0.0, 30.0, 60.0):
        rates.append(work._rate() / options.lr)
    assert rates == pytest.approx([1.0, 0.51, 0.02])
    card = pretrain(changed(options, max_minutes=0.005), QUIET)
    assert 0 < card.recipe["steps"] < work.total_steps


def test_resumed_with_no_time_left_it_still_ends(options: PretrainOptions) -> None:
    checkpoint = options.out / "checkpoint" / "state.safetensors"
    run_until(Pretraining(options, QUIET), checkpoint, 5)
    card = pretrain(changed(options, resume=True, max_minutes=1e-6), QUIET)
    assert card.recipe["steps"] == 5
    assert math.isfinite(card.recipe["valid_loss"])


def test_the_rate_warms_up_and_decays(options: PretrainOptions) -> None:
    work = Pretraining(changed(options, warmup_steps=10), QUIET)
    rates = []
    n_steps = work.total_steps
    for work.step in range(n_steps + 1):
        rates.append(work._rate() / options.lr)
    assert rates[0] == pytest.approx(0.1)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.02)


def test_bfloat16_trains_and_is_stored_as_float32(options: PretrainOptions) -> None:
    card = pretrain(changed(options, precision="bf16"), QUIET)
    assert card.recipe["bf16"] is True
    assert card.recipe["valid_loss"] < math.log(11)
    assert {t.dtype for t in load_file(options.out / "lm.safetensors").values()} == {torch.float32}


def test_a_loss_that_is_not_finite_is_said(
    options: PretrainOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        torch.nn.functional, "cross_entropy", lambda *a, **k: torch.tensor(float("nan"))
    )
    with pytest.raises(RunFailedError, match="loss of step 1 is nan") as caught:
        pretrain(options, QUIET)
    assert caught.value.hint is not None
    assert "--lr" in caught.value.hint


def test_held_out_units_are_required_and_never_trained_on(
    options: PretrainOptions, units: Path
) -> None:
    with pytest.raises(UsageError, match="no held-out units"):
        pretrain(changed(options, units=[units / "train.txt"]), QUIET)
    both = Pretraining(changed(options, units=[units, units / "train.txt"]), QUIET)
    assert (len(both.train), len(both.valid)) == (240, 20)


def test_a_huge_utterance_is_cut(options: PretrainOptions, units: Path) -> None:
    with (units / "train.txt").open("a") as file:
        file.write(f"huge.wav|{' '.join('0123456789' * 20_000)}|x\n")
    work = Pretraining(options, QUIET)
    assert work.lengths.max() == options.max_positions
    assert work._update(np.array([len(work.train) - 1])) > 0


def test_units_out_of_range_are_refused_with_their_place(
    options: PretrainOptions, units: Path
) -> None:
    with (units / "train.txt").open("a") as file:
        file.write("x.wav|1 2 10|x\n")
    with pytest.raises(DataError, match=r"train\.txt:121: unit 10 is not below --n-units 10"):
        pretrain(options, QUIET)


def test_pairs_are_checked_as_single_utterances_are(
    options: PretrainOptions, tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    lines = [f"{i}|{i % 9} {(i + 1) % 9} {(i + 2) % 9}\n" for i in range(40)]
    for name in ("train", "valid"):
        (pairs / f"{name}.txt").write_text("".join(lines))
    asked = changed(options, units=None, say_again=[pairs])
    work = Pretraining(asked, QUIET)
    assert work.train[1].tolist() == [6, 7, 8, BOS, 7, 8, 9]  # lines 2 and 3
    (pairs / "train.txt").write_text("".join(lines[:-1]))
    with pytest.raises(DataError, match="39 lines do not make pairs"):
        pretrain(asked, QUIET)
    (pairs / "train.txt").write_text("".join([*lines, "a|1\n", "b|10\n"]))
    with pytest.raises(DataError, match=r"train\.txt:42: unit 10 is not below --n-units 10"):
        pretrain(asked, QUIET)


def test_neighbours_are_said_after_each_distinct_utterance(
    options: PretrainOptions, units: Path
) -> None:
    lines = [f"{i}|{' '.join(str((i + j) % 10) for j in range(6))}\n" for i in range(10)]
    (units / "train.txt").write_text("".join(lines * 3))  # each of ten utterances three times
    asked = changed(options, neighbours=2)
    work = Pretraining(asked, QUIET)
    assert len(work.train) == 10 * 2
    first, second = (sequence.tolist() for sequence in work.train[:2])
    assert first[:7] == second[:7] == [4, 5, 6, 7, 8, 9, BOS]
    # The likest of 0 1 2 3 4 5 are 1 2 3 4 5 6 and 9 0 1 2 3 4, in either order.
    assert sorted([first[7:], second[7:]]) == [[5, 6, 7, 8, 9, 10], [13, 4, 5, 6, 7, 8]]
    assert pretrain(asked, QUIET).recipe["neighbours"] == 2


def test_neighbours_that_cannot_be_found_are_said(options: PretrainOptions, units: Path) -> None:
    with pytest.raises(ValidationError, match="--neighbours are those of --units"):
        changed(options, units=None, say_again=[units], neighbours=1)
    asked = changed(options, neighbours=3)
    (units / "train.txt").write_text("a|1 2 3\nb|1 2 3\nc|1 2\nd|1 3\n")
    with pytest.raises(DataError, match="3 different utterances are too few for --neighbours 3"):
        pretrain(asked, QUIET)
    (units / "train.txt").write_text("a|1 2\nb|3 4\nc|5 6\nd|7 8\n")
    with pytest.raises(DataError, match="no run of units is in several utterances"):
        pretrain(asked, QUIET)


def test_missing_units_and_unknown_presets(options: PretrainOptions, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="nowhere"):
        pretrain(changed(options, units=[tmp_path / "nowhere"]), QUIET)
    with pytest.raises(UnknownNameError, match="unknown preset 'medum'") as caught:
        pretrain(changed(options, preset="medum"), QUIET)
    assert caught.value.hint == "did you mean 'medium'?"


@pytest.mark.parametrize(
    "fields",
    [
        {"units": []},
        {"epochs": 0},
        {"max_minutes": 0},
        {"lr": 0},
        {"dropout": 1},
        {"max_positions": 1},
        {"precision": "fp16"},
        {"colour": "red"},
    ],
)
def test_options_are_validated(options: PretrainOptions, fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(fields))):
        changed(options, **fields)
