"""A corpus in figures: its card as `bench corpus` prints it."""

from __future__ import annotations

from collections.abc import Sequence

import soundfile
from pydantic import BaseModel, ConfigDict

from bench.errors import DataError
from tasks.corpora.corpus import SPLITS, Corpus, SplitName
from tasks.corpora.manifest import CARD, CorpusCard, read_card
from tasks.corpora.unknown_length import UNKNOWN, read_to_end
from tasks.corpora.utterance import Utterance


class SplitFigures(BaseModel):
    """One split in figures.

    Attributes:
        hours: of audio; None if the corpus holds units.
        speakers: None if they are not known.
        labels: different symbols of the answers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    utterances: int
    hours: float | None
    speakers: int | None
    labels: int


class CorpusFigures(BaseModel):
    """A corpus for one task in figures.

    Attributes:
        fingerprint: over all splits, as in a record.
        card: what the corpus says about itself, if it does.
        labels: of the training set, in alphabetical order, each once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    task: str
    fingerprint: str
    card: CorpusCard | None
    labels: list[str]
    splits: dict[SplitName, SplitFigures]
    notes: dict[str, int]

    def text(self) -> str:
        """The figures for people."""
        lines = [f"{self.name}, {self.task}"]
        if self.card is not None:
            lines += [
                f"  version {self.card.version}, licence {self.card.licence}",
                f"  {self.card.source}",
            ]
        lines.append(f"  {'':<6}{'utterances':>11}{'hours':>8}{'speakers':>10}{'labels':>8}")
        for name, split in self.splits.items():
            hours = "-" if split.hours is None else f"{split.hours:.2f}"
            speakers = "-" if split.speakers is None else f"{split.speakers:,}"
            lines.append(
                f"  {name:<6}{split.utterances:>11,}{hours:>8}{speakers:>10}{split.labels:>8,}"
            )
        lines.append(f"  labels: {' '.join(self.labels)}")
        lines.append(f"  fingerprint {self.fingerprint}")
        for name, fingerprint in (self.card.fingerprints or {} if self.card else {}).items():
            lines.append(f"    {name:<6}{fingerprint}")
        lines += [f"  note: {name} {count}" for name, count in self.notes.items()]
        return "\n".join(lines)


def describe(corpus: Corpus) -> CorpusFigures:
    """Reads all of a corpus and counts.

    Raises:
        DataError: if something in it is wrong.
        MissingError: if a file is not there.
    """
    card = None
    if corpus.root is not None and (corpus.root / CARD).is_file():
        card = read_card(corpus.root / CARD)
    splits = {name: _figures(corpus.split(name).utterances) for name in SPLITS}
    return CorpusFigures(
        name=corpus.name,
        task=corpus.task.name,
        fingerprint=corpus.fingerprint,
        card=card,
        labels=sorted({symbol for utterance in corpus.train for symbol in utterance.symbols}),
        splits=splits,
        notes=dict(sorted(corpus.notes.items())),
    )


def _figures(utterances: Sequence[Utterance]) -> SplitFigures:
    with_audio = [utterance for utterance in utterances if utterance.audio is not None]
    speakers = {u.speaker for u in utterances if u.speaker is not None}
    return SplitFigures(
        utterances=len(utterances),
        hours=sum(map(_duration_s, with_audio)) / 3600 if with_audio else None,
        speakers=len(speakers) or None,
        labels=len({symbol for utterance in utterances for symbol in utterance.symbols}),
    )


def _duration_s(utterance: Utterance) -> float:
    path = utterance.audio_path()
    try:
        info = soundfile.info(path)
        n_frames = info.frames if info.frames < UNKNOWN else len(read_to_end(path))
    except soundfile.LibsndfileError as error:
        raise DataError(
            f"utterance {utterance.id!r}: {path} is no sound file: {error}", where=utterance.where
        ) from error
    whole_s = float(n_frames / info.samplerate)
    end_s = whole_s if utterance.end_s is None else min(whole_s, utterance.end_s)
    return max(0.0, end_s - (utterance.start_s or 0.0))
