"""The corpus `coffee`: spoken orders with slots and no transcripts (Picovoice's layout).

`labels.json` maps a file in `clips/` to its intent and its slots. For `ic` the action is the
intent, the object the number of shots and the location always `none`: one slot type is the label.
For `sf` the text is the slots' values in the order they are usually said. Clips carry no speaker,
so a speaker may stand in two splits; clips are ordered by the SHA-1 of their name, the first fifth
goes to test, the next to valid.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from bench.errors import DataError, MissingError, UsageError
from bench.progress import Progress
from tasks.corpora.corpus import SPLITS, Corpus, SplitName
from tasks.corpora.label_folders import split_of
from tasks.corpora.split import Split
from tasks.corpora.utterance import Utterance
from tasks.readable import label, writable
from tasks.slot_text import tagged_symbols
from tasks.spec import TaskSpec

LABEL_SLOT = "numberOfShots"
ORDER = ("size", "numberOfShots", "roast", "coffeeDrink", "milkAmount", "sugarAmount")
TASKS = ("ic", "sf")


def open_coffee(task: TaskSpec, root: Path | None, progress: Progress) -> Corpus:
    """The corpus in a folder of `clips/` and `labels.json`.

    Raises:
        UsageError: if no root is given, or the task is neither ic nor sf.
        MissingError: if there is no `labels.json`.
        DataError: if it is malformed.
    """
    if root is None:
        raise UsageError(
            "corpus 'coffee' needs --root", hint="the folder of clips/ and labels.json"
        )
    if task.name not in TASKS:
        raise UsageError(f"corpus 'coffee' is for ic and sf, not {task.name}")
    path = root / "labels.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        slots = {
            writable(str(name), "the clip's name"): (
                str(row["intent"]),
                {
                    str(kind): writable(" ".join(str(value).split()), f"{name}:")
                    for kind, value in row["slots"].items()
                },
            )
            for name, row in content.items()
        }
    except DataError as error:
        raise DataError(error.message, where=str(path), hint=error.hint) from None
    except OSError as error:
        raise MissingError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"is no map of files to intent and slots: {error}", where=str(path)
        ) from None
    if len(slots) < 3:
        raise DataError(f"holds {len(slots)} clips, too few for three splits", where=str(path))
    unknown = {kind for _, found in slots.values() for kind in found} - set(ORDER)
    if unknown:
        raise DataError(f"unknown slot types: {', '.join(sorted(unknown))}", where=str(path))
    parts = split_of(set(slots))
    place = root.resolve()
    readers = {name: partial(_read, slots, place, parts, task, name) for name in SPLITS}
    return Corpus(name="coffee", task=task, readers=readers, root=place)


def _read(
    slots: dict[str, tuple[str, dict[str, str]]],
    root: Path,
    parts: dict[str, SplitName],
    task: TaskSpec,
    split: SplitName,
) -> Split:
    where = str(root / "labels.json")
    utterances = []
    for name, (intent, found) in sorted(slots.items()):
        if parts[name] == split:
            try:
                symbols = _symbols(intent, found, task)
            except DataError as error:
                message = f"clip {name!r}: {error.message}"
                raise DataError(message, where=where, hint=error.hint) from None
            audio = root / "clips" / name
            utterances.append(Utterance(id=name, symbols=symbols, audio=audio, where=where))
    return Split(utterances=tuple(utterances))


def _symbols(intent: str, slots: dict[str, str], task: TaskSpec) -> tuple[str, ...]:
    if task.name == "ic":
        return label(intent, "the intent"), slots.get(LABEL_SLOT, "none"), "none"
    words: list[str] = []
    spans: list[dict[str, object]] = []
    for kind in ORDER:
        if slots.get(kind):
            value = slots[kind]
            start, end = len(words), len(words) + len(value.split())
            words += value.split()
            spans.append({"type": kind, "value": value, "start_word": start, "end_word": end})
    return tagged_symbols(" ".join(words), spans)
