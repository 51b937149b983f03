"""How long each utterance of a split is, and which audio is damaged: read once, then cached."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from bench.progress import Progress
from bench.speech.cache import Cache
from bench.speech.damaged import audio_or_damage
from tasks.corpora.utterance import Utterance

KIND = "audio-survey"


class Survey:
    """The audio of a split.

    Args:
        utterances: with audio.
        content: its `content_key`.
        progress: shows a bar while the audio is read.

    Attributes:
        n_samples: of each utterance at 16 kHz; 0 where damaged.
        damage: what is wrong with the audio of an utterance, by its index.
    """

    def __init__(
        self, utterances: Sequence[Utterance], content: str, *, progress: Progress
    ) -> None:
        def build(folder: Path) -> None:
            n_samples: list[int] = []
            damage: dict[int, str] = {}
            with progress.bar(len(utterances), "reading audio", "utterances") as bar:
                for index, utterance in enumerate(utterances):
                    found = audio_or_damage(utterance)
                    if isinstance(found, str):
                        damage[index] = found
                    n_samples.append(0 if isinstance(found, str) else len(found))
                    bar.advance()
            text = json.dumps({"n_samples": n_samples, "damage": damage})
            (folder / "survey.json").write_text(text, encoding="utf-8")

        folder = Cache().folder(KIND, {"audio": content}, build)
        found = json.loads((folder / "survey.json").read_text(encoding="utf-8"))
        self.n_samples: list[int] = found["n_samples"]
        self.damage = {int(index): str(reason) for index, reason in found["damage"].items()}
