"""The s3prl side on a toy upstream; `python -m tests.perf.s3prl_training` measures base size."""

from __future__ import annotations

from typing import Any

import pytest

from tests.perf.s3prl_training import main


@pytest.mark.benchmark(group="s3prl training")
def test_training_on_means_beats_recomputing_the_upstream(benchmark: Any) -> None:
    ratios: dict[str, float] = benchmark.pedantic(
        main, args=(["--tiny", "--threads", "1", "--rounds", "1"],), rounds=1
    )
    assert ratios["50 epochs, fp32"] > ratios["10 epochs, fp32"] > 1
