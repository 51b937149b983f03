"""The table of corpora that have a name. A new one is a module beside this and a line here."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from bench.registry import Registry

if TYPE_CHECKING:
    from bench.progress import Progress
    from tasks.corpora.corpus import Corpus
    from tasks.spec import TaskSpec

CorpusOpener: TypeAlias = "Callable[[TaskSpec, Path | None, Progress], Corpus]"
"""Opens a named corpus for a task; the path is `--root`, where its distributor's files lie."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CorpusEntry:
    """Where a corpus is opened; importing the table imports no corpus.

    Attributes:
        path: "module:function", a `CorpusOpener`.
        summary: one line for `bench list corpora`.
        tasks: what it has utterances for.
    """

    path: str
    summary: str
    tasks: tuple[str, ...]

    def load(self) -> CorpusOpener:
        """Imports its opener."""
        module, _, name = self.path.partition(":")
        return cast("CorpusOpener", getattr(importlib.import_module(module), name))


CORPORA: Registry[CorpusEntry] = Registry(
    "corpus",
    {
        "mini": CorpusEntry(
            path="tasks.corpora.mini.corpus:open_mini",
            summary="embedded: five small tasks, synthesised on first use",
            tasks=("ks", "ic", "lid", "asr", "sf"),
        ),
        "folders": CorpusEntry(
            path="tasks.corpora.label_folders:open_label_folders",
            summary="any folder of <label>/*.wav|flac (--root), split by recording",
            tasks=("ks", "lid"),
        ),
        "coffee": CorpusEntry(
            path="tasks.corpora.coffee:open_coffee",
            summary="spoken coffee orders: clips/ and labels.json (--root), split by clip",
            tasks=("ic", "sf"),
        ),
    },
    entry_point_group="speechprompt_bench.corpora",
)
