"""`python -m tests.perf.s3prl_training`: KS training on a frozen upstream, next to s3prl's loop.

Ratios within one run: a HuBERT of base size with random weights, batches of 32 clips of one second.
s3prl's step is its own modules and task, upstream included; ours is the feature pass once, then
steps on time means, as `Fitting` makes them: one learning rate's, or three side by side. Each side
has a process of its own, set up as its users' would be, and they take turns round by round, so that
a busy machine slows down both. Times of whole trainings follow from the measured parts: n batches,
E epochs.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

from baselines.inputs import MeanTable
from baselines.label_softmax import LabelSoftmax
from baselines.s3prl.containment import contained, seeded, silenced
from baselines.s3prl.pooled_classifier import PooledClassifier
from baselines.s3prl.upstream import Upstream
from baselines.side_by_side import through_batches
from baselines.updates import Updates
from bench.gslm.precision import fast_in_bf16
from bench.memory import keep_freed_memory
from bench.random import numpy_generator
from bench.threads import one_thread
from tasks.labels import Labels

with silenced():
    from s3prl.dataio.encoder.category import CategoryEncoder
    from s3prl.nn import Featurizer, MeanPoolingLinear
    from s3prl.nn.upstream import UpstreamDownstreamModel
    from s3prl.task.utterance_classification_task import UtteranceClassificationTask

N_CLASSES = 12
BATCH = 32
WORDS = tuple(f"w{i:02}" for i in range(N_CLASSES))
EPOCHS = (10, 50)
RATES = (1e-2, 1e-3, 1e-4)


class Seconds(NamedTuple):
    """What was measured, per batch; features also in bfloat16, where the processor is fast in it.

    Attributes:
        our_further_step: of one more learning rate beside the others.
        bf16_error: relative, of the features in bfloat16.
    """

    their_step: float
    their_features: float
    our_features: float
    our_step: float
    our_further_step: float
    our_features_bf16: float | None
    bf16_error: float | None


class Setting(NamedTuple):
    """What both sides are given.

    Attributes:
        folder: of the upstream.
        batch: clips.
        threads: processor threads.
        steps: of ours, timed together.
    """

    folder: Path
    batch: int
    threads: int
    steps: int

    def clips(self) -> tuple[Tensor, Tensor]:
        """(batch, 16000) waveforms and (batch,) classes."""
        torch.set_num_threads(self.threads)
        generator = torch.Generator().manual_seed(1)
        waves = 0.1 * torch.randn(self.batch, 16_000, generator=generator)
        return waves, torch.arange(self.batch) % N_CLASSES


def save_model(folder: Path, *, tiny: bool) -> None:
    """A HuBERT with random weights: base size, or a toy."""
    sizes: dict[str, Any] = {}
    if tiny:
        sizes = {
            "hidden_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 96,
            "conv_dim": (16,) * 7,
        }
    with seeded(0):
        HubertModel(HubertConfig(**sizes)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)  # type: ignore[no-untyped-call]


def seconds(action: Callable[[], object]) -> float:
    """How long an action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


class Theirs:
    """s3prl's training step and feature pass."""

    def __init__(self, setting: Setting) -> None:
        self.waves, self.classes = setting.clips()
        self.lengths = torch.full((setting.batch,), self.waves.shape[1])
        self.words = [WORDS[i] for i in self.classes]
        wrapped = Upstream(str(setting.folder), frozen=False)
        self.upstream = wrapped.module.requires_grad_(True)  # as s3prl leaves it
        with contained():
            featurizer = Featurizer(self.upstream)
            head = MeanPoolingLinear(wrapped.dim, N_CLASSES)
            model = UpstreamDownstreamModel(self.upstream, featurizer, head)
            self.task = UtteranceClassificationTask(model, CategoryEncoder(list(WORDS)))
        self.optimizer = torch.optim.Adam(self.task.parameters(), lr=1e-4)

    def step(self) -> None:
        """One step on waveforms."""
        self.task.train()
        loss, _ = self.task("train", self.waves, self.lengths, self.classes, self.words, None)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.task.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def features(self) -> None:
        """All layers' frames."""
        with torch.no_grad():
            self.upstream.eval()
            self.upstream(self.waves, self.lengths)

    def round(self) -> tuple[float, float]:
        """Seconds of a step and of a pass."""
        return seconds(self.step), seconds(self.features)


def _rate(rate: float, name: str) -> float:
    """Every parameter's."""
    del name
    return rate


class Ours:
    """The feature pass, and the steps on time means."""

    def __init__(self, setting: Setting) -> None:
        keep_freed_memory()  # as a run does
        self.waves, classes = setting.clips()
        self.targets, self.steps, self.threads = classes[:, None], setting.steps, setting.threads
        self.upstream = Upstream(str(setting.folder))
        self.in_bf16 = None
        if fast_in_bf16(torch.device("cpu")):
            self.in_bf16 = Upstream(str(setting.folder), precision="bf16")
        labels = Labels(groups=(WORDS,), counts=((1,) * N_CLASSES,))
        shape = self.upstream.n_layers, self.upstream.dim, self.upstream.stride
        self.softmax = LabelSoftmax(labels)
        self.trials = []
        for rate in RATES:
            head = PooledClassifier(*shape, labels)
            named = dict(head.named_parameters())
            updates = Updates(named, partial(_rate, rate), (0.9, 0.999), 1.0, joined=True)
            self.trials.append((head, updates))
        means = self.upstream(self.waves).mean(dim=2).transpose(0, 1)
        self.inputs = MeanTable(means.repeat(8, 1, 1).numpy(), "cpu")
        shape_of_rows = self.steps, setting.batch
        self.batches = numpy_generator(0, "batches").integers(8 * setting.batch, size=shape_of_rows)

    def train(self, n_rates: int) -> None:
        """Some steps of the first rates."""

        def step(trial: int, place: int, read: tuple[Tensor]) -> None:
            del place
            head, updates = self.trials[trial]
            head.differentiate(*read, self.targets, self.softmax)
            updates.step(1.0)

        take, batches = self.inputs.take, list(self.batches)
        with one_thread():
            through_batches(n_rates, batches, take, step, threads=self.threads, ends=math.inf)

    def round(self) -> tuple[float, float, float, float]:
        """Seconds of a pass, of a step, of that of one more rate, of a bfloat16 pass (slow: 0)."""
        in_bf16 = self.in_bf16
        features = seconds(lambda: self.upstream(self.waves).mean(dim=2))
        of_one = seconds(lambda: self.train(1)) / self.steps
        of_all = seconds(lambda: self.train(len(RATES))) / self.steps
        return (
            features,
            of_one,
            (of_all - of_one) / (len(RATES) - 1),
            0.0 if in_bf16 is None else seconds(lambda: in_bf16(self.waves).mean(dim=2)),
        )

    def bf16_error(self) -> float | None:
        """Relative error of the features in bfloat16."""
        if self.in_bf16 is None:
            return None
        exact = self.upstream(self.waves)
        return float((self.in_bf16(self.waves) - exact).norm() / exact.norm())


_here: dict[str, Any] = {}
"""The side that a worker process holds."""


def _set_up(side: type[Theirs] | type[Ours], setting: Setting) -> None:
    _here["side"] = side(setting)


def _call(name: str) -> Any:
    return getattr(_here["side"], name)()


def measure(setting: Setting, rounds: int) -> Seconds:
    """Times both sides on the same clips; medians over the rounds."""
    context = multiprocessing.get_context("spawn")

    def worker(side: type[Theirs] | type[Ours]) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, context, _set_up, (side, setting))

    with worker(Theirs) as theirs, worker(Ours) as ours:

        def turn() -> tuple[float, ...]:
            their_round: tuple[float, ...] = theirs.submit(_call, "round").result()
            our_round: tuple[float, ...] = ours.submit(_call, "round").result()
            return their_round + our_round

        turn()  # whatever only the first one pays for
        found = [turn() for _ in range(rounds)]
        error = ours.submit(_call, "bf16_error").result()
    *others, in_bf16 = (statistics.median(column) for column in zip(*found, strict=True))
    their_step, their_pass, our_pass, our_step, further = others
    return Seconds(their_step, their_pass, our_pass, our_step, further, in_bf16 or None, error)


def report(found: Seconds, epochs: Sequence[int]) -> dict[str, float]:
    """The ratios that count, each printed."""
    passes = {"fp32": found.our_features}
    if found.our_features_bf16 is not None:
        passes["bf16"] = found.our_features_bf16
    ratios = {f"feature pass, {name}": found.their_features / s for name, s in passes.items()}
    for n in epochs:
        for name, features in passes.items():
            ours = features + n * found.our_step
            ratios[f"{n} epochs, {name}"] = n * found.their_step / ours
            ratios[f"one more rate over the first, {n} epochs, {name}"] = (
                n * found.our_further_step / ours
            )
    measured = {k: v for k, v in found._asdict().items() if v is not None}
    print("seconds a batch: " + ", ".join(f"{k} {v:.4g}" for k, v in measured.items()))
    for name, ratio in ratios.items():
        print(f"{name:<48}{ratio:10.3f}")
    return ratios


def main(arguments: Sequence[str] | None = None) -> dict[str, float]:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf.s3prl_training")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tiny", action="store_true", help="a toy model: shows that it runs")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        save_model(Path(folder) / "hubert", tiny=chosen.tiny)
        batch, steps = (4, 20) if chosen.tiny else (BATCH, 200)
        setting = Setting(Path(folder) / "hubert", batch, chosen.threads, steps)
        found = measure(setting, chosen.rounds)
    return report(found, EPOCHS)


if __name__ == "__main__":
    main()
