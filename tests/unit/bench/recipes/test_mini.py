from __future__ import annotations

from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import soundfile

from bench.gslm.registry import gslm_folder
from bench.progress import Progress
from bench.recipes.mini import units_of
from bench.recipes.spoken import spectra
from bench.speech.ssl import SslEncoder
from bench.speech.units import UnitExtractor
from tasks.corpora.mini.parallel import group
from tasks.corpora.mini.synthesiser import Synthesiser
from tasks.corpora.utterance import Utterance

QUIET = Progress(quiet=True)


def test_units_of_kept_spectra_are_those_of_the_audio(tmp_path: Path) -> None:
    """But for frames on the border of two clusters: spectra are kept in half precision."""
    extractor = UnitExtractor.load(gslm_folder("mini"), dedup=True)
    assert isinstance(extractor.encoder, SslEncoder)
    with Synthesiser() as synthesiser:
        said = [v.samples for i in range(8) for v in group(i, synthesiser).voices]
    utterances = []
    for i, samples in enumerate(said):
        soundfile.write(tmp_path / f"{i}.wav", samples.astype(np.int16), 16000)
        utterances.append(
            Utterance(id=str(i), symbols=("a",), audio=tmp_path / f"{i}.wav", where="m")
        )
    wanted = extractor.extract(utterances, QUIET, "x").units
    found = units_of(extractor.encoder, extractor.kmeans, [spectra(s) for s in said], QUIET)
    alike = [
        SequenceMatcher(a=a.tolist(), b=b.units.tolist(), autojunk=False).ratio()
        for a, b in zip(found, wanted, strict=True)
    ]
    assert np.mean(alike) > 0.99
    assert sum(map(len, found)) > 200
