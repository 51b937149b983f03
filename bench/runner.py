"""One run: request -> corpus -> method -> predictions -> scores -> record.

The order of events is the same for every method: load everything and check that it fits, train
(selecting on validation), save, predict the test set once, write the predictions, score them,
write the record. Whatever ends the run early is written into the record too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import yaml

from bench import environment
from bench.attempts import Attempt, next_attempt, now
from bench.config import RunRequest, frozen_models, method_options
from bench.errors import BenchError, MissingError, RunFailedError, StorageError
from bench.files import write_atomic
from bench.gslm.registry import EMBEDDED, chosen_gslm
from bench.interruption import interruptible, uninterruptible
from bench.memory import ran_out_of_memory
from bench.method import Job, Method, Prediction
from bench.methods import METHODS, MethodEntry
from bench.progress import Progress
from bench.records import (
    CorpusRecord,
    CostRecord,
    MethodRecord,
    ModelRecord,
    Record,
    Score,
    Skipped,
    TaskRecord,
    TrainRecord,
)
from bench.run_folder import Identity, RunFolder
from bench.speech.damaged import without_damage
from bench.speech.units import holds_audio_only, with_units
from tasks.corpora.opening import open_corpus
from tasks.corpora.subset import shots, subset
from tasks.labels import Labels
from tasks.metrics.confusion import confusion
from tasks.metrics.per_utterance import utterance_statistics
from tasks.metrics.scoring import score
from tasks.registry import TASKS

if TYPE_CHECKING:
    from tasks.corpora.corpus import Corpus
    from tasks.corpora.utterance import Utterance
    from tasks.spec import TaskSpec

INTERVAL_SEED = 0
"""Of the bootstrap: the same for every run, so that an interval depends on predictions alone."""

SUBSET_SEED = 0
"""Of `--subset`: the same for every run, so that runs with different seeds compare."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The record of a run and where it lies.

    Attributes:
        fresh: False if the run was finished before and nothing was run.
    """

    folder: Path
    record: Record
    fresh: bool


class Observer(Protocol):
    """Sees the method at two moments of a run; must not change it."""

    def loaded(self, method: Method) -> None:
        """The method is ready; nothing was trained yet."""
        ...

    def answered(self, method: Method, test: Sequence[Utterance]) -> None:
        """The test set was answered and scored."""
        ...


def run(request: RunRequest, progress: Progress, observer: Observer | None = None) -> Outcome:
    """Runs a request, or returns the record of the same run finished before.

    An unfinished run (killed, failed, interrupted) goes on from its checkpoint.

    Args:
        request: what to run.
        progress: shows bars and lines.
        observer: sees the method of a run that is not finished yet.

    Raises:
        BenchError: if the request is wrong, something it needs is missing, or the run fails.
            From the moment the run folder is there, a record with the error is written first.
        KeyboardInterrupt: after the record of the interrupted run was written.
    """
    with interruptible():
        return _run(request, progress, observer)


def _run(request: RunRequest, progress: Progress, observer: Observer | None) -> Outcome:
    started = time.perf_counter()
    task = TASKS.get(request.task)
    entry = METHODS.get(request.method)
    gslm, upstream = frozen_models(request, entry)
    environment.check_device(request.device)
    kind = entry.load()
    options = method_options(request.method, kind.Options, request.options)
    _use_threads(request.threads)
    corpus = _corpus(request, task, entry, gslm, progress)
    corpus.labels_check()
    job = Job(
        task=task,
        corpus=corpus,
        labels=Labels.from_training(task, corpus.train),
        seed=request.seed,
        folder=request.out / "unnamed",
        resume=not request.overwrite,
        progress=progress,
        device=request.device,
        precision=request.precision,
        gslm=gslm,
        upstream=upstream,
        upstream_ckpt=request.upstream_ckpt,
    )
    method = kind(job, options)
    described = method.describe()
    identity = Identity(
        task=task.name,
        task_version=task.version,
        method=request.method,
        corpus=corpus.name,
        corpus_fingerprint=corpus.fingerprint,
        model=described.name,
        model_fingerprint=described.fingerprint,
        options=method.options.model_dump(mode="json"),
        seed=request.seed,
        device=request.device,
        precision=request.precision,
    )
    folder = RunFolder(request.out / identity.folder_name())
    job.folder = folder.path
    if not request.overwrite and (record := folder.finished()) is not None:
        return Outcome(folder=folder.path, record=record, fresh=False)
    if request.resume and not folder.started():
        raise MissingError(
            "there is no such run to continue",
            where=str(folder.path),
            hint="check the options against its config.yaml, or leave --resume out",
        )
    with folder.held():
        if request.overwrite:
            folder.clear()
        elif (record := folder.finished()) is not None:
            return Outcome(folder=folder.path, record=record, fresh=False)
        attempt = next_attempt(folder)
        if folder.started():
            progress.line(f"continuing {folder.path} (--overwrite starts anew)")
        folder.prepare(_resolved(request, identity, gslm, upstream))
        progress.log = folder.log
        work = _Work(
            folder=folder,
            job=job,
            method=method,
            identity=identity,
            attempt=attempt,
            started=started,
            observer=observer,
        )
        return Outcome(folder=folder.path, record=work.finish(), fresh=True)


@dataclass(kw_only=True)
class _Work:
    """The part of a run that happens in its folder, and what is known of it so far."""

    folder: RunFolder
    job: Job
    method: Method
    identity: Identity
    attempt: Attempt
    started: float
    observer: Observer | None
    known: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    stage: str = "preparation"

    def finish(self) -> Record:
        """Trains, saves, predicts, scores; writes the record however that ends."""
        try:
            self._do()
        except KeyboardInterrupt as stop:
            signal_name = getattr(stop, "signal_name", "SIGINT")
            self._write("interrupted", f"{signal_name} during {self.stage}")
            raise
        except BenchError as error:
            self._write("failed", str(error))
            raise
        except Exception as error:
            if ran_out_of_memory(error):
                text = f"out of memory during {self.stage}"
                self._write("failed", text)
                hint = "a smaller --batch-tokens or --precision bf16 needs less"
                raise RunFailedError(text, hint=hint) from error
            self._write("failed", f"{type(error).__name__} during {self.stage}: {error}")
            raise
        return self._write("ok", None)

    def _do(self) -> None:
        if self.observer is not None:
            self.observer.loaded(self.method)
        prepared = time.perf_counter() - self.started
        self.attempt = self.attempt.training(prepared)
        self.attempt.write(self.folder)
        with self._timed("training"):
            self.known["train"] = self.method.train()
        with self._timed("saving"):
            self.known["stored_bytes"] = self.method.save()
        test = self.job.corpus.test
        with self._timed("evaluation"):
            predictions = self.method.predict(test)
        if len(predictions) != len(test):
            raise RunFailedError(
                f"method {self.identity.method!r} gave {len(predictions)} answers "
                f"to {len(test)} utterances"
            )
        with self._timed("scoring"):
            task = self.job.task
            write_atomic(self.folder.predictions, prediction_lines(task, test, predictions))
            references = [utterance.symbols for utterance in test]
            hypotheses = [prediction.symbols for prediction in predictions]
            if not task.is_sequence:
                write_atomic(
                    self.folder.path / "confusion.json",
                    confusion_lines(task, references, hypotheses),
                )
            speakers = [utterance.speaker for utterance in test]
            statistics = utterance_statistics(
                task, [utterance.id for utterance in test], references, hypotheses, speakers
            )
            write_atomic(self.folder.statistics, statistics.to_json())
            self.known["scores"] = score(task, references, hypotheses, speakers, INTERVAL_SEED)
        if self.observer is not None:
            self.observer.answered(self.method, test)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        self.stage = stage
        since = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = time.perf_counter() - since

    def _write(self, status: str, error: str | None) -> Record:
        with uninterruptible():
            record = self._record(status, error)
            try:
                self.folder.write_record(record)
            except StorageError:
                if status == "ok":
                    raise
            return record

    def _record(self, status: str, error: str | None) -> Record:
        job, described = self.job, self.method.describe()
        train: TrainRecord | None = self.known.get("train")
        scores: dict[str, Score] = self.known.get("scores", {})
        counts = self.method if train is not None else None
        return Record.model_validate(
            {
                "status": status,
                "started": self.attempt.first_started,
                "ended": now(),
                "task": TaskRecord(name=job.task.name, version=job.task.version),
                "corpus": _corpus_record(job.corpus),
                "method": MethodRecord(name=self.identity.method, options=self.identity.options),
                "model": ModelRecord(
                    name=described.name,
                    fingerprint=described.fingerprint,
                    n_total=described.n_total,
                    precision=described.precision,
                ),
                "n_trainable": counts and counts.n_trainable,
                "n_trainable_paper": counts and counts.n_trainable_paper,
                "stored_bytes": self.known.get("stored_bytes"),
                "seed": job.seed,
                "primary": job.task.primary,
                "scores": scores,
                "train": train,
                "cost": self._cost(),
                "versions": environment.versions(),
                "error": error,
            }
        )

    def _cost(self) -> CostRecord:
        eval_s = self.seconds.get("evaluation", 0.0)
        answered = len(self.job.corpus.test) if "scores" in self.known else 0
        return CostRecord(
            prepare_s=self.attempt.prepare_s,
            train_s=self.attempt.train_s + self.seconds.get("training", 0.0),
            eval_s=eval_s,
            utt_per_s=answered / eval_s if eval_s > 0 else 0.0,
            peak_rss_bytes=environment.peak_rss_bytes(),
            device=self._device(),
            threads=environment.threads(),
        )

    def _device(self) -> str:
        if self.job.device == "cpu":
            return environment.cpu_name()
        import torch

        return str(torch.cuda.get_device_name(self.job.device))


def prediction_lines(
    task: TaskSpec, utterances: Sequence[Utterance], predictions: Sequence[Prediction]
) -> str:
    """The content of `predictions.jsonl`: id, reference, hypothesis, score, and where it sounds."""
    return "".join(
        json.dumps(
            {
                "id": utterance.id,
                "reference": task.text_of(utterance.symbols),
                "hypothesis": task.text_of(prediction.symbols),
                "score": prediction.score,
                **_sound(utterance),
            },
            ensure_ascii=False,
        )
        + "\n"
        for utterance, prediction in zip(utterances, predictions, strict=True)
    )


def _sound(utterance: Utterance) -> dict[str, str | float]:
    if utterance.audio is None:
        return {}
    place = {"start_s": utterance.start_s, "end_s": utterance.end_s}
    return {
        "audio": str(utterance.audio.absolute()),
        **{name: at for name, at in place.items() if at is not None},
    }


def confusion_lines(
    task: TaskSpec,
    references: Sequence[tuple[str, ...]],
    hypotheses: Sequence[tuple[str, ...]],
) -> str:
    """The content of `confusion.json`: a list of the cells that are not zero, one a line."""
    rows = [
        json.dumps(row._asdict(), ensure_ascii=False)
        for row in confusion(task, references, hypotheses)
    ]
    return "[\n" + ",\n".join(rows) + "\n]\n"


def _corpus(
    request: RunRequest, task: TaskSpec, entry: MethodEntry, gslm: str | None, progress: Progress
) -> Corpus:
    # Looked up first: a wrong name must not wait for a corpus to be generated.
    folder = chosen_gslm(gslm or EMBEDDED).folder
    corpus = open_corpus(request.corpus, task, root=request.root, progress=progress)
    corpus = without_damage(corpus, progress)
    if entry.units and holds_audio_only(corpus):
        from bench.gslm.speech import extractor_of  # imports torch, which others do without

        # All of it before any subset, so that every subset and seed finds it in the cache.
        extractor = extractor_of(folder)
        corpus = with_units(corpus, extractor, progress)
    if request.shots is not None:
        corpus = shots(corpus, request.shots, request.seed)
        corpus.notes["shots"] = request.shots
    if request.subset is not None:
        corpus = subset(corpus, request.subset, SUBSET_SEED)
        corpus.notes["subset"] = request.subset
    return corpus


def _corpus_record(corpus: Corpus) -> CorpusRecord:
    data = corpus.data_fingerprint
    return CorpusRecord(
        name=corpus.name,
        fingerprint=corpus.fingerprint,
        data=None if data == corpus.fingerprint else data,
        n={"train": len(corpus.train), "valid": len(corpus.valid), "test": len(corpus.test)},
        skipped=[Skipped(id=name, reason=reason) for name, reason in corpus.skipped],
        notes=dict(sorted(corpus.notes.items())),
    )


def _use_threads(threads: int | None) -> None:
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


def _resolved(
    request: RunRequest, identity: Identity, gslm: str | None, upstream: str | None
) -> str:
    settled = request.model_dump(mode="json", exclude={"resume", "overwrite", "out", "options"})
    settled |= {"gslm": gslm, "upstream": upstream, "options": identity.options}
    settled = {key: value for key, value in settled.items() if value is not None}
    head = (
        f"# What this run was asked to do, resolved. Corpus {identity.corpus_fingerprint[:16]}, "
        f"model {identity.model_fingerprint[:16]}.\n"
    )
    return head + yaml.safe_dump(settled, sort_keys=False, allow_unicode=True)
