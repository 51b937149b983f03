"""Smaller corpora: `--subset` N training utterances, `--shots` K a class.

Both draw from an order that depends on the seed alone, so that a smaller draw lies inside a larger
one. A class is a whole answer: for IC an intent, all three slots.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from bench.errors import UsageError
from bench.random import numpy_generator
from tasks.corpora.corpus import Corpus, SplitName
from tasks.corpora.split import Split
from tasks.corpora.utterance import Utterance


def subset(corpus: Corpus, n: int, seed: int) -> Corpus:
    """A corpus of `n` training utterances, with valid and test reduced in proportion.

    Training utterances are drawn in equal numbers from every class as long as the classes last;
    for a sequence task, first such that every symbol occurs. Valid and test keep their own
    balance: each is a random draw of `len * n / len(train)` utterances, at least one. The order of
    the file is kept. With `n` at or above the corpus's size the corpus itself is returned.

    Raises:
        UsageError: if `n` is too small to show every class, or every symbol.
    """
    n_train = len(corpus.train)
    if n >= n_train:
        return corpus
    if corpus.task.is_sequence:
        order, n_covering = _covering_order(corpus.train, seed)
        _at_least(n, n_covering, "--subset", "training utterances, to show every symbol")
    else:
        classes = _classes(corpus.train, seed)
        _at_least(n, len(classes), "--subset", "training utterances, one for every class")
        order = _balanced_order(classes)
    readers: dict[SplitName, Callable[[], Split]] = {
        "train": partial(_keep, corpus, "train", order[:n]),
        "valid": partial(_reduce, corpus, "valid", n, seed),
        "test": partial(_reduce, corpus, "test", n, seed),
    }
    return corpus.derived(readers)


def shots(corpus: Corpus, k: int, seed: int) -> Corpus:
    """A corpus of `k` training utterances a class; valid and test stay whole.

    A class with fewer keeps all it has and is counted in the notes.

    Raises:
        UsageError: if `k` is below 1, or the task has no classes.
    """
    if corpus.task.is_sequence:
        raise UsageError(
            f"{corpus.task.name} has no classes to take shots of", hint="use --subset N"
        )
    _at_least(k, 1, "--shots", "utterance a class")
    classes = _classes(corpus.train, seed)
    chosen = [i for members in classes for i in members[:k]]
    readers: dict[SplitName, Callable[[], Split]] = {
        "train": partial(_keep, corpus, "train", chosen),
        "valid": partial(corpus.split, "valid"),
        "test": partial(corpus.split, "test"),
    }
    derived = corpus.derived(readers)
    short = sum(len(members) < k for members in classes)
    if short:
        derived.notes["classes_below_shots"] = short
    return derived


def _keep(corpus: Corpus, name: SplitName, chosen: Iterable[int]) -> Split:
    whole = corpus.split(name)
    utterances = tuple(whole.utterances[i] for i in sorted(chosen))
    return Split(utterances=utterances, skipped=whole.skipped, notes=whole.notes)


def _reduce(corpus: Corpus, name: SplitName, n: int, seed: int) -> Split:
    n_whole = len(corpus.split(name).utterances)
    n_kept = min(n_whole, max(1, round(n_whole * n / len(corpus.train))))
    order = numpy_generator(seed, "subset", name).permutation(n_whole).tolist()
    return _keep(corpus, name, order[:n_kept])


def _classes(utterances: Sequence[Utterance], seed: int) -> list[list[int]]:
    """The indices of each class, shuffled; classes sorted by their symbols."""
    members: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, utterance in enumerate(utterances):
        members[utterance.symbols].append(i)
    return [
        [
            indices[j]
            for j in numpy_generator(seed, "class", *symbols).permutation(len(indices)).tolist()
        ]
        for symbols, indices in sorted(members.items())
    ]


def _balanced_order(classes: Sequence[Sequence[int]]) -> list[int]:
    """One of each class, then a second of each, and so on."""
    longest = max(map(len, classes))
    return [members[rank] for rank in range(longest) for members in classes if rank < len(members)]


def _covering_order(utterances: Sequence[Utterance], seed: int) -> tuple[list[int], int]:
    """A random order, with the utterances that are the first to show a symbol moved ahead.

    Returns:
        (the order, how many were moved ahead).
    """
    seen: set[str] = set()
    ahead: list[int] = []
    rest: list[int] = []
    for i in numpy_generator(seed, "subset", "train").permutation(len(utterances)).tolist():
        new = not seen.issuperset(utterances[i].symbols)
        (ahead if new else rest).append(i)
        seen.update(utterances[i].symbols)
    return ahead + rest, len(ahead)


def _at_least(value: int, least: int, option: str, what: str) -> None:
    if value < least:
        raise UsageError(f"{option} {value} is too small", hint=f"at least {least} {what}")
