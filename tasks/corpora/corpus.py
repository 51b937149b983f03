"""A corpus: three splits, read when first needed, and what is known of them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from bench.errors import DataError
from tasks.corpora.split import Split
from tasks.corpora.utterance import Utterance
from tasks.spec import TaskSpec

SplitName = Literal["train", "valid", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "valid", "test")


@dataclass(kw_only=True, eq=False)
class Corpus:
    """Utterances for one task.

    Args:
        name: for run folders and tables.
        task: the task the answers belong to.
        readers: reads a split; called once each, when the split is first used.
        root: the folder that audio paths are relative to, so that moving a corpus does not
            change its fingerprint.
        samples: stands for the bytes of the audio, where they are known (see
            `bench.speech.damaged`) or somebody vouches for them.
        skipped: (id, reason) of the utterances left out of the splits read so far.
        notes: counts of what was done to the content of the splits read so far.
    """

    name: str
    task: TaskSpec
    readers: Mapping[SplitName, Callable[[], Split]]
    root: Path | None = None
    samples: str = ""
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    _read: dict[SplitName, Split] = field(default_factory=dict, init=False, repr=False)
    _fingerprints: dict[bool, str] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(
        cls,
        name: str,
        task: TaskSpec,
        *,
        train: Sequence[Utterance],
        valid: Sequence[Utterance],
        test: Sequence[Utterance],
    ) -> Corpus:
        """A corpus of utterances that are already in memory."""
        splits = (Split(utterances=tuple(utterances)) for utterances in (train, valid, test))
        readers = {
            split_name: _constant(split) for split_name, split in zip(SPLITS, splits, strict=True)
        }
        return cls(name=name, task=task, readers=readers)

    def derived(
        self, readers: Mapping[SplitName, Callable[[], Split]], *, samples: str | None = None
    ) -> Corpus:
        """A corpus of the same name, task and places that reads its splits anew.

        Args:
            readers: of its splits.
            samples: None: those of this corpus.
        """
        return Corpus(
            name=self.name,
            task=self.task,
            readers=readers,
            root=self.root,
            samples=self.samples if samples is None else samples,
        )

    def split(self, name: SplitName) -> Split:
        """One split, read on first use and then kept.

        Raises:
            DataError, MissingError: whatever its reader finds wrong.
        """
        if name not in self._read:
            split = self.readers[name]()
            self._read[name] = split
            self.notes.update(split.notes)
            self.skipped.extend(split.skipped)
        return self._read[name]

    @property
    def train(self) -> Sequence[Utterance]:
        """The utterances to learn from."""
        return self.split("train").utterances

    @property
    def valid(self) -> Sequence[Utterance]:
        """The utterances that choose settings and stop training."""
        return self.split("valid").utterances

    @property
    def test(self) -> Sequence[Utterance]:
        """The utterances that are scored, once."""
        return self.split("test").utterances

    @property
    def n_units(self) -> int | None:
        """The highest unit id of all splits plus one; None if the corpus holds no units."""
        highest = [
            int(utterance.units.max())
            for utterance in self._all()
            if utterance.units is not None and utterance.units.size
        ]
        return max(highest) + 1 if highest else None

    @property
    def fingerprint(self) -> str:
        """SHA-256 over ids, units, audio places and answers of all splits in order (hex).

        Independent of where the corpus lies. The bytes of audio files are not part of it, but
        `samples`, which may stand for them, is.
        """
        return self._digest(with_units=True)

    @property
    def data_fingerprint(self) -> str:
        """The same without the units of utterances that have audio: a unit is made from it."""
        both = any(u.units is not None and u.audio is not None for u in self._all())
        return self._digest(with_units=not both)

    def _digest(self, *, with_units: bool) -> str:
        if with_units not in self._fingerprints:
            digest = hashlib.sha256(self.samples.encode())
            for name in SPLITS:
                digest.update(f"{name}\n".encode())
                for utterance in self.split(name).utterances:
                    digest.update(self._content(utterance, with_units or utterance.audio is None))
            self._fingerprints[with_units] = digest.hexdigest()
        return self._fingerprints[with_units]

    def labels_check(self) -> None:
        """Checks that training shows every label of the other splits.

        Raises:
            DataError: with the labels it does not show, at the first of them.
        """
        known: set[tuple[int, str]] = set()
        for utterance in self.train:
            known.update(self._labels(utterance))
        unknown: dict[tuple[int, str], Utterance] = {}
        for utterance in (*self.valid, *self.test):
            for label in self._labels(utterance):
                if label not in known:
                    unknown.setdefault(label, utterance)
        if unknown:
            first = next(iter(unknown.values()))
            names = ", ".join(self._label_name(label) for label in sorted(unknown))
            raise DataError(
                f"utterance {first.id!r}: labels that never occur in training: {names}",
                where=first.where,
                hint="correct the labels, or add training utterances that show them",
            )

    def _labels(self, utterance: Utterance) -> Iterator[tuple[int, str]]:
        for i, symbol in enumerate(utterance.symbols):
            yield (0 if self.task.is_sequence else i), symbol

    def _label_name(self, label: tuple[int, str]) -> str:
        slot, symbol = label
        return f"{symbol!r}" + (f" ({self.task.slots[slot]})" if len(self.task.slots) > 1 else "")

    def _all(self) -> Iterator[Utterance]:
        for name in SPLITS:
            yield from self.split(name).utterances

    def _content(self, utterance: Utterance, with_units: bool) -> bytes:
        audio = utterance.audio
        if audio is not None and self.root is not None and audio.is_relative_to(self.root):
            audio = audio.relative_to(self.root)
        units = utterance.units if with_units else None
        row = [
            utterance.id,
            utterance.symbols,
            None if units is None else len(units),
            None if audio is None else audio.as_posix(),
            utterance.start_s,
            utterance.end_s,
            utterance.speaker,
            utterance.language,
        ]
        text = json.dumps(row).encode()
        return text if units is None else text + units.astype(np.dtype("<i4")).tobytes()


def _constant(split: Split) -> Callable[[], Split]:
    return lambda: split
