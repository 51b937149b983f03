"""`linear-probe` and `finetune-lm` against plain torch, on a tiny GSLM."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from baselines import fitting
from baselines.finetune_lm import FinetuneLm, FinetuneLmOptions
from baselines.fitting import Plan
from baselines.gslm_means import mean_hidden_states
from baselines.linear_probe import LinearProbe, LinearProbeOptions
from bench.errors import UsageError
from bench.files import sha256_of_file
from bench.gslm.card import BOS, EOS, N_SPECIALS, GslmCard, LmShape
from bench.gslm.folder import load_gslm, save_gslm
from bench.gslm.lm import UnitLM
from bench.gslm.packing import pack
from bench.method import Job
from bench.progress import Bar
from bench.prompting.frozen import FrozenLM
from tests.unit.baselines.conftest import MakeJob

SHAPE = LmShape(layers=2, dim=16, ffn_dim=32, heads=2, max_positions=24, n_rows=N_SPECIALS + 20)


@pytest.fixture
def gslm(tmp_path: Path) -> Path:
    rows = [N_SPECIALS + (7 * unit) % 20 for unit in range(20)]
    lm = UnitLM(SHAPE).reset(torch.Generator().manual_seed(0))
    save_gslm(tmp_path / "gslm", GslmCard(name="g", n_units=20, rows=rows, lm=SHAPE), lm)
    return tmp_path / "gslm"


def units(n: int) -> list[list[int]]:
    """The first unit tells the class; lengths from 2 to 9."""
    drawn = np.random.default_rng(1)
    return [[i % 3, *drawn.integers(3, 20, 1 + i % 8).tolist()] for i in range(n)]


@pytest.fixture
def job(make_job: MakeJob, gslm: Path) -> Job:
    answers = [("abc"[i % 3],) for i in range(48)]
    return replace(make_job("ks", answers, units(48)), gslm=str(gslm), precision="fp32")


@pytest.mark.parametrize("normalize", [False, True])
def test_means_are_those_of_every_utterance_alone(gslm: Path, normalize: bool) -> None:
    loaded = load_gslm(gslm)
    frozen = FrozenLM(loaded.lm, torch.float32)
    known = [np.array(u, np.int32) for u in units(20)]
    known.append(np.arange(40, dtype=np.int32) % 20)  # longer than the LM's positions
    found = mean_hidden_states(frozen, loaded, known, layers=(0, 2), normalize=normalize, bar=Bar())
    assert found.shape == (21, 2, 16)
    for mean, u in zip(found, known, strict=True):
        batch = pack([np.concatenate([[EOS], loaded.rows_of(u[:23])])])
        first, last = frozen.hidden_states(batch)[::2]
        with torch.no_grad():  # the model that was trained, not the frozen copy of it
            assert torch.allclose(last, loaded.lm(batch), atol=1e-5)
            assert torch.allclose(first, loaded.lm.embedded(batch), atol=1e-6)
        for got, state in zip(mean, (first, last), strict=True):
            wanted = functional.layer_norm(state, (16,)) if normalize else state
            np.testing.assert_allclose(got, wanted[1:].mean(dim=0), atol=1e-5)


def test_the_probe_learns_and_counts(job: Job) -> None:
    probe = LinearProbe(job, LinearProbeOptions(layers="0", search="lr=1e-1,1e-2"))
    assert probe.n_trainable == 16 * 3 + 3, "one layer has no weight"
    record = probe.train()
    assert [trial["lr"] for trial in record.search] == [1e-1, 1e-2]
    right = [
        p.symbols == u.symbols
        for p, u in zip(probe.predict(job.corpus.test), job.corpus.test, strict=True)
    ]
    assert sum(right) > 43
    assert probe.save() == (job.folder / "model.safetensors").stat().st_size
    assert LinearProbe(job, LinearProbeOptions()).n_trainable == 16 * 3 + 3 + 3


def test_what_a_probe_cannot_do(job: Job, make_job: MakeJob) -> None:
    with pytest.raises(UsageError, match="hidden states 0 to 2"):
        LinearProbe(job, LinearProbeOptions(layers="3"))
    text = replace(make_job("asr", [("a", "b")] * 4), gslm=job.gslm)
    with pytest.raises(UsageError, match="cannot solve 'asr'"):
        LinearProbe(text, LinearProbeOptions())


def test_fine_tuning_is_plain_training(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some steps against a loop that takes one utterance after another."""
    monkeypatch.setattr(fitting, "MIN_STEPS_A_ROUND", 1)
    options = FinetuneLmOptions(dropout=0.0, max_epochs=3, warmup_steps=4, batch_utterances=16)
    method = FinetuneLm(job, options)
    assert method.n_trainable == SHAPE.n_parameters == method.n_trainable_paper
    best: list[dict[str, torch.Tensor]] = []
    # The last round is wanted here, whatever validation says of it.
    note = fitting.Fitting._note

    def last(self: fitting.Fitting, trial: Any, score: float) -> None:
        note(self, trial, float(self.epoch))
        best.append({name: p.detach().clone() for name, p in trial.named.items()})

    monkeypatch.setattr(fitting.Fitting, "_note", last)
    record = method.train()
    work = method._work
    assert job.gslm is not None
    lm = load_gslm(Path(job.gslm)).lm
    optimizer = torch.optim.Adam(lm.parameters(), lr=5e-4, betas=(0.9, 0.98))
    rows = torch.from_numpy(work.task.answers.rows)
    step = 0
    for epoch in range(3):
        for batch in work.batches(epoch):
            losses = []
            examples = work.examples.of_epoch(job.seed, epoch)
            for i in batch:
                example = examples[i]
                assert example.tokens[-1] == BOS
                logits = lm.logits(lm(pack([example.tokens]))[-1:])[:, rows]
                target = (rows == int(example.targets[0])).nonzero()[0]
                losses.append(functional.cross_entropy(logits, target))
            for group in optimizer.param_groups:
                group["lr"] = 5e-4 * min((step + 1) / 4, (4 / (step + 1)) ** 0.5)
            optimizer.zero_grad()
            torch.autograd.backward(torch.stack(losses).mean())
            torch.nn.utils.clip_grad_norm_(lm.parameters(), 1.0)
            optimizer.step()
            step += 1
    assert record.steps == step >= 9
    start = load_gslm(Path(job.gslm)).lm.state_dict()
    for name, tensor in lm.named_parameters():
        ours, theirs = best[-1][f"lm.{name}"], tensor.detach()
        if name.endswith("qkv.bias"):  # attention ignores what all keys share: rounding decides
            ours, theirs = (torch.cat([t[:16], t[32:]]) for t in (ours, theirs))
        assert torch.allclose(ours, theirs, atol=2e-5), name
    assert (
        float((start["layers.0.up.weight"] - lm.state_dict()["layers.0.up.weight"]).abs().max())
        > 1e-3
    )


@pytest.mark.parametrize("verbalizer", ["frequency", "learnable"])
def test_the_folder_stays_and_the_lm_learns(job: Job, gslm: Path, verbalizer: str) -> None:
    before = {file.name: sha256_of_file(file) for file in gslm.iterdir()}
    options = FinetuneLmOptions.model_validate(
        {"verbalizer": verbalizer, "lr": 5e-3, "max_epochs": 60, "batch_utterances": 8}
    )
    method = FinetuneLm(job, options)
    method.train()
    right = [
        p.symbols == u.symbols
        for p, u in zip(method.predict(job.corpus.test), job.corpus.test, strict=True)
    ]
    assert sum(right) > 43
    assert method.save() == (job.folder / "model.safetensors").stat().st_size
    stored = load_file(job.folder / "model.safetensors")
    assert stored["lm.embed.weight"].shape == (24, 16)
    assert ("label_map" in stored) == (verbalizer == "learnable")
    assert before == {file.name: sha256_of_file(file) for file in gslm.iterdir()}


def test_what_fine_tuning_refuses(job: Job) -> None:
    for given, told in (
        ({"verbalizer": "learnable", "loss": "full"}, "--loss labels only"),
        ({"lr": 1e-3, "search": "lr=1e-3"}, "exclude each other"),
    ):
        with pytest.raises(UsageError, match=told):
            FinetuneLm(job, FinetuneLmOptions.model_validate(given))


def test_rates_of_a_plan() -> None:
    plan = Plan(
        rates=(1.0,),
        max_epochs=1,
        max_minutes=None,
        patience=1,
        clip_norm=1.0,
        warmup_steps=4,
        fixed_rates={"upstream.": 0.1},
    )
    assert [plan.share(step) for step in (0, 3, 15)] == [0.25, 1.0, 0.5]
    assert replace(plan, warmup_steps=0).share(100) == 1.0
    assert (plan.peak("upstream.w", 1.0), plan.peak("head.w", 1.0)) == (0.1, 1.0)
