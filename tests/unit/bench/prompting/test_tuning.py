from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bench import random
from bench.errors import CheckpointError, RunFailedError
from bench.gslm.card import BOS, EOS, LmShape
from bench.gslm.lm import UnitLM
from bench.gslm.packing import pack
from bench.progress import Progress
from bench.prompting import tuning as tuning_module
from bench.prompting.decoding import Search, decode
from bench.prompting.examples import Example, Loss, TrainingExamples
from bench.prompting.frozen import FrozenLM
from bench.prompting.objective import Answers, Objective
from bench.prompting.prompts import Prompts
from bench.prompting.tuning import Schedule, Tuning

SHAPE = LmShape(layers=2, dim=32, ffn_dim=64, heads=2, max_positions=32, n_rows=16)
ANSWERS = Answers(np.array([7, 5, 9, 4]), (range(2), range(2, 4)), False)
SCHEDULE = Schedule(
    lr=0.05,
    schedule="cosine",
    warmup_steps=5,
    max_epochs=8,
    max_minutes=None,
    patience=10,
    batch_tokens=200,
    batch_utterances=16,
    prompt_dropout=0.1,
    unit_dropout=0.0,
    window=1.0,
    mix=1,
)


@pytest.fixture(autouse=True)
def _short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning_module, "MIN_STEPS_A_ROUND", 1)


class Task:
    """Two slots; the first label says whether row 10 or 11 occurs, the second whether 12 or 13."""

    def __init__(
        self,
        folder: Path,
        *,
        loss: Loss = "labels",
        length: int = 4,
        validate: Callable[[], float] | None = None,
        **schedule: Any,
    ) -> None:
        lm = UnitLM(SHAPE).reset(torch.Generator().manual_seed(0))
        frozen = FrozenLM(lm, torch.float32)
        prompts = Prompts(SHAPE, length, "deep")
        drawn = np.random.default_rng(0)
        labels = drawn.integers(2, size=(96, 2))
        prompted: list[NDArray[np.int64]] = []
        examples = []
        for a, b in labels:
            units = drawn.permutation([10 + a, 10 + a, 12 + b, 12 + b, *drawn.integers(14, 16, 2)])
            prompted.append(np.concatenate([[EOS], units, [BOS]]))
            answer = ANSWERS.rows[[a, 2 + b]]
            if loss == "full":
                tokens = np.concatenate([prompted[-1], answer])
                examples.append(Example(tokens, np.concatenate([[BOS], answer, [EOS]])))
            else:
                examples.append(Example(np.concatenate([prompted[-1], answer[:1]]), answer))
        start = pack([p[:-1] for p in prompted])
        prompts.start(frozen, start, random.torch_generator(0, "start"))
        objective = Objective(frozen, prompts, ANSWERS, loss)
        self.prompts = prompts

        def accuracy() -> float:
            found = decode(objective, prompted, Search())
            right = [f.labels == (a, 2 + b) for f, (a, b) in zip(found, labels, strict=True)]
            return sum(right) / len(right)

        self.accuracy = accuracy
        self.tuning = Tuning(
            objective,
            TrainingExamples(examples),
            accuracy if validate is None else validate,
            higher_is_better=True,
            schedule=SCHEDULE.model_copy(update=schedule),
            seed=3,
            folder=folder,
            identity={"seed": 3, "options": {"loss": loss}},
            progress=Progress(quiet=True),
        )


def parameters(tuning: Tuning) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in tuning.prompts.named_parameters()}


@pytest.mark.parametrize(("loss", "chance"), [("labels", math.log(2)), ("full", math.log(16))])
def test_prompts_learn_and_the_frozen_lm_stays(tmp_path: Path, loss: Loss, chance: float) -> None:
    task = Task(tmp_path, loss=loss, max_epochs=30, lr=0.2, patience=30)
    before = task.accuracy()
    weights = [layer.qkv.weight.clone() for layer in task.tuning.objective.frozen.layers]
    task.tuning.run()
    curve = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    assert curve == task.tuning.curve
    assert curve[-1]["train_loss"] < 0.7 * chance
    if loss == "labels":  # a random LM gets one slot right, and the other by chance
        assert before < 0.35
        assert task.accuracy() > 0.5
    # What is left in place is the best of the curve.
    assert task.accuracy() == max(row["valid_score"] for row in curve)
    assert task.tuning.best_valid_score == task.accuracy()
    for weight, layer in zip(weights, task.tuning.objective.frozen.layers, strict=True):
        assert weight.equal(layer.qkv.weight)


class Killed(BaseException):
    pass


def kill_at(tuning: Tuning, n_steps: int) -> None:
    """Runs a tuning that dies after so many steps."""
    update = tuning.update

    def dying(examples: list[Example], rate: float) -> float:
        if tuning.step == n_steps:
            raise Killed
        return update(examples, rate)

    tuning.update = dying  # type: ignore[method-assign]
    with pytest.raises(Killed):
        tuning.run()


def assert_ended_alike(one: Tuning, other: Tuning) -> None:
    for name, tensor in parameters(one).items():
        assert tensor.equal(parameters(other)[name]), name
    for a, b in zip(one.curve, other.curve, strict=True):
        assert a | {"minutes": 0} == b | {"minutes": 0}


@pytest.mark.parametrize("n_steps", [1, 13, 30])
@pytest.mark.parametrize("length", [4, 0], ids=["prompts", "separator-only"])
def test_a_resumed_tuning_is_the_undisturbed_one_bit_for_bit(
    tmp_path: Path, n_steps: int, length: int
) -> None:
    undisturbed = Task(tmp_path / "a", length=length).tuning
    (tmp_path / "a").mkdir()
    undisturbed.run()
    assert undisturbed.step > 40
    folder = tmp_path / "b"
    folder.mkdir()
    kill_at(Task(folder, length=length).tuning, n_steps)
    resumed = Task(folder, length=length).tuning
    assert resumed.restore() == (n_steps > 6)
    assert resumed.step <= n_steps
    resumed.run()
    assert_ended_alike(undisturbed, resumed)
    assert (undisturbed.best_epoch, undisturbed.epoch) == (resumed.best_epoch, resumed.epoch)


@pytest.mark.parametrize("n_steps", [3, 8, 17])
def test_an_epoch_goes_on_where_it_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_steps: int
) -> None:
    monkeypatch.setattr(tuning_module, "MIN_STEPS_A_ROUND", 8)
    undisturbed = Task(tmp_path / "a").tuning
    (tmp_path / "a").mkdir()
    undisturbed.run()
    monkeypatch.setattr(tuning_module, "SAVE_EVERY_S", 0.0)
    folder = tmp_path / "b"
    folder.mkdir()
    kill_at(Task(folder).tuning, n_steps)
    resumed = Task(folder).tuning
    assert resumed.restore()
    assert resumed.step == n_steps
    resumed.run()
    assert_ended_alike(undisturbed, resumed)


def test_a_finished_tuning_is_not_done_again(tmp_path: Path) -> None:
    first = Task(tmp_path).tuning
    first.run()
    again = Task(tmp_path, validate=lambda: pytest.fail("validated")).tuning
    assert again.restore()
    again.run()
    assert again.step == first.step
    for name, tensor in parameters(first).items():
        assert tensor.equal(parameters(again)[name]), name


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    Task(tmp_path, max_epochs=1).tuning.run()
    with pytest.raises(CheckpointError, match="was written with identity"):
        Task(tmp_path, loss="full").tuning.restore()


def test_patience_ends_it_and_the_best_is_kept(tmp_path: Path) -> None:
    scores = iter([0.2, 0.5, 0.4, 0.5, 0.3, 0.9])
    kept: list[dict[str, torch.Tensor]] = []

    def validate() -> float:
        kept.append(parameters(task.tuning))
        return next(scores)

    task = Task(tmp_path, validate=validate, patience=3, max_epochs=100)
    task.tuning.run()
    assert [row["valid_score"] for row in task.tuning.curve] == [0.2, 0.5, 0.4, 0.5, 0.3]
    assert task.tuning.best_epoch == 2
    for name, tensor in parameters(task.tuning).items():
        assert tensor.equal(kept[1][name]), name
        assert not tensor.equal(kept[4][name]), name


def test_lower_can_be_better(tmp_path: Path) -> None:
    scores = iter([0.5, 0.2, 0.4])
    task = Task(tmp_path, validate=lambda: next(scores), max_epochs=3)
    task.tuning.sign = -1.0
    task.tuning.run()
    assert task.tuning.best_epoch == 2
    assert task.tuning.best_valid_score == 0.2


def test_validation_waits_for_enough_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning_module, "MIN_STEPS_A_ROUND", 15)
    task = Task(tmp_path, max_epochs=8, batch_utterances=16)
    task.tuning.run()
    assert [row["epoch"] for row in task.tuning.curve] == [3, 6, 8]


def test_the_rate_warms_up_and_the_cosine_ends_at_0(tmp_path: Path) -> None:
    tuning = Task(tmp_path).tuning
    rates: list[float] = []
    update = tuning.update

    def recording(examples: list[Example], rate: float) -> float:
        rates.append(rate)
        return update(examples, rate)

    tuning.update = recording  # type: ignore[method-assign]
    tuning.run()
    assert len(rates) == tuning.step == 48
    assert rates[0] == pytest.approx(0.05 / 5)
    assert rates[:5] == sorted(rates[:5])
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[24] == pytest.approx(0.05 * 0.5)
    assert rates[-1] < 0.002 * 0.05
    assert tuning._rate(1.0) == 0.0
    constant = Task(tmp_path, schedule="constant").tuning
    constant.step = 1000
    assert constant._rate(0.9) == 0.05


def test_the_clock_ends_it(tmp_path: Path) -> None:
    tuning = Task(tmp_path, max_epochs=10_000, max_minutes=0.005, patience=10_000).tuning
    tuning.run()
    assert 0 < tuning.step < 10_000
    assert tuning.elapsed_s >= 0.3
    assert tuning._progress(6) == 1.0


def test_dropout_and_windows_are_part_of_training(tmp_path: Path) -> None:
    tasks = [
        Task(tmp_path),
        Task(tmp_path, prompt_dropout=0.5),
        Task(tmp_path, unit_dropout=0.5),
        Task(tmp_path, window=0.5),
    ]
    losses = [task.tuning.update(task.tuning.examples.of_epoch(0, 0), 0.0) for task in tasks]
    assert len(set(losses)) == 4
    assert all(math.isfinite(loss) for loss in losses)


def test_a_loss_that_is_not_finite_is_said(tmp_path: Path) -> None:
    task = Task(tmp_path)
    with torch.no_grad():
        task.prompts.separator.fill_(float("nan"))
    with pytest.raises(RunFailedError, match="loss of step 1 is nan") as caught:
        task.tuning.run()
    assert caught.value.hint is not None
    assert "--lr" in caught.value.hint
    assert not (tmp_path / "checkpoint").exists()
