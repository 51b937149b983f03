from __future__ import annotations

import pytest

from baselines.option_text import layer_list, rates
from bench.errors import UsageError


def test_rates() -> None:
    assert rates(None, None, (1.0, 2.0)) == (1.0, 2.0)
    assert rates(0.5, None, (1.0,)) == (0.5,)
    assert rates(None, "lr=1e-2, 1e-3", (1.0,)) == (0.01, 0.001)
    with pytest.raises(UsageError, match="exclude each other"):
        rates(0.5, "lr=1", (1.0,))


@pytest.mark.parametrize(
    "text", ["", "1e-2", "lr", "lr=", "lr=a", "lr=-1", "lr=inf", "lr=nan", "wd=1"]
)
def test_a_bad_search_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no list of learning rates"):
        rates(None, text, (1.0,))
    with pytest.raises(UsageError, match="twice"):
        rates(None, "lr=1e-2,0.01", (1.0,))


def test_layers() -> None:
    assert layer_list(None) is None
    assert layer_list("6") == (6,)
    assert layer_list("8,0, 2-4,3") == (0, 2, 3, 4, 8)


@pytest.mark.parametrize("text", ["", "a", "-1", "1-", "1,,2", "2-a", "5-3", "1.5"])
def test_bad_layers_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--layers"):
        layer_list(text)
