"""Training upstream and head together against s3prl's own model of both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines import fitting
from baselines.fitting import Fitting
from baselines.label_softmax import LabelSoftmax
from baselines.s3prl.containment import contained, seeded, silenced
from baselines.s3prl.ctc_model import CtcModel, ctc_loss
from baselines.s3prl.downstream import Drawn
from baselines.s3prl.finetune import S3prlFinetune
from baselines.s3prl.options import FinetuneOptions
from baselines.s3prl.pooled_classifier import PooledClassifier
from baselines.s3prl.recurrent_head import Size
from baselines.s3prl.tuned_model import TunedModel, Tuning
from baselines.s3prl.upstream import Upstream
from bench import random
from tasks.labels import Labels
from tests.audio_folder import make_audio_folder
from tests.audio_job import audio_job
from tests.tiny_hubert import save_hugging_face_hubert, save_s3prl_hubert

with silenced():
    from s3prl.nn import Featurizer, MeanPoolingLinear, RNNEncoder
    from s3prl.nn.specaug import ModelWithSpecaug
    from s3prl.nn.upstream import UpstreamDownstreamModel

N_SAMPLES = 8000
LABELS = Labels(groups=(tuple("abc"), tuple("de")), counts=((1,) * 3, (1,) * 2))
SIZE = Size(proj=12, hidden=10, dropout=0.2, standardizes=False, samples_a_step=1)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, Path | None]]:
    """Name and checkpoint of upstreams: transformers' HuBERT, s3prl's, and the embedded encoder."""
    folder = tmp_path_factory.mktemp("models")
    return {
        "hf": ("hf_hubert_custom", save_hugging_face_hubert(folder / "tiny-hubert")),
        "s3prl": ("hubert_local", save_s3prl_hubert(folder / "hubert.pt")),
        "mini": ("mini", None),
    }


def waves(*lengths: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [0.1 * torch.randn(n, generator=generator) for n in lengths]


def head_of(kind: str, upstream: Any) -> PooledClassifier | CtcModel:
    shape = upstream.n_layers, upstream.dim, upstream.stride
    with seeded(5):
        if kind == "labels":
            return PooledClassifier(*shape, LABELS)
        return CtcModel(*shape, LABELS.n, SIZE, spec_augment=True)


def pair(name: str, checkpoint: Path | None, kind: str) -> tuple[TunedModel, Any]:
    """Ours and s3prl's model of upstream and head, with the same weights."""
    upstream = Upstream(name, checkpoint, frozen=False)
    ours = Tuning(upstream, partial(head_of, kind, upstream)).start()
    theirs = their_model(Upstream(name, checkpoint, frozen=False).module, kind, LABELS.n)
    for a, b in zip(ours.head.parameters(), head_parameters(theirs), strict=True):
        b.data.copy_(a)
    if "weights" in dict(ours.head.featurizer.named_parameters()):
        for model in (ours.head, theirs):
            weights = model.featurizer.get_parameter("weights")
            weights.data.copy_(torch.linspace(-1, 1, len(weights)))
    return ours, theirs


def their_model(upstream: nn.Module, kind: str, n_labels: int, size: Size = SIZE) -> Any:
    upstream.requires_grad_(True)
    with contained():
        featurizer = Featurizer(upstream)
        dim = featurizer.output_size
        if kind == "labels":
            head = MeanPoolingLinear(dim, n_labels, hidden_size=256)
        else:
            encoder = RNNEncoder(
                dim,
                n_labels + 1,
                module="LSTM",
                proj_size=size.proj,
                hidden_size=[size.hidden] * 2,
                dropout=[size.dropout] * 2,
                layer_norm=[False] * 2,
                proj=[False] * 2,
                sample_rate=[1, 1],
                sample_style="concat",
                bidirectional=True,
            )
            head = ModelWithSpecaug(
                encoder,
                freq_mask_width_range=(0, min(50, dim // 4)),
                num_freq_mask=4,
                time_mask_width_range=(0, 40),
                num_time_mask=2,
            )
    return UpstreamDownstreamModel(upstream, featurizer, head, upstream_trainable=True)


def head_parameters(theirs: Any) -> list[nn.Parameter]:
    return [*theirs.featurizer.parameters(), *theirs.downstream.parameters()]


def loss_of(kind: str, answer: Any) -> Tensor:
    """Of three clips."""
    if kind == "labels":
        return LabelSoftmax(LABELS).loss(answer, torch.tensor([[0, 3], [2, 4], [1, 3]]))
    logits, steps = answer
    return ctc_loss(logits.log_softmax(dim=-1), steps, [[0, 1], [2, 2, 3], [4]])


def gradients(loss: Tensor, module: nn.Module) -> dict[str, Tensor]:
    known = dict(module.named_parameters())
    trained = {name: p for name, p in known.items() if p.requires_grad}
    found = torch.autograd.grad(loss, list(trained.values()), allow_unused=True)
    return {name: g for name, g in zip(trained, found, strict=True) if g is not None}


def like_theirs(name: str) -> str:
    """Our name of a parameter -> s3prl's."""
    for ours, theirs in (
        ("head.featurizer.", "featurizer."),
        ("head.head.", "downstream."),
    ):
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    return name


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor], atol: float) -> None:
    mapped = {like_theirs(name): tensor for name, tensor in ours.items()}
    plain = {name.replace("downstream.model.", "downstream."): t for name, t in theirs.items()}
    assert mapped.keys() == plain.keys()
    for name, tensor in mapped.items():
        assert torch.allclose(tensor, plain[name], atol=atol, rtol=0), name


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", ["labels", "ctc"])
@pytest.mark.parametrize("model", ["hf", "s3prl", "mini"])
def test_gradients_of_a_batch(
    models: dict[str, tuple[str, Path | None]], model: str, kind: str, training: bool
) -> None:
    ours, theirs = pair(*models[model], kind)
    clips = waves(N_SAMPLES, N_SAMPLES, N_SAMPLES)
    lengths = torch.full((3,), N_SAMPLES)
    losses = []
    for module, given in ((ours, (clips,)), (theirs, (torch.stack(clips), lengths))):
        module.train(training)
        with seeded(7):
            losses.append(loss_of(kind, module(*given)))
    assert abs(float(losses[0].detach()) - float(losses[1].detach())) < 1e-5
    found = gradients(losses[0], ours)
    reached = [float(g.abs().max()) for name, g in found.items() if name.startswith("upstream.")]
    masked = training and kind == "ctc"  # perhaps every frame of so short a clip
    assert masked or max(reached) > 1e-3
    same(found, gradients(losses[1], theirs), 1e-5)


def test_clips_of_unequal_length_are_s3prls_clips_alone(
    models: dict[str, tuple[str, Path | None]],
) -> None:
    ours, theirs = pair(*models["hf"], "labels")
    clips = waves(9000, 5000, 7000)
    for module in (ours, theirs):
        module.eval()
    alone = [theirs(clip[None], torch.tensor([len(clip)])) for clip in clips]
    found = gradients(loss_of("labels", ours(clips)), ours)
    same(found, gradients(loss_of("labels", torch.cat(alone)), theirs), 1e-5)


def test_some_steps(
    models: dict[str, tuple[str, Path | None]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The method's training against a plain loop over s3prl's model, dropout and masks and all."""
    monkeypatch.setattr(fitting, "MIN_STEPS_A_ROUND", 1)
    sizes = {"train": 12, "valid": 2, "test": 2}
    corpus = make_audio_folder(tmp_path / "tones", "asr", sizes=sizes)  # clips of equal length
    name, checkpoint = models["hf"]
    job = audio_job(corpus, "asr", tmp_path / "run", upstream=name, checkpoint=checkpoint)
    monkeypatch.setattr("baselines.s3prl.downstream.SMALL", SIZE)
    options = FinetuneOptions(lr=1e-3, upstream_lr=5e-4, max_epochs=3, batch_utterances=4)
    method = S3prlFinetune(job, options)
    start = {name: p.detach().clone() for name, p in method._work.module.named_parameters()}
    theirs = their_model(Upstream(name, checkpoint, frozen=False).module, "ctc", job.labels.n)
    for a, b in zip(method._work.module.head.parameters(), head_parameters(theirs), strict=True):
        b.data.copy_(a)
    last: dict[str, Tensor] = {}
    note: Callable[..., None] = Fitting._note
    problems: list[Any] = []

    def noted(self: Fitting, trial: Any, score: float) -> None:
        note(self, trial, score)
        last.update({name: p.detach().clone() for name, p in trial.named.items()})
        problems.append(self.problem)

    monkeypatch.setattr(Fitting, "_note", noted)
    record = method.train()
    drawn = problems[-1]
    assert isinstance(drawn, Drawn)
    problem: Any = drawn._problem
    trained = {like_theirs(name) for name in last}
    known = {
        name: p
        for name, p in theirs.named_parameters()
        if name.replace("downstream.model.", "downstream.") in trained
    }
    of_upstream = [p for name, p in known.items() if name.startswith("upstream.")]
    others = [p for name, p in known.items() if not name.startswith("upstream.")]
    optimizer = torch.optim.Adam(
        [{"params": of_upstream, "lr": 5e-4}, {"params": others, "lr": 1e-3}]
    )
    theirs.train()
    step = 0
    for epoch in range(3):
        for batch in problem.batches(epoch):
            (clips,) = problem.train.take(batch)
            lengths = torch.tensor([len(clip) for clip in clips])
            with seeded(random.derive(job.seed, "step", step)):
                logits, steps = theirs(torch.stack(clips), lengths)
            labels = [problem.labels[i] for i in batch]
            optimizer.zero_grad()
            torch.autograd.backward(ctc_loss(logits.log_softmax(dim=-1), steps, labels))
            torch.nn.utils.clip_grad_norm_(known.values(), 1.0)
            optimizer.step()
            step += 1
    assert record.steps == step == 9
    ours = {name: t for name, t in last.items() if "k_proj.bias" not in name}
    # Attention ignores what all keys share: of their bias, rounding decides.
    expected = {name: p.detach() for name, p in known.items() if "k_proj.bias" not in name}
    same(ours, expected, 1e-5)
    for name in ("upstream.upstream.model.encoder.layers.1.feed_forward.output_dense.weight",):
        assert float((last[name] - start[name]).abs().max()) > 1e-3
