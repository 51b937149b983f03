"""`python -m tests.perf.s3prl_training`: KS training on a frozen upstream, next to s3prl's loop.

Ratios within one run: a HuBERT of base size with random weights, batches of 32 clips of one second.
s3prl's step is its own modules and task, upstream included; ours is the feature pass once, then
steps on time means. Times of whole trainings follow from the measured parts: n batches, E epochs.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

from baselines.label_softmax import LabelSoftmax
from baselines.s3prl.containment import contained, seeded, silenced
from baselines.s3prl.pooled_classifier import PooledClassifier
from baselines.s3prl.upstream import Upstream
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


class Seconds(NamedTuple):
    """What was measured, per batch; features also in bfloat16."""

    their_step: float
    their_features: float
    our_features: float
    our_features_bf16: float
    our_step: float
    bf16_error: float


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


def median_s(action: Callable[[], object], rounds: int) -> float:
    """Median seconds of an action."""
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        action()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def measure(folder: Path, rounds: int, batch: int, our_steps: int) -> Seconds:
    """Times both sides on the same clips."""
    generator = torch.Generator().manual_seed(1)
    waves = 0.1 * torch.randn(batch, 16_000, generator=generator)
    lengths = torch.full((batch,), 16_000)
    classes = torch.arange(batch) % N_CLASSES
    words = [WORDS[i] for i in classes]
    upstream = Upstream(str(folder))
    theirs = upstream.module.requires_grad_(True)  # as s3prl leaves it
    with contained():
        featurizer = Featurizer(theirs)
        head = MeanPoolingLinear(upstream.dim, N_CLASSES)
        model = UpstreamDownstreamModel(theirs, featurizer, head)
        task = UtteranceClassificationTask(model, CategoryEncoder(list(WORDS)))
    optimizer = torch.optim.Adam(task.parameters(), lr=1e-4)

    def their_step() -> None:
        task.train()
        loss, _ = task("train", waves, lengths, classes, words, None)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(task.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    def their_features() -> None:
        with torch.no_grad():
            theirs.eval()
            theirs(waves, lengths)

    their_step()
    step = median_s(their_step, rounds)
    their_pass = median_s(their_features, rounds)
    theirs.requires_grad_(False)
    exact = upstream(waves)
    features = median_s(lambda: upstream(waves).mean(dim=2), rounds)
    in_bf16 = Upstream(str(folder), precision="bf16")
    rounded = in_bf16(waves)
    features_bf16 = median_s(lambda: in_bf16(waves).mean(dim=2), rounds)
    labels = Labels(groups=(WORDS,), counts=((1,) * N_CLASSES,))
    ours = PooledClassifier(upstream.n_layers, upstream.dim, upstream.stride, labels)
    adam = torch.optim.Adam(ours.parameters(), lr=1e-4)
    means = exact.mean(dim=2).transpose(0, 1).contiguous()
    table = means.repeat(8, 1, 1)
    rows = torch.randint(len(table), (our_steps, batch), generator=generator)

    def our_steps_together() -> None:
        for i in range(our_steps):
            loss = LabelSoftmax(labels).loss(ours(table[rows[i]]), classes[:, None])
            adam.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(ours.parameters(), 1.0)
            adam.step()

    our_steps_together()
    our_step = median_s(our_steps_together, rounds) / our_steps
    error = float((rounded - exact).norm() / exact.norm())
    return Seconds(step, their_pass, features, features_bf16, our_step, error)


def report(found: Seconds, epochs: Sequence[int]) -> dict[str, float]:
    """The ratios that count, each printed."""
    ratios = {
        "feature pass, fp32": found.their_features / found.our_features,
        "feature pass, bf16": found.their_features / found.our_features_bf16,
    }
    for n in epochs:
        for name, features in (("fp32", found.our_features), ("bf16", found.our_features_bf16)):
            ours = features + n * found.our_step
            ratios[f"{n} epochs, {name}"] = n * found.their_step / ours
            ratios[f"one more rate over the first, {n} epochs, {name}"] = n * found.our_step / ours
    print("seconds a batch: " + ", ".join(f"{k} {v:.4g}" for k, v in found._asdict().items()))
    for name, ratio in ratios.items():
        print(f"{name:<48}{ratio:10.3f}")
    return ratios


def main(arguments: Sequence[str] | None = None) -> dict[str, float]:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf.s3prl_training")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tiny", action="store_true", help="a toy model: shows that it runs")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    with tempfile.TemporaryDirectory() as folder:
        save_model(Path(folder) / "hubert", tiny=chosen.tiny)
        batch, steps = (4, 20) if chosen.tiny else (BATCH, 200)
        found = measure(Path(folder) / "hubert", chosen.rounds, batch, steps)
    return report(found, EPOCHS)


if __name__ == "__main__":
    main()
