from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks.corpora.mini.plan import Part, plan
from tasks.corpora.mini.synthesiser import Synthesiser


@pytest.fixture(scope="session")
def synthesiser() -> Iterator[Synthesiser]:
    with Synthesiser() as running:
        yield running


def some_parts(task: str) -> tuple[Part, ...]:
    """Two speakers of each split."""
    whole = plan(task)
    return tuple(
        part
        for split in ("train", "valid", "test")
        for part in [part for part in whole if part.split == split][:2]
    )
