from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tasks.corpora.corpus import Corpus
from tasks.corpora.describing import describe
from tasks.corpora.utterance import Utterance
from tasks.ks import KS
from tests.audio_folder import of_unknown_length


def test_hours_are_those_of_the_audio(tmp_path: Path) -> None:
    files = [tmp_path / "a.wav", tmp_path / "piped.flac"]
    for file in files:
        soundfile.write(file, np.zeros(8000), 16_000)
    of_unknown_length(files[1])
    said = [
        Utterance(id=file.name, symbols=("x",), audio=file, where="f:1", end_s=end_s)
        for file in files
        for end_s in (None, 0.2)
    ]
    figures = describe(Corpus.of("c", KS, train=said, valid=said[:1], test=said[2:]))
    hours = {name: split.hours for name, split in figures.splits.items()}
    assert hours == pytest.approx({"train": 1.4 / 3600, "valid": 0.5 / 3600, "test": 0.7 / 3600})
