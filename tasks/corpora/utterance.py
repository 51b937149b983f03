"""One utterance: what was said, in units or in audio, and the answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError, MissingError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Utterance:
    """One utterance of a split. Compared by identity.

    Args:
        id: unique in its split.
        symbols: the right answer.
        units: (n_units,) int32 speech units, if the corpus holds units.
        audio: absolute path of the sound file, if the corpus holds audio; it may be missing
            until `audio_path` has looked.
        start_s: where the utterance starts in the audio; None for its beginning.
        end_s: where it ends; None for the audio's end.
        speaker: who speaks, where known.
        language: which language is spoken, where known.
        where: `file:line` it was read from, for messages.
    """

    id: str
    symbols: tuple[str, ...]
    units: NDArray[np.int32] | None = None
    audio: Path | None = None
    start_s: float | None = None
    end_s: float | None = None
    speaker: str | None = None
    language: str | None = None
    where: str

    def audio_path(self) -> Path:
        """The sound file, seen to exist.

        Raises:
            DataError: if the corpus holds units only.
            MissingError: if there is no such file.
        """
        if self.audio is None:
            raise DataError(
                f"utterance {self.id!r} has units but no audio",
                where=self.where,
                hint="choose a method that works on units, or a manifest folder with audio",
            )
        if not self.audio.is_file():
            raise MissingError(
                f"utterance {self.id!r}: there is no audio file {self.audio}",
                where=self.where,
                hint="`audio` is relative to the manifest's folder",
            )
        return self.audio
