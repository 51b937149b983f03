"""From the command line and a configuration file to one checked request.

The command line beats the file, the file beats the defaults. Nothing is guessed: an unknown key,
an option that the method does not have, a value of the wrong kind are usage errors that say where
they stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from bench.environment import DEVICE
from bench.errors import MissingError, UnknownNameError, UsageError
from bench.methods import MethodEntry
from bench.options import METHOD_OPTIONS, RUN_OPTIONS, methods_with


class RunRequest(BaseModel):
    """What `bench run` was asked to do; `options` are the method's own, as given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    task: str
    corpus: str = "mini"
    root: Path | None = None
    gslm: str | None = None
    upstream: str | None = None
    upstream_ckpt: Path | None = None
    subset: int | None = Field(default=None, ge=1)
    shots: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0)
    device: str = Field(default="cpu", pattern=DEVICE)
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    threads: int | None = Field(default=None, ge=1)
    out: Path = Path("runs")
    resume: bool = False
    overwrite: bool = False
    options: dict[str, Any] = {}

    @model_validator(mode="after")
    def _agrees(self) -> RunRequest:
        if self.resume and self.overwrite:
            raise ValueError("--resume and --overwrite exclude each other")
        if self.subset is not None and self.shots is not None:
            raise ValueError("--subset and --shots exclude each other")
        return self


def read_config(file: Path) -> dict[str, Any]:
    """Reads a YAML file with the names of the options of `bench run`.

    Returns:
        The values by field name.

    Raises:
        MissingError: if it cannot be read.
        UsageError: if it is not a YAML mapping, or a key is not a text.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise MissingError(f"cannot be read: {error.strerror}", where=str(file)) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"is not UTF-8: {error}", where=str(file)) from error
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark is not None else str(file)
        reason = getattr(error, "problem", None) or "cannot be parsed"
        raise UsageError(f"is not YAML: {reason}", where=where) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(
            "holds no mapping of option names to values", where=str(file), hint="e.g. `seed: 1`"
        )
    return {_field(key, file): value for key, value in content.items()}


def _field(key: object, file: Path) -> str:
    if not isinstance(key, str):
        raise UsageError(f"the key {key!r} is not a text", where=str(file))
    return key.replace("-", "_")


def make_request(
    given: Mapping[str, Any],
    *,
    config: Path | None = None,
    own_options: Mapping[str, Any] | None = None,
) -> RunRequest:
    """Merges command line and configuration file into one request.

    Args:
        given: what the command line gave, by field name.
        config: the configuration file, if any.
        own_options: options given as `--option NAME=VALUE`, of methods that are not in the table.

    Raises:
        UsageError: if the two do not make a valid request.
        MissingError: if the file cannot be read.
    """
    run_fields = {option.field for option in RUN_OPTIONS}
    method_fields = {option.field for option in METHOD_OPTIONS}
    merged: dict[str, Any] = {}
    options: dict[str, Any] = {}
    if config is not None:
        content = read_config(config)
        inner = content.pop("options", None) or {}
        if not isinstance(inner, dict):
            raise UsageError("`options` holds no mapping", where=str(config))
        for key, value in content.items():
            if key in run_fields:
                merged[key] = value
            elif key in method_fields:
                options[key] = value
            else:
                names = [name.replace("_", "-") for name in run_fields | method_fields]
                raise UnknownNameError("key", key.replace("_", "-"), names, where=str(config))
        options |= {_field(key, config): value for key, value in inner.items()}
    for key, value in given.items():
        (merged if key in run_fields else options)[key] = value
    options |= {key.replace("-", "_"): value for key, value in (own_options or {}).items()}
    for needed in ("method", "task"):
        if needed not in merged:
            raise UsageError(
                f"--{needed} is not given", hint=f"`bench list {needed}s` shows what there is"
            )
    return validated(RunRequest, {**merged, "options": options})


def method_options(name: str, model: type[BaseModel], given: Mapping[str, Any]) -> BaseModel:
    """A method's options, checked and with defaults filled in.

    Raises:
        UsageError: if the method does not have one of them (names the methods that do), or a
            value is wrong.
    """
    for field in given:
        if field in model.model_fields:
            continue
        typed = field.replace("_", "-")
        others = methods_with(field)
        if others:
            raise UsageError(
                f"method {name!r} has no option --{typed}", hint=f"it belongs to {_and(others)}"
            )
        own = [known.replace("_", "-") for known in model.model_fields]
        raise UnknownNameError(f"option of method {name!r}", typed, own)
    return validated(model, given)


def frozen_models(request: RunRequest, entry: MethodEntry) -> tuple[str | None, str | None]:
    """Which GSLM and upstream the method gets.

    Returns:
        (gslm, upstream); None for what the method does not stand on. One that works on units may
        be given a GSLM for its encoder alone.

    Raises:
        UsageError: if one was given that the method would not use.
    """
    chosen: list[str | None] = []
    for need in ("gslm", "upstream"):
        given: str | None = getattr(request, need)
        if need in entry.needs:
            chosen.append(given or "mini")
        elif need == "gslm" and entry.units:
            chosen.append(given)  # its encoder makes the units, should the corpus be audio
        elif given is not None:
            raise UsageError(
                f"method {request.method!r} uses no {need}", hint=f"leave --{need} out"
            )
        else:
            chosen.append(None)
    if request.upstream_ckpt is not None and "upstream" not in entry.needs:
        raise UsageError(
            f"method {request.method!r} uses no upstream", hint="leave --upstream-ckpt out"
        )
    return chosen[0], chosen[1]


Model = TypeVar("Model", bound=BaseModel)


def validated(
    model: type[Model], values: Mapping[str, Any], *, company: str = "this command"
) -> Model:
    """A pydantic model from values by field name.

    Args:
        model: what to make.
        values: its fields.
        company: the option that an unknown field does not go with.

    Raises:
        UsageError: naming the option and what is wrong with its value.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise UsageError("; ".join(_told(item, company) for item in error.errors())) from error


_WORDS = {
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be {expected}",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "string_type": "must be a text",
    "path_type": "must be a path",
}
"""pydantic's kinds of errors, in words that go with an option's name."""


def _told(item: ErrorDetails, company: str) -> str:
    """What is wrong with one option."""
    kind, context = item["type"], item.get("ctx", {})
    name = "-".join(str(part).replace("_", "-") for part in item["loc"][:1])
    if kind == "missing":
        return f"--{name} is not given"
    if kind == "extra_forbidden":
        return f"--{name} does not go with {company}"
    if kind == "string_pattern_mismatch" and context.get("pattern") == DEVICE:
        return f"--{name} {item['input']!r} is no device: cpu, cuda or cuda:N"
    text = item["msg"].removeprefix("Value error, ")
    if not name:
        return text
    words = _WORDS.get(kind)
    said = f" {words.format(**context)}" if words else f": {text}"
    return f"--{name}{said} (given: {item['input']!r})"


def _and(names: tuple[str, ...]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"
