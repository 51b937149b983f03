"""A suite: which small runs are held against the baseline, and how strictly.

```yaml
seeds: 3                  # of a check; the baseline has more
gslm: gslms/ours          # under every cell whose method stands on one
every: {corpus: mini, precision: fp32, threads: 1}
cells:
  - {task: ks, method: prompt, max-epochs: 4}
```

The keys of a cell, and of `every`, are the options of `bench run`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.config import RunRequest, frozen_models, make_request, read_config
from bench.errors import UnknownNameError, UsageError
from bench.methods import METHODS
from bench.options import METHOD_OPTIONS, RUN_OPTIONS
from tasks.registry import TASKS

_HERE = Path(__file__).parent
OWN_SUITES = _HERE / "suites"
OWN_BASELINES = _HERE / "baselines"
_DECIDED_HERE = ("seed", "out", "resume", "overwrite", "config")
"""Options of `bench run` that a check sets itself."""


class Cell(BaseModel):
    """One small run of a suite, without its seed.

    Attributes:
        name: in reports and in the baseline; `<task>-<method>` unless given.
        request: what is run; seed and place come later.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[\w.+-]{1,80}$")
    request: RunRequest

    def seeded(self, seed: int, out: Path) -> RunRequest:
        """The request of one run; whatever an earlier check left in `out` is run anew."""
        return self.request.model_copy(update={"seed": seed, "out": out, "overwrite": True})


class Suite(BaseModel):
    """What is checked, and how strictly.

    Attributes:
        name: of the suite.
        source: the YAML file it was read from.
        baseline: the file with the baseline.
        seeds: runs a cell, with seeds 0, 1, ...; every check runs these.
        baseline_seeds: runs a cell for a new baseline: the spread over seeds is known as well as
            there are seeds.
        false_alarm: probability of at least one false alarm about quality in a whole check, where
            the machine is another one and no result is repeated to the bit.
        slowdown: ratio to the baseline's time from which a cell is too slow.
        speed: whether time is checked.
        cells: the runs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    source: Path
    baseline: Path
    seeds: int = Field(default=3, ge=2)
    baseline_seeds: int = Field(default=8, ge=2)
    false_alarm: float = Field(default=0.01, gt=0, lt=0.5)
    slowdown: float = Field(default=1.15, gt=1, allow_inf_nan=False)
    speed: bool = True
    cells: tuple[Cell, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _agrees(self) -> Suite:
        if self.baseline_seeds < self.seeds:
            raise ValueError(
                f"baseline-seeds ({self.baseline_seeds}) is below seeds ({self.seeds}): every "
                "seed of a check is compared with the same one of the baseline"
            )
        names = [cell.name for cell in self.cells]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"two cells are called {twice[0]!r}: give one of them another name (`name: ...`)"
            )
        for i, cell in enumerate(self.cells):
            for other in self.cells[:i]:
                if cell.request == other.request:
                    raise ValueError(f"cells {other.name!r} and {cell.name!r} are the same run")
        return self

    def only(self, names: list[str]) -> Suite:
        """The suite with these cells alone; all of them if none is named.

        Raises:
            UnknownNameError: if a name is not among them.
        """
        known = [cell.name for cell in self.cells]
        for name in names:
            if name not in known:
                raise UnknownNameError("cell", name, known, where=str(self.source))
        kept = tuple(cell for cell in self.cells if not names or cell.name in names)
        return self.model_copy(update={"cells": kept})

    def digest(self) -> str:
        """SHA-256 in hex over everything that decides what is run."""
        cells = [cell.model_dump_json() for cell in self.cells]
        return hashlib.sha256("\n".join([str(self.seeds), *cells]).encode()).hexdigest()


def suite_names() -> list[str]:
    """The suites that come with this distribution."""
    return sorted(file.stem for file in OWN_SUITES.glob("*.yaml"))


def load_suite(name: str) -> Suite:
    """A suite by its name, or from a YAML file.

    Raises:
        UnknownNameError: if there is no such suite, or a key is unknown.
        MissingError: if the file cannot be read.
        UsageError: if it does not describe a suite.
    """
    if name in suite_names():
        file, baseline = OWN_SUITES / f"{name}.yaml", OWN_BASELINES / f"{name}.json"
    elif name.endswith((".yaml", ".yml")) or "/" in name:
        file = Path(name)
        baseline = file.with_name(f"{file.stem}.baseline.json")
    else:
        raise UnknownNameError("suite", name, [*suite_names(), "FILE.yaml"])
    content = read_config(file)
    given = {
        "name": file.stem,
        "source": file,
        "baseline": baseline,
        **{key: value for key, value in content.items() if key in _PLAIN},
    }
    if isinstance(content.get("baseline"), str):
        given["baseline"] = file.parent / content["baseline"]
    for key in content:
        if key not in _PLAIN and key not in ("baseline", "cells", "every", "gslm", "upstream"):
            known = [*_PLAIN, "baseline", "cells", "every", "gslm", "upstream"]
            raise UnknownNameError("key", _typed(key), map(_typed, known), where=str(file))
    given["cells"] = tuple(_cells(content, file))
    try:
        return Suite.model_validate(given)
    except ValidationError as error:
        raise UsageError(_told(error), where=str(file)) from error


_PLAIN = ("name", "seeds", "baseline_seeds", "false_alarm", "slowdown", "speed")


def _cells(content: Mapping[str, Any], file: Path) -> list[Cell]:
    rows = content.get("cells")
    if not isinstance(rows, list) or not rows:
        raise UsageError(
            "`cells` holds no list of runs",
            where=str(file),
            hint="e.g. `cells:` and below it `- {task: ks, method: prompt}`",
        )
    every = _options(content.get("every") or {}, f"{file}: every")
    return [_cell(row, i + 1, every, content, file) for i, row in enumerate(rows)]


def _cell(
    row: object, number: int, every: Mapping[str, Any], content: Mapping[str, Any], file: Path
) -> Cell:
    where = f"{file}: cell {number}"
    own = _options(row, where)
    name = own.pop("name", None)
    merged = {**every, **own}
    inner = merged.pop("options", None) or {}
    if not isinstance(inner, dict):
        raise UsageError("`options` holds no mapping", where=where)
    try:
        for need in ("method", "task"):
            if not isinstance(merged.get(need), str):
                raise UsageError(f"`{need}` is not given")
        entry = METHODS.get(merged["method"])
        TASKS.get(merged["task"])
        for need in ("gslm", "upstream"):
            stands_on = need in entry.needs or (need == "gslm" and entry.units)
            if stands_on and need in content:
                merged.setdefault(need, content[need])
        request = make_request(merged, own_options=inner)
        frozen_models(request, entry)
    except UsageError as error:
        place = f"{where} ({name})" if isinstance(name, str) else where
        raise UsageError(error.message, where=place, hint=error.hint) from error
    default = re.sub(r"[^\w.+-]", "_", f"{request.task}-{request.method}")
    try:
        return Cell(name=default if name is None else name, request=request)
    except ValidationError as error:
        raise UsageError(_told(error), where=where) from error


def _options(row: object, where: str) -> dict[str, Any]:
    """The keys of a cell, as fields of `bench run`."""
    if not isinstance(row, dict):
        raise UsageError(f"{row!r} is no mapping of options of `bench run`", where=where)
    known = [option.field for option in (*RUN_OPTIONS, *METHOD_OPTIONS)]
    known = [*(name for name in known if name not in _DECIDED_HERE), "name", "options"]
    found = {}
    for key, value in row.items():
        field = str(key).replace("-", "_")
        if field in _DECIDED_HERE:
            raise UsageError(f"`{key}` is decided by the check itself", where=where)
        if field not in known:
            raise UnknownNameError("key", str(key), map(_typed, known), where=where)
        found[field] = value
    return found


def _typed(field: str) -> str:
    return field.replace("_", "-")


def _told(error: ValidationError) -> str:
    parts = []
    for item in error.errors():
        name = ".".join(_typed(str(part)) for part in item["loc"])
        text = item["msg"].removeprefix("Value error, ")
        parts.append(f"{name}: {text} (given: {item['input']!r})" if name else text)
    return "; ".join(parts)
