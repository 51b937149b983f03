"""Who says what: the whole corpus before a sample of it exists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

from tasks.corpora.corpus import SPLITS, SplitName
from tasks.corpora.mini.acoustics import ACOUSTICS_VERSION
from tasks.corpora.mini.draw import Draw
from tasks.corpora.mini.speakers import Speaker, speakers
from tasks.corpora.mini.synthesiser import Request
from tasks.corpora.mini.texts import asr, ic, ks, lid, sf
from tasks.corpora.mini.texts.saying import Saying

SAYINGS: dict[str, Callable[[SplitName, str, int], list[Saying]]] = {
    "ks": ks.sayings,
    "ic": ic.sayings,
    "lid": lid.sayings,
    "asr": asr.sayings,
    "sf": sf.sayings,
}
"""The tasks, each with what a speaker (split, name, number) says for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """All that a speaker says for a task: what is generated, and kept, at once."""

    task: str
    split: SplitName
    speaker: Speaker
    sayings: tuple[Saying, ...]

    def ids(self) -> list[str]:
        """The ids of its utterances."""
        return [f"{self.speaker.name}-{i:02d}" for i in range(len(self.sayings))]

    def request(self, i: int) -> Request:
        """How the synthesiser is asked for an utterance; rate and pitch waver a little."""
        speaker, saying = self.speaker, self.sayings[i]
        draw = Draw("manner", self.task, speaker.name, i)
        language = speaker.accent if saying.language == "en" else saying.language
        return Request(
            text=saying.spoken,
            voice=f"{language}+{speaker.variant}",
            rate=speaker.rate + draw.between(-8, 8),
            pitch=speaker.pitch + draw.between(-4, 4),
            range=speaker.pitch_range,
        )

    def row(self, i: int) -> dict[str, object]:
        """An utterance's manifest row."""
        name, saying = self.ids()[i], self.sayings[i]
        return {
            "id": name,
            "audio": f"audio/{self.speaker.name}/{name}.wav",
            **saying.answer,
            "speaker": self.speaker.name,
            "language": saying.language,
        }


def plan(task: str) -> tuple[Part, ...]:
    """The parts of a task's corpus, split by split."""
    return tuple(
        Part(
            task=task,
            split=split,
            speaker=speaker,
            sayings=tuple(SAYINGS[task](split, speaker.name, i)),
        )
        for split in SPLITS
        for i, speaker in enumerate(speakers(split))
    )


def key(parts: tuple[Part, ...]) -> str:
    """SHA-256 in hex over everything that decides the samples: what cached audio is kept by."""
    try:
        synthesiser = version("espeakng-loader")
    except PackageNotFoundError:
        synthesiser = "none"
    content = [ACOUSTICS_VERSION, synthesiser, [asdict(part) for part in parts]]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
