from __future__ import annotations

from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.errors import UsageError
from bench.gslm.registry import gslm_folder
from bench.progress import Progress
from bench.recipes.mini import RecipeOptions, cook, units_of
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
    wanted = extractor.extract(utterances, QUIET, "x")
    found = units_of(extractor.encoder, extractor.kmeans, [spectra(s) for s in said], QUIET)
    alike = [
        SequenceMatcher(a=a.tolist(), b=b.units.tolist(), autojunk=False).ratio()
        for a, b in zip(found, wanted, strict=True)
    ]
    assert np.mean(alike) > 0.99
    assert sum(map(len, found)) > 200


def test_a_recipe_goes_on_as_itself_alone(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "recipe.json").write_text('{"recipe": "mini-smoke", "seed": 0}')
    for given, told in (
        ({"recipe": "mini-smoke"}, "an unfinished recipe is here\n"),
        ({"recipe": "mini", "resume": True}, "an unfinished recipe is here of .*mini-smoke"),
        ({"recipe": "mini-smoke", "seed": 1, "resume": True}, "'seed': 0.*, not .*'seed': 1"),
    ):
        with pytest.raises(UsageError, match=told):
            cook(RecipeOptions.model_validate({"out": tmp_path, **given}), QUIET)
    (tmp_path / "gslm.json").touch()  # killed while it cleared up
    with pytest.raises(UsageError, match="a GSLM is already here"):
        cook(RecipeOptions(recipe="mini-smoke", out=tmp_path, resume=True), QUIET)
    assert not work.exists()
