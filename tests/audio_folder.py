"""Synthetic audio corpora: every symbol of an answer is a tone of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from bench.random import numpy_generator

RATE_HZ = 16_000
WORDS = ("go", "stop", "left", "up", "on", "off")
PLACES = ("hall", "yard", "none")
SIZES = {"train": 48, "valid": 16, "test": 16}


def tone(
    generator: np.random.Generator, frequencies: list[float], seconds_each: float = 0.1
) -> NDArray[np.float64]:
    """Tones one after another, with a little noise."""
    time_s = np.arange(round(seconds_each * RATE_HZ)) / RATE_HZ
    parts = [0.3 * np.sin(2 * np.pi * f * time_s) for f in frequencies]
    wave = np.concatenate(parts)
    return wave + 0.01 * generator.standard_normal(len(wave))


def make_audio_folder(
    folder: Path, task: str, *, sizes: Mapping[str, int] = SIZES, seed: int = 0
) -> Path:
    """Writes a manifest folder of tones.

    Args:
        folder: where to.
        task: any of the five; an ASR text spells a word of the letters a to d, an SF text has a
            slot in it.
        sizes: utterances a split.
        seed: of everything random.
    """
    (folder / "clips").mkdir(parents=True)
    card = {"name": folder.name, "version": "1", "licence": "CC0", "source": "made", "task": task}
    (folder / "corpus.json").write_text(json.dumps(card))
    for split, n in sizes.items():
        generator = numpy_generator(seed, split)
        rows = []
        for i in range(n):
            answer, frequencies = _answer(task, i, generator)
            place = f"clips/{split}-{i}.wav"
            each_s = {"asr": 0.16, "sf": 0.16}.get(task, 0.1 + 0.02 * (i % 3))
            soundfile.write(folder / place, tone(generator, frequencies, each_s), RATE_HZ)
            rows.append(json.dumps({"id": f"{split}-{i}", "audio": place, **answer}) + "\n")
        (folder / f"{split}.jsonl").write_text("".join(rows))
    return folder


def of_unknown_length(flac: Path) -> None:
    """Makes a FLAC file one that was written to a pipe: its header counts no samples."""
    content = bytearray(flac.read_bytes())
    content[21] &= 0xF0  # the count is 36 bits of STREAMINFO, from the middle of byte 21 on
    content[22:26] = bytes(4)
    flac.write_bytes(content)


def _answer(
    task: str, i: int, generator: np.random.Generator
) -> tuple[dict[str, object], list[float]]:
    if task in ("ks", "lid"):
        which = i % 4
        return {"label": WORDS[which]}, [300.0 * (which + 1)] * 3
    if task == "ic":
        word, place = i % 3, int(generator.integers(3))
        labels = [WORDS[word], WORDS[3 + word], PLACES[place]]
        return {"labels": labels}, [300.0 * (word + 1), 1500.0 + 500.0 * place]
    letters = [int(x) for x in generator.permutation(4)[:3]]
    text = "".join("abcd"[x] for x in letters)
    frequencies = [300.0 * (x + 1) for x in letters]
    if task == "asr":
        return {"text": text}, frequencies
    slot = {"type": "city", "value": text, "start_word": 1, "end_word": 2}
    return {"text": f"e {text}", "slots": [slot]}, [3000.0, *frequencies]
