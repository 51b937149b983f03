"""How long each utterance of a split is, and which audio is damaged: read once, then cached.

Caches are found by the content of audio, so what is wrong names neither utterance nor file, which
may be another corpus's: they come from whoever reads the cache.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from bench.errors import DataError
from bench.progress import Progress
from bench.speech.audio import DamageError, content_key, samples_of, told
from bench.speech.cache import Cache
from tasks.corpora.utterance import Utterance

KIND = "surveys"


class Survey:
    """The audio of a split.

    Args:
        utterances: with audio.
        progress: shows a bar while the audio is read.

    Attributes:
        content: `content_key` of the utterances.
        n_samples: of each utterance at 16 kHz; 0 where damaged.
        damage: what is wrong with the audio of an utterance, by its index.

    Raises:
        MissingError: if a file is absent.
        DataError: if an utterance has no audio.
    """

    def __init__(self, utterances: Sequence[Utterance], progress: Progress) -> None:
        def build(folder: Path) -> None:
            n_samples: list[int] = []
            damage: dict[int, str] = {}
            with progress.bar(len(utterances), "reading audio", "utterances") as bar:
                for index, utterance in enumerate(utterances):
                    try:
                        n_samples.append(len(samples_of(utterance)))
                    except DamageError as found:
                        n_samples.append(0)
                        damage[index] = str(found)
                    bar.advance()
            text = json.dumps({"n_samples": n_samples, "damage": damage})
            (folder / "survey.json").write_text(text, encoding="utf-8")

        self.content = content_key(utterances)
        folder = Cache().folder(KIND, {"audio": self.content}, build)
        found = json.loads((folder / "survey.json").read_text(encoding="utf-8"))
        self.n_samples: list[int] = found["n_samples"]
        self.damage = {int(index): str(what) for index, what in found["damage"].items()}


def undamaged(utterances: Sequence[Utterance], progress: Progress) -> Survey:
    """The survey of audio in which nothing is damaged.

    Args:
        utterances: with audio.
        progress: shows a bar while the audio is read.

    Raises:
        MissingError: if a file is absent.
        DataError: at the first damaged one.
    """
    found = Survey(utterances, progress)
    for index, what in sorted(found.damage.items()):
        first = utterances[index]
        raise DataError(told(first, what), where=first.where)
    return found
