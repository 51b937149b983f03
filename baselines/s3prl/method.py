"""The method `s3prl`: SUPERB's downstream model on a frozen s3prl upstream.

Source: SUPERB (Yang et al. 2021); recipes as in s3prl 0.4.18 (see docs/deviations.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import torch
from pydantic import BaseModel
from safetensors.torch import save

from baselines.fitting import Fitting, Plan
from baselines.option_text import layer_list, rates, search_text
from baselines.s3prl.ctc_decoding import BeamSettings, Decoder, beam_decoder, greedy
from baselines.s3prl.ctc_model import HEADS, HeadName
from baselines.s3prl.extraction import check_audio_is_there
from baselines.s3prl.frame_features import Budget
from baselines.s3prl.label_task import LabelTask
from baselines.s3prl.options import S3prlOptions
from baselines.s3prl.recipes import RECIPES, Recipe
from baselines.s3prl.sequence_task import SequenceTask
from baselines.s3prl.upstream import Upstream
from bench.errors import UsageError
from bench.files import write_atomic
from bench.gslm.precision import fast_in_bf16
from bench.memory import keep_freed_memory
from bench.method import Job, ModelDescription, Prediction
from bench.records import TrainRecord
from tasks.corpora.utterance import Utterance


class S3prlMethod:
    """A downstream model on a frozen upstream.

    Raises:
        UsageError: if the options do not go together or the upstream lacks a layer.
        MissingError: if weights or audio are absent.
        CheckpointError: if the upstream's weights are not what its name says.
        DataError: if an utterance has no audio.
    """

    Options = S3prlOptions

    def __init__(self, job: Job, options: BaseModel) -> None:
        if not isinstance(options, S3prlOptions):
            raise TypeError(f"options of another method: {type(options).__name__}")
        if job.task.name not in RECIPES:
            raise UsageError(
                f"method 's3prl' has no recipe for task {job.task.name!r}",
                hint=f"it solves {', '.join(RECIPES)}",
            )
        self._job, self._recipe = job, RECIPES[job.task.name]
        self._rates, self.options = _settled(job, self._recipe, options)
        for split in (job.corpus.train, job.corpus.valid, job.corpus.test):
            check_audio_is_there(split)
        keep_freed_memory()
        assert job.upstream is not None
        device = torch.device(job.device)
        self._upstream = Upstream(
            job.upstream,
            job.upstream_ckpt,
            layers=layer_list(options.layers),
            normalize=options.normalize_layers,
            precision=job.precision,
            auto_is_bf16=fast_in_bf16(device),
            device=device,
        )
        self._work = self._task()

    def _task(self) -> LabelTask | SequenceTask:
        job, options = self._job, self.options
        if not job.task.is_sequence:
            return LabelTask(
                job,
                self._upstream,
                gain_db=self._recipe.gain_db,
                batch_utterances=options.batch_utterances,
            )
        assert options.head is not None
        decoder: Decoder = greedy
        if options.ctc_beam > 1:
            settings = BeamSettings(
                beam=options.ctc_beam,
                kenlm=options.kenlm,
                lm_weight=options.lm_weight,
                word_score=options.word_score,
            )
            decoder = beam_decoder(settings, job.labels, (u.symbols for u in job.corpus.train))
        return SequenceTask(
            job,
            self._upstream,
            size=HEADS[options.head],
            spec_augment=options.spec_augment,
            gain_db=self._recipe.gain_db,
            batch_utterances=options.batch_utterances,
            budget=Budget(options.feature_cache),
            decoder=decoder,
        )

    @property
    def n_trainable(self) -> int:
        """Head and layer weights."""
        return sum(p.numel() for p in self._work.module.parameters())

    @property
    def n_trainable_paper(self) -> int | None:
        """The head alone, as in the papers' 0.2M."""
        return self._work.module.n_head_parameters

    def describe(self) -> ModelDescription:
        """The frozen upstream."""
        return ModelDescription(
            self._upstream.name, self._upstream.fingerprint, self._upstream.n_total
        )

    def frozen_tensors(self) -> Mapping[str, torch.Tensor]:
        """The upstream's weights; none for `fbank` and its like."""
        weights: Mapping[str, torch.Tensor] = self._upstream.module.state_dict()
        return weights

    def train(self) -> TrainRecord:
        """Computes features once, then trains every trial of the search on them."""
        job, options = self._job, self.options
        fitting = Fitting(
            self._work.prepare(),
            Plan(
                rates=self._rates,
                max_epochs=options.max_epochs or self._recipe.max_epochs,
                max_minutes=options.max_minutes,
                patience=options.patience,
                clip_norm=self._recipe.clip_norm,
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
        self._work.module.to(job.device).load_state_dict(fitting.best)
        self._work.module.eval()
        return record

    def predict(self, utterances: Sequence[Utterance]) -> list[Prediction]:
        """Answers of the best trial's best round."""
        return self._work.predict(utterances)

    def save(self) -> int:
        """Writes `model.safetensors`: head and layer weights."""
        tensors = {
            n: t.detach().cpu().contiguous() for n, t in self._work.module.named_parameters()
        }
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


def _settled(
    job: Job, recipe: Recipe, options: S3prlOptions
) -> tuple[tuple[float, ...], S3prlOptions]:
    """The learning rates to try, and the options with what was left open filled in."""
    head: HeadName = options.head or "superb"
    if not job.task.is_sequence:
        if options.head == "small" or options.ctc_beam > 1 or options.kenlm is not None:
            raise UsageError(
                f"--head small, --ctc-beam and --kenlm are for asr and sf, not {job.task.name}"
            )
    else:
        head = options.head or ("small" if job.device == "cpu" else "superb")
        Budget(options.feature_cache)
        if options.kenlm is not None and options.ctc_beam == 1:
            raise UsageError("--kenlm needs a beam", hint="e.g. --ctc-beam 50")
    default = recipe.search
    if head == "small" and recipe.search_small is not None:
        default = recipe.search_small
    tried = rates(options.lr, options.search, default)
    settled: dict[str, object] = {
        "head": head,
        "max_epochs": options.max_epochs or recipe.max_epochs,
    }
    if options.lr is None:
        settled["search"] = search_text(tried)
    return tried, options.model_copy(update=settled)
