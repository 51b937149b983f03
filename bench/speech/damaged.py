"""What becomes of damaged audio, before anything else is done with a corpus.

A damaged training utterance is left out, named in the record (`corpus.skipped`), whatever method
asks: all learn from the same utterances. In validation and test nothing is left out: scores on
another test set would not compare, so that is an error, raised before any training. More than a
tenth of damaged training audio is an error too: then something else is wrong.

Only audio that nobody vouches for is looked at, and it becomes part of what the corpus is: a run
whose files were restored or exchanged is another run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.errors import DataError, MissingError
from bench.progress import Progress
from bench.speech.audio import told
from bench.speech.survey import Survey
from tasks.corpora.corpus import SPLITS, Corpus, SplitName
from tasks.corpora.split import Split
from tasks.corpora.utterance import Utterance

MOST_DAMAGED = 0.1
"""Share of training utterances that may be left out."""


def without_damage(corpus: Corpus, progress: Progress) -> Corpus:
    """The corpus without its damaged training audio, and with the audio in its fingerprint.

    Args:
        corpus: returned as it is where it has no audio, or its `samples` are vouched for.
        progress: shows a bar while audio is read for the first time.

    Raises:
        MissingError: if an audio file is absent.
        DataError: if validation or test audio is damaged, or much of the training audio.
    """
    if corpus.samples or corpus.train[0].audio is None:
        return corpus
    contents: list[str] = []
    readers: dict[SplitName, Callable[[], Split]] = {}
    for name in SPLITS:
        split = corpus.split(name)
        check_audio_is_there(split.utterances)
        survey = Survey(split.utterances, progress)
        contents.append(survey.content)
        readers[name] = _left_of(split, name, survey.damage)
    return corpus.derived(readers, samples=" ".join(contents))


def _left_of(split: Split, name: SplitName, damage: dict[int, str]) -> Callable[[], Split]:
    utterances = split.utterances
    damaged = [(utterances[index], what) for index, what in sorted(damage.items())]
    if name == "train":
        _check_few(damaged, len(utterances))
    else:
        _refuse(name, damaged)
    found = Split(
        utterances=tuple(u for index, u in enumerate(utterances) if index not in damage),
        skipped=(*split.skipped, *((utterance.id, what) for utterance, what in damaged)),
        notes=split.notes,
    )
    return lambda: found


def check_audio_is_there(utterances: Sequence[Utterance]) -> None:
    """Looks for every audio file before any long work.

    Raises:
        MissingError: naming the first absent file and how many there are.
        DataError: if an utterance has no audio at all.
    """
    absent = [u for u in utterances if u.audio is None or not u.audio.is_file()]
    if not absent:
        return
    try:
        absent[0].audio_path()
    except MissingError as error:
        more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
        raise MissingError(error.message + more, where=error.where, hint=error.hint) from None


def _check_few(damaged: Sequence[tuple[Utterance, str]], n_train: int) -> None:
    """Raises where too much training audio is damaged to leave it out."""
    if len(damaged) > MOST_DAMAGED * n_train:
        first, what = damaged[0]
        raise DataError(
            f"{len(damaged)} of {n_train} training utterances have damaged audio, "
            f"first {told(first, what)}",
            where=first.where,
            hint="up to a tenth would be left out; check how the corpus was prepared",
        )


def _refuse(split: SplitName, damaged: Sequence[tuple[Utterance, str]]) -> None:
    """Raises for damaged audio outside training."""
    if not damaged:
        return
    first, what = damaged[0]
    names = ", ".join(repr(u.id) for u, _ in damaged[:5])
    more = f" and {len(damaged) - 5} more" if len(damaged) > 5 else ""
    name = "validation" if split == "valid" else split
    raise DataError(
        f"damaged audio in the {name} set ({names}{more}): {told(first, what)}",
        where=first.where,
        hint="restore the files, or take their lines out of the manifest: nothing is left out "
        "silently where scores are made",
    )
