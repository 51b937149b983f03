"""Options that are written as a text: learning rates to try, layers of a model."""

from __future__ import annotations

import math

from bench.errors import UsageError


def rates(lr: float | None, search: str | None, default: tuple[float, ...]) -> tuple[float, ...]:
    """The learning rates to try.

    Raises:
        UsageError: if both are given, or `search` is not `lr=A,B,...`.
    """
    if lr is not None and search is not None:
        raise UsageError("--lr and --search exclude each other", hint="--search lr=1e-2,1e-3")
    if lr is not None:
        return (lr,)
    if search is None:
        return default
    name, equals, values = search.partition("=")
    try:
        found = tuple(float(value) for value in values.split(","))
    except ValueError:
        found = ()
    good = all(math.isfinite(rate) and rate > 0 for rate in found)
    if name.strip() != "lr" or not equals or not found or not good:
        raise UsageError(
            f"--search {search!r} is no list of learning rates", hint="e.g. --search lr=1e-2,1e-3"
        )
    if len(set(found)) < len(found):
        raise UsageError(f"--search {search!r} names a learning rate twice")
    return found


def search_text(tried: tuple[float, ...]) -> str:
    """Learning rates as `--search` takes them."""
    return "lr=" + ",".join(f"{rate:g}" for rate in tried)


def layer_list(text: str | None) -> tuple[int, ...] | None:
    """The layers that `--layers` names: `6`, `0,3`, `4-8`.

    Raises:
        UsageError: if the text is none of these.
    """
    if text is None:
        return None
    layers: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash)):
            raise UsageError(
                f"--layers {text!r} is no list of layers", hint="e.g. --layers 6, --layers 0,4-8"
            )
        layers.update(range(int(first), int(last or first) + 1))
    if not layers:
        raise UsageError(f"--layers {text!r} names no layer", hint="e.g. --layers 4-8")
    return tuple(sorted(layers))
