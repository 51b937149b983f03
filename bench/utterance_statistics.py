"""`statistics.json`: a run's metrics, utterance by utterance, for tests that pair two runs.

Every metric in it is a ratio of sums over utterances (errors over words, right answers over
answers), so a few numbers an utterance say all that intervals and paired tests need, whatever the
metric; reports need no metric's code. Two runs answered the same utterances in the same order if
`utterances` is equal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.errors import DataError


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Ratio(_Model):
    """One metric: `numerator` over `denominator`, each summed over utterances.

    Attributes:
        denominator: a single number where it is the same for every utterance.
    """

    higher_is_better: bool
    numerator: list[float]
    denominator: list[float] | float


class UtteranceStatistics(_Model):
    """Statistics of every test utterance, in the order of the corpus.

    Attributes:
        utterances: `digest_of` ids and references.
        speakers: who said each, as numbers; None unless all are known.
    """

    schema_version: Literal[1] = 1
    utterances: str
    n: int = Field(ge=1)
    speakers: list[int] | None = None
    metrics: dict[str, Ratio]

    @model_validator(mode="after")
    def _fits(self) -> UtteranceStatistics:
        columns: list[list[float] | list[int]] = [m.numerator for m in self.metrics.values()]
        columns += [m.denominator for m in self.metrics.values() if isinstance(m.denominator, list)]
        if self.speakers is not None:
            columns.append(self.speakers)
        if any(len(column) != self.n for column in columns):
            raise ValueError(f"a list does not have n = {self.n} numbers")
        return self

    def to_json(self) -> str:
        """The content of `statistics.json`: compact, whole numbers without a point."""
        content = self.model_dump()
        for metric in content["metrics"].values():
            metric["numerator"] = [_number(x) for x in metric["numerator"]]
            below = metric["denominator"]
            metric["denominator"] = (
                [_number(x) for x in below] if isinstance(below, list) else _number(below)
            )
        return json.dumps(content, separators=(",", ":")) + "\n"


def digest_of(utterances: Iterable[tuple[str, str]]) -> str:
    """SHA-256 in hex over ids and references, in order."""
    digest = hashlib.sha256()
    for pair in utterances:
        digest.update(json.dumps(pair, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        digest.update(b"\n")
    return digest.hexdigest()


def load_statistics(file: Path) -> UtteranceStatistics | None:
    """Reads `statistics.json`; None if it is not there.

    Raises:
        DataError: if it is malformed.
    """
    try:
        return UtteranceStatistics.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        text = str(error).replace("\n", " ")
        raise DataError(f"is no statistics of utterances: {text}", where=str(file)) from error


def _number(x: float) -> float | int:
    return int(x) if x.is_integer() else x
