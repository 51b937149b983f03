from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from baselines.s3prl.extraction import extract
from baselines.s3prl.pooled_features import PooledFeatures
from baselines.s3prl.upstream import Upstream
from bench.errors import DataError, MissingError
from bench.progress import Progress
from bench.speech.damaged import check_audio_is_there
from tasks.corpora.corpus import Corpus
from tasks.corpora.opening import open_corpus
from tasks.corpora.utterance import Utterance
from tasks.ks import KS
from tests.audio_folder import make_audio_folder

QUIET = Progress(quiet=True)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return open_corpus(str(make_audio_folder(tmp_path / "tones", "ks")), KS)


def pooled(upstream: Upstream, utterances: list[Utterance]) -> PooledFeatures:
    return PooledFeatures(upstream, utterances, gain_db=0.0, progress=QUIET)


def test_a_clips_features_do_not_depend_on_its_neighbours(corpus: Corpus) -> None:
    upstream = Upstream("waves")
    together = pooled(upstream, list(corpus.train)).means
    for i in (0, 7, 20):
        alone = pooled(upstream, [corpus.train[i]]).means[0]
        np.testing.assert_allclose(alone, together[i], atol=2e-6)


def test_means_are_the_means_of_all_frames(corpus: Corpus) -> None:
    upstream = Upstream("waves")
    means = pooled(upstream, list(corpus.train)).means
    seen = set()
    for position, frames in extract(upstream, corpus.train, gain_db=0.0, progress=QUIET):
        np.testing.assert_allclose(frames.mean(dim=1).numpy(), means[position], atol=1e-6)
        seen.add(position)
    assert seen == set(range(len(corpus.train)))


def test_the_cache_answers_the_second_time(corpus: Corpus, cache: Path) -> None:
    upstream, some = Upstream("fbank_no_cmvn"), list(corpus.valid)
    first = pooled(upstream, some).means
    (entry,) = cache.glob("s3prl-means/*/content")
    (entry / "means.npy").rename(entry / "moved")
    np.save(entry / "means.npy", np.full_like(first, 7))
    assert np.all(pooled(upstream, some).means == 7)
    pooled(Upstream("waves"), some)
    PooledFeatures(upstream, some, gain_db=-3.0, progress=QUIET)
    assert len(list(cache.glob("s3prl-means/*/content"))) == 3


def test_the_gain_scales_the_wave(corpus: Corpus) -> None:
    upstream = Upstream("fbank_no_cmvn")
    (plain,) = extract(upstream, corpus.valid[:1], gain_db=0.0, progress=QUIET)
    (less,) = extract(upstream, corpus.valid[:1], gain_db=-20.0, progress=QUIET)
    difference = (plain.frames - less.frames)[0, :, :80]  # log energies, without their deltas
    assert float(difference.median()) == pytest.approx(np.log(100.0), abs=1e-3)


def test_absent_audio_is_found_before_any_work(corpus: Corpus) -> None:
    check_audio_is_there(corpus.train)
    for i in (3, 5):
        audio = corpus.train[i].audio
        assert audio is not None
        audio.unlink()
    with pytest.raises(MissingError, match=r"train\.jsonl:4: .*'train-3'.* \(and 1 more\)"):
        check_audio_is_there(corpus.train)
    units_only = Utterance(id="u", symbols=("x",), units=np.array([1], np.int32), where="f:1")
    with pytest.raises(DataError, match="units but no audio"):
        check_audio_is_there([units_only])
    with pytest.raises(DataError, match="units but no audio"):
        list(extract(Upstream("fbank"), [units_only], gain_db=0.0, progress=QUIET))


def test_features_that_are_not_finite_are_refused(corpus: Corpus) -> None:
    upstream = Upstream("waves")
    next(upstream.module.parameters()).data.fill_(float("nan"))
    with pytest.raises(DataError, match=r"'waves' gives NaN or infinite features for 'valid-0'"):
        list(extract(upstream, corpus.valid, gain_db=0.0, progress=QUIET))
