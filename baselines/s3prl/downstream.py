"""What the methods on s3prl's upstreams share: upstream and head, training, answers, weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import torch
from safetensors.torch import save
from torch import Tensor, nn

from baselines.fitting import Fitting, Plan, Problem
from baselines.inputs import Read
from baselines.option_text import layer_list
from baselines.s3prl.containment import seeded
from baselines.s3prl.ctc_decoding import BeamSettings, Decoder, beam_decoder, greedy
from baselines.s3prl.ctc_model import CtcModel
from baselines.s3prl.label_task import LabelTask
from baselines.s3prl.options import DownstreamOptions
from baselines.s3prl.pooled_classifier import PooledClassifier
from baselines.s3prl.recipes import Recipe
from baselines.s3prl.recurrent_head import SMALL, SUPERB, RecurrentClassifier
from baselines.s3prl.sequence_task import SequenceTask
from baselines.s3prl.tuned_model import Head
from baselines.s3prl.upstream import Upstream
from bench import random
from bench.files import write_atomic
from bench.gslm.precision import fast_in_bf16
from bench.memory import keep_freed_memory
from bench.method import Job, ModelDescription, Prediction
from bench.records import Precision, TrainRecord
from bench.speech.damaged import check_audio_is_there
from tasks.corpora.utterance import Utterance


def load_upstream(job: Job, options: DownstreamOptions, *, frozen: bool = True) -> Upstream:
    """The upstream that a run asks for, once all of its audio is known to be there.

    Args:
        job: the run's.
        options: which layers.
        frozen: see `Upstream`.

    Raises:
        UsageError: if the upstream lacks a layer.
        MissingError: if weights or audio are absent.
        CheckpointError: if the upstream's weights are not what its name says.
        DataError: if an utterance has no audio.
    """
    for split in (job.corpus.train, job.corpus.valid, job.corpus.test):
        check_audio_is_there(split)
    keep_freed_memory()
    assert job.upstream is not None
    device = torch.device(job.device)
    return Upstream(
        job.upstream,
        job.upstream_ckpt,
        layers=layer_list(options.layers),
        normalize=options.normalize_layers,
        precision=job.precision,
        auto_is_bf16=fast_in_bf16(device),
        device=device,
        frozen=frozen,
    )


def make_head(job: Job, upstream: Upstream, options: DownstreamOptions) -> Head:
    """What a task is read with, with the seed's first weights.

    Args:
        job: the run's.
        upstream: what it reads.
        options: settled.
    """
    shape = upstream.n_layers, upstream.dim, upstream.stride
    masks, labels = options.spec_augment, job.labels
    with seeded(random.derive(job.seed, "start")):
        if job.task.is_sequence:
            size = SUPERB if options.head == "superb" else SMALL
            return CtcModel(*shape, labels.n, size, spec_augment=masks)
        if options.head == "recurrent":
            return RecurrentClassifier(*shape, labels.n, SMALL, spec_augment=masks)
        return PooledClassifier(*shape, labels)


Module = TypeVar("Module", bound=nn.Module)


class Downstream(Generic[Module]):
    """The downstream model of a run.

    Args:
        job: the run's.
        upstream: what the model stands on.
        recipe: of the task.
        options: settled.
        start: gives what is trained with its first weights: a head, or a head and the upstream.
        read: reads a split as that is called with it.

    Attributes:
        module: what is trained.
    """

    def __init__(
        self,
        job: Job,
        upstream: Upstream,
        recipe: Recipe,
        options: DownstreamOptions,
        start: Callable[[], Module],
        read: Read,
    ) -> None:
        self._job, self._upstream, self._recipe, self._options = job, upstream, recipe, options
        size = options.batch_utterances
        assert size is not None  # settled
        self._task: LabelTask | SequenceTask
        if job.task.is_sequence:
            decoder = _decoder(job, options)
            self._task = SequenceTask(job, start, read, batch_utterances=size, decoder=decoder)
        else:
            self._task = LabelTask(job, start, read, batch_utterances=size)
        self.module = start()

    @property
    def n_trainable(self) -> int:
        """Parameters that get a gradient."""
        return sum(p.numel() for p in self.module.parameters() if p.requires_grad)

    def describe(self) -> ModelDescription:
        """The upstream as it was loaded."""
        upstream = self._upstream
        precision: Precision = "bf16" if upstream.bf16 else "fp32"
        return ModelDescription(upstream.name, upstream.fingerprint, upstream.n_total, precision)

    def train(self, rates: tuple[float, ...], fixed_rates: Mapping[str, float]) -> TrainRecord:
        """Trains every trial of the search; the validation set's primary metric selects.

        Args:
            rates: learning rates to try.
            fixed_rates: see `Plan`.
        """
        job, options = self._job, self._options
        assert options.max_epochs is not None  # settled
        problem: Problem = self._task.prepare()
        if not isinstance(self.module, PooledClassifier):  # which draws nothing
            problem = Drawn(problem, job.seed)
        fitting = Fitting(
            problem,
            Plan(
                rates=rates,
                max_epochs=options.max_epochs,
                max_minutes=options.max_minutes,
                patience=options.patience,
                clip_norm=self._recipe.clip_norm,
                fixed_rates=fixed_rates,
            ),
            job,
            {
                "options": options.model_dump(mode="json"),
                "corpus": job.corpus.fingerprint,
                "upstream": self._upstream.fingerprint,
                "seed": job.seed,
            },
        )
        record = fitting.run()
        trained = self._trained()
        with torch.no_grad():
            for name, tensor in fitting.best.items():
                trained[name].copy_(tensor)
        self.module.to(job.device).eval()
        return record

    def predict(self, utterances: Sequence[Utterance]) -> list[Prediction]:
        """Answers of the best trial's best round."""
        return self._task.predict(self.module, utterances)

    def save(self) -> int:
        """Writes `model.safetensors`: everything that was trained."""
        tensors = {n: t.detach().cpu().contiguous() for n, t in self._trained().items()}
        about = {
            "labels": self._job.labels.groups,
            "upstream": self._upstream.name,
            "fingerprint": self._upstream.fingerprint,
            "layers": self._upstream.layers,
            "task": self._job.task.name,
        }
        content = save(tensors, {"about": json.dumps(about)})
        write_atomic(self._job.folder / "model.safetensors", content)
        return len(content)

    def _trained(self) -> dict[str, nn.Parameter]:
        return {n: p for n, p in self.module.named_parameters() if p.requires_grad}


class Drawn:
    """A problem whose dropout and masks are drawn from the seed and the step.

    Args:
        problem: draws from the global generators.
        seed: the run's.
    """

    def __init__(self, problem: Problem, seed: int) -> None:
        self._problem, self._seed = problem, seed
        self.start, self.batches, self.read = problem.start, problem.batches, problem.read
        self.answer_valid = problem.answer_valid

    def loss(self, module: nn.Module, read: Any, step: int) -> Tensor:
        """See `Problem.loss`."""
        with seeded(random.derive(self._seed, "step", step)):
            return self._problem.loss(module, read, step)


def _decoder(job: Job, options: DownstreamOptions) -> Decoder:
    if options.ctc_beam == 1:
        return greedy
    settings = BeamSettings(
        beam=options.ctc_beam,
        kenlm=options.kenlm,
        lm_weight=options.lm_weight,
        word_score=options.word_score,
    )
    return beam_decoder(settings, job.labels, (u.symbols for u in job.corpus.train))
