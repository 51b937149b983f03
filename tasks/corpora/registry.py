"""The table of corpora that have a name. A new one is a module beside this and a line here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from bench.registry import Registry
from tasks.corpora.corpus import Corpus
from tasks.spec import TaskSpec

CorpusOpener: TypeAlias = Callable[[TaskSpec, "Path | None"], Corpus]
"""Opens a named corpus for a task; the path is `--root`, where its distributor's files lie."""

CORPORA: Registry[CorpusOpener] = Registry(
    "corpus", {}, entry_point_group="speechprompt_bench.corpora"
)
