"""A method of another distribution: trains slowly and can be stopped anywhere.

Its result depends on every epoch having been done exactly once, so a resumed run that skips or
repeats one gives another record.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from bench.files import write_atomic
from bench.method import Job, ModelDescription, Prediction
from bench.methods import MethodEntry
from bench.random import derive
from bench.records import TrainRecord
from tasks.corpora.utterance import Utterance


class SlowOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = 4
    epoch_s: float = 0.0
    fail_at: int | None = None


class Slow:
    Options = SlowOptions
    n_trainable = 1
    n_trainable_paper = None

    def __init__(self, job: Job, options: BaseModel) -> None:
        assert isinstance(options, SlowOptions)
        self.job, self.options = job, options
        self.state = 0
        self.epoch = 0

    def describe(self) -> ModelDescription:
        return ModelDescription("slow", "slow-1", 7)

    def train(self) -> TrainRecord:
        checkpoint = self.job.folder / "checkpoint"
        state_file = checkpoint / "state.json"
        if self.job.resume and state_file.exists():
            self.epoch, self.state = json.loads(state_file.read_text())
        checkpoint.mkdir(exist_ok=True)
        while self.epoch < self.options.epochs:
            if self.options.fail_at == self.epoch:
                raise ZeroDivisionError("a fault in the method")
            time.sleep(self.options.epoch_s)
            self.epoch += 1
            self.state = derive(self.state, self.epoch, self.job.seed)
            with (self.job.folder / "train.jsonl").open("a") as curve:
                curve.write(json.dumps({"epoch": self.epoch}) + "\n")
            write_atomic(state_file, json.dumps([self.epoch, self.state]))
            self.job.progress.line(f"epoch {self.epoch}")
        return TrainRecord(epochs=self.epoch, steps=self.epoch, search=[{"state": self.state}])

    def predict(self, utterances: Sequence[Utterance]) -> list[Prediction]:
        return [Prediction(utterance.symbols, 0.0) for utterance in utterances]

    def save(self) -> int:
        write_atomic(self.job.folder / "model.safetensors", str(self.state))
        return 8


ENTRY = MethodEntry(path="tests.e2e.slow_method:Slow", summary="slow")
