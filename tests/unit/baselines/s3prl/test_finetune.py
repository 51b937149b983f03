"""The method `s3prl-finetune` on tiny upstreams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from baselines import fitting
from baselines.fitting import Indices, Problem
from baselines.s3prl import downstream, naming, waves
from baselines.s3prl.downstream import Drawn, load_upstream, make_head
from baselines.s3prl.finetune import S3prlFinetune
from baselines.s3prl.method import S3prlMethod
from baselines.s3prl.options import FinetuneOptions, S3prlOptions
from baselines.s3prl.recurrent_head import Size
from baselines.s3prl.tuned_model import TunedModel, Tuning
from baselines.s3prl.upstream import Upstream
from baselines.s3prl.waves import Waves
from bench.errors import UsageError
from bench.method import Job
from bench.progress import Progress
from bench.speech.encoder import save_encoder
from bench.speech.mfcc import MfccEncoder, MfccSettings
from tests.audio_folder import make_audio_folder
from tests.audio_job import audio_job
from tests.tiny_hubert import save_hugging_face_hubert, save_s3prl_hubert

SIZES = {"train": 12, "valid": 6, "test": 6}
MakeAudioJob = Callable[..., Job]


@pytest.fixture(scope="module")
def hubert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_hugging_face_hubert(tmp_path_factory.mktemp("models") / "tiny-hubert")


@pytest.fixture(autouse=True)
def quick_head(monkeypatch: pytest.MonkeyPatch) -> None:
    size = Size(proj=32, hidden=32, dropout=0.2, standardizes=False, samples_a_step=1)
    monkeypatch.setattr(downstream, "SMALL", size)


@pytest.fixture
def job(tmp_path: Path) -> MakeAudioJob:
    def make(upstream: str | Path, task: str = "ks", run: str = "run", **more: Any) -> Job:
        corpus = tmp_path / f"{task}-tones"
        if not corpus.is_dir():
            make_audio_folder(corpus, task, sizes=SIZES)
        return audio_job(corpus, task, tmp_path / run, upstream=str(upstream), **more)

    return make


def n_of(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def head_size(dim: int, n_labels: int, n_layers: int) -> int:
    return dim * 256 + 256 + 256 * n_labels + n_labels + (n_layers if n_layers > 1 else 0)


def test_what_is_counted_gets_a_gradient(job: MakeAudioJob, hubert: Path, tmp_path: Path) -> None:
    method = S3prlFinetune(job(hubert), FinetuneOptions())
    model: Any = method._work.module.upstream
    hf = model.upstream.model
    in_hf = n_of(hf) - hf.masked_spec_embed.numel()
    assert method.n_trainable == in_hf + head_size(16, 4, 3)
    assert method.describe().n_total == n_of(hf)
    assert method.n_trainable_paper is None
    lower = S3prlFinetune(job(hubert, run="lower"), FinetuneOptions(layers="1"))
    assert lower.n_trainable == in_hf - n_of(hf.encoder.layers[1]) + head_size(16, 4, 1)

    # s3prl lets no gradient into the convolutions of its own HuBERT.
    checkpoint = save_s3prl_hubert(tmp_path / "hubert.pt")
    own = S3prlFinetune(job("hubert", run="own", checkpoint=checkpoint), FinetuneOptions())
    model = own._work.module.upstream
    in_own = n_of(model.upstream.model.encoder) + n_of(model.upstream.model.post_extract_proj)
    in_own += n_of(model.upstream.model.layer_norm)
    assert own.n_trainable == in_own + head_size(16, 4, 3)

    mini = S3prlFinetune(job("mini", run="mini"), FinetuneOptions())
    model = mini._work.module.upstream
    in_mini = n_of(model.upstream.network) - n_of(model.upstream.network.cluster)
    assert mini.n_trainable == in_mini + head_size(256, 4, 6)
    assert mini.describe().n_total == n_of(model.upstream.network)

    for made in (method, lower, own, mini):
        module = made._work.module
        loss = sum_of_everything(module)
        torch.autograd.backward(loss)
        for name, parameter in module.named_parameters():
            assert (parameter.grad is not None) == parameter.requires_grad, name


def sum_of_everything(module: TunedModel) -> Tensor:
    answer: Tensor = module([torch.randn(6000, generator=torch.Generator().manual_seed(1))])
    return answer.sum()


@pytest.mark.parametrize("name", ["fbank", "fbank_no_cmvn", "mfcc"])
def test_an_upstream_without_weights_is_refused(job: MakeAudioJob, name: str) -> None:
    with pytest.raises(UsageError, match=rf"'{name}' has nothing to train[^\n]*\n.*--method s3prl"):
        S3prlFinetune(job(name), FinetuneOptions())


def test_so_is_the_encoder_of_mfcc(job: MakeAudioJob, tmp_path: Path) -> None:
    (tmp_path / "gslm").mkdir()
    save_encoder(tmp_path / "gslm", MfccEncoder(MfccSettings()))
    with pytest.raises(UsageError, match="'gslm' has nothing to train"):
        S3prlFinetune(job("mini", checkpoint=tmp_path / "gslm"), FinetuneOptions())


def test_untrained_it_reads_what_the_frozen_method_reads(job: MakeAudioJob, hubert: Path) -> None:
    tuned = S3prlFinetune(job(hubert), FinetuneOptions())
    frozen = S3prlMethod(job(hubert, run="frozen"), S3prlOptions())
    utterances = tuned._work._job.corpus.test
    ours, theirs = tuned.predict(utterances), frozen.predict(utterances)
    assert [p.symbols for p in ours] == [p.symbols for p in theirs]
    np.testing.assert_allclose([p.score for p in ours], [p.score for p in theirs], atol=1e-5)


@pytest.mark.parametrize(
    ("upstream", "task"),
    [("waves", "ks"), ("waves", "ic"), ("waves", "lid"), ("waves", "asr"), ("waves", "sf")],
)
def test_upstream_and_head_are_trained(job: MakeAudioJob, upstream: str, task: str) -> None:
    given = job(upstream, task)
    options = FinetuneOptions(
        lr=3e-3, upstream_lr=1e-3, max_epochs=25, batch_utterances=32, spec_augment=False
    )
    method = S3prlFinetune(given, options)
    before = {n: p.detach().clone() for n, p in method._work.module.named_parameters()}
    problem: Problem = method._work._task.prepare()
    everything = np.arange(SIZES["train"])

    def loss() -> float:
        method._work.module.eval()
        with torch.no_grad():
            return float(problem.loss(method._work.module, problem.read(everything), 0))

    untrained = loss()
    record = method.train()
    assert record.steps == 25
    moved = {
        name: float((p.detach() - before[name]).abs().max())
        for name, p in method._work.module.named_parameters()
    }
    assert min(moved.values()) > 1e-4, moved
    assert loss() < 0.9 * untrained
    assert method.save() == (given.folder / "model.safetensors").stat().st_size
    stored = load_file(given.folder / "model.safetensors")
    assert sum(t.numel() for t in stored.values()) == method.n_trainable
    assert any(name.startswith("upstream.") for name in stored)


def test_the_embedded_encoder_is_trained(job: MakeAudioJob) -> None:
    given = job("mini")
    method = S3prlFinetune(given, FinetuneOptions(max_epochs=6, batch_utterances=6))
    model: Any = method._work.module.upstream
    before = [p.detach().clone() for p in model.upstream.network.blocks.parameters()]
    fingerprint = method.describe().fingerprint
    assert fingerprint == Upstream("mini").fingerprint
    method.train()
    after = model.upstream.network.blocks.parameters()
    moved = [float((a.detach() - b).abs().max()) for a, b in zip(after, before, strict=True)]
    assert min(moved) > 1e-5
    assert method.describe().fingerprint == fingerprint, "what training started from"
    right = [
        p.symbols == u.symbols
        for p, u in zip(method.predict(given.corpus.test), given.corpus.test, strict=True)
    ]
    assert sum(right) >= 5


def test_every_trial_begins_with_the_upstreams_own_weights(job: MakeAudioJob, hubert: Path) -> None:
    """Each of two rates as good as alone."""
    both = S3prlFinetune(job(hubert), FinetuneOptions(search="lr=1e-5,1e-2", max_epochs=4))
    record = both.train()
    for rate, trial in zip((1e-5, 1e-2), record.search, strict=True):
        alone = S3prlFinetune(job(hubert, run=f"{rate}"), FinetuneOptions(lr=rate, max_epochs=4))
        assert alone.train().search == [trial]


class KilledError(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize(("task", "stops_at"), [("ks", 3), ("ks", 11), ("asr", 11)])
def test_a_killed_training_ends_as_an_undisturbed_one(
    job: MakeAudioJob, hubert: Path, monkeypatch: pytest.MonkeyPatch, task: str, stops_at: int
) -> None:
    monkeypatch.setattr(fitting, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(fitting, "SAVING_SHARE", float("inf"))
    monkeypatch.setattr(fitting, "MIN_STEPS_A_ROUND", 2)
    options = FinetuneOptions(
        search="lr=1e-2,1e-3", upstream_lr=1e-3, max_epochs=4, batch_utterances=6
    )
    whole = job(hubert, task, "whole")
    undisturbed = S3prlFinetune(whole, options)
    record = undisturbed.train()
    assert record.steps == 16
    undisturbed.save()

    loss, n_losses = Drawn.loss, 0

    def killing(self: Drawn, module: nn.Module, batch: Indices, step: int) -> Tensor:
        nonlocal n_losses
        if n_losses == stops_at:
            raise KilledError
        n_losses += 1
        return loss(self, module, batch, step)

    killed = replace(job(hubert, task, "killed"), resume=True)
    with monkeypatch.context() as patch:
        patch.setattr(Drawn, "loss", killing)
        with pytest.raises(KilledError):
            S3prlFinetune(killed, options).train()
    resumed = S3prlFinetune(killed, options)
    assert resumed.train() == record
    resumed.save()
    for name in ("train.jsonl", "model.safetensors"):
        assert (killed.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    test = whole.corpus.test
    assert resumed.predict(test) == undisturbed.predict(test)


class Normed(nn.Module):
    """An upstream with a batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 6, 400, stride=320)
        self.norm = nn.BatchNorm1d(6)
        self.dropout = nn.Dropout(0.5)

    def get_downsample_rates(self, key: str) -> int:
        return 320

    def forward(self, wavs: list[Tensor]) -> dict[str, list[Tensor]]:
        padded = nn.utils.rnn.pad_sequence(list(wavs), batch_first=True)
        found = self.dropout(self.norm(self.conv(padded[:, None])))
        return {"hidden_states": [found.transpose(1, 2)]}


def test_batch_norms_keep_their_statistics(
    job: MakeAudioJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(naming.OWN._entries, "normed", Normed)
    method = S3prlFinetune(job("normed"), FinetuneOptions(max_epochs=2))
    expert: Any = method._work.module.upstream
    before = {name: b.clone() for name, b in expert.named_buffers()}
    assert len(before) == 3
    first = expert.upstream.norm.weight.detach().clone()
    method.train()
    assert not torch.equal(expert.upstream.norm.weight, first)
    assert all(torch.equal(b, before[name]) for name, b in expert.named_buffers())
    method._work.module.train()
    assert expert.upstream.dropout.training


def test_in_training_the_neighbours_of_a_clip_do_not_matter(
    job: MakeAudioJob, hubert: Path
) -> None:
    given = job(hubert)
    upstream = load_upstream(given, FinetuneOptions(), frozen=False)
    model = Tuning(upstream, partial(make_head, given, upstream, FinetuneOptions())).start()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    for layer in upstream.module.upstream.model.encoder.layers:
        layer.attention.dropout = 0.0
    model.train()
    clips = [torch.randn(n, generator=torch.Generator().manual_seed(n)) for n in (2000, 5000, 900)]
    together = model(clips)
    for clip, row in zip(clips, together, strict=True):
        assert torch.allclose(model([clip])[0], row, atol=1e-5)


def test_waves_are_scaled_and_batches_hold_so_many_seconds(
    job: MakeAudioJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = job("waves")
    plain, less = (
        Waves(given.corpus.train, gain_db=gain, progress=Progress(quiet=True))
        for gain in (0.0, -20.0)
    )
    (clips,), (quiet,) = plain.take(np.array([3, 1])), less.take(np.array([3, 1]))
    assert [len(clip) for clip in clips] == plain.sizes[[3, 1]].tolist()
    for clip, other in zip(clips, quiet, strict=True):
        assert torch.allclose(clip / 10, other)
    monkeypatch.setattr(Waves, "limit", 20_000)
    for task in ("ks", "asr"):
        method = S3prlFinetune(job("waves", task, run=f"run-{task}"), FinetuneOptions())
        problem = method._work._task.prepare()
        batches = problem.batches(0)
        sizes = problem.train.sizes
        assert sorted(np.concatenate(batches).tolist()) == list(range(SIZES["train"]))
        assert max(int(sizes[batch].sum()) for batch in batches) <= 20_000
        assert len(batches) < SIZES["train"]
    assert waves.STEP_S * 16_000 > 20_000
