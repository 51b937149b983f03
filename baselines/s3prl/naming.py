"""Which s3prl upstream a name and a checkpoint mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baselines.s3prl.containment import silenced
from baselines.s3prl.embedded import embedded
from bench.errors import CheckpointError, MissingError, UnknownNameError, UsageError
from bench.files import sha256_of_file
from bench.gslm.registry import gslm_folder
from bench.registry import Registry

if TYPE_CHECKING:
    from torch import nn

with silenced():
    import s3prl.hub

Factory = Callable[[], "nn.Module"]

LOCAL = ("_local", "_custom")
REMOTE = ("_url", "_gdriveid")
HUGGING_FACE = {"hubert": "hf_hubert_custom", "wav2vec2": "hf_wav2vec2_custom"}
"""`model_type` of a Hugging Face folder -> the s3prl upstream that reads it."""

SETTINGS = ("config.json", "preprocessor_config.json")
"""The files of a Hugging Face folder that change what a model gives without changing a tensor."""

MINI = "mini"


def _mini() -> nn.Module:
    return embedded(gslm_folder(MINI))


OWN: Registry[Factory] = Registry(
    "upstream", {MINI: _mini}, entry_point_group="speechprompt_bench.upstreams"
)
"""Upstreams beside s3prl's own: a factory gives a module of s3prl's upstream interface (a list of
waveforms in, {"hidden_states": [(batch, frames, dim), ...]} out, `get_downsample_rates`)."""


def names() -> tuple[str, ...]:
    """Every upstream that can be asked for by name, ours first; no checkpoint is needed."""
    theirs = (name for name in _of_s3prl() if not name.endswith((*LOCAL, *REMOTE)))
    return (*OWN.names(), *(name for name in theirs if name != "customized_upstream"))


def factory(name: str, checkpoint: Path | None) -> tuple[str, Factory]:
    """What builds an upstream.

    Args:
        name: of this project's upstreams, of s3prl's, or a Hugging Face folder; a folder named
            like one of them is `./name`.
        checkpoint: local weights (`--upstream-ckpt`): a file of the family that `name` belongs
            to (`hubert_large_ll60k` and a HuBERT checkpoint), a Hugging Face folder, or, for
            `mini`, the GSLM folder whose encoder it is.

    Returns:
        (name for tables, factory).

    Raises:
        UnknownNameError: if there is no such upstream.
        UsageError: if name and checkpoint do not go together.
        MissingError: if the checkpoint or a file of it is not there.
        CheckpointError: if a Hugging Face folder holds another architecture.
    """
    known = _of_s3prl()
    named = name in OWN.names() or name in known
    if checkpoint is None and not named and ("/" in name or Path(name).is_dir()):
        name, checkpoint = Path(name).name, Path(name)
        return name, _hugging_face(checkpoint, None)
    if name == MINI and checkpoint is not None:
        if not checkpoint.is_dir():
            raise MissingError(
                "there is no such GSLM folder", where=str(checkpoint), hint="a folder of gslm.json"
            )
        return checkpoint.resolve().name, lambda: embedded(checkpoint)
    if name in OWN.names():
        if checkpoint is not None:
            raise UsageError(f"upstream {name!r} takes no --upstream-ckpt")
        return name, OWN.get(name)
    if name not in known:
        raise UnknownNameError("upstream", name, [*OWN.names(), *known])
    if checkpoint is None:
        if name.endswith((*LOCAL, *REMOTE)) or name == "customized_upstream":
            raise UsageError(
                f"upstream {name!r} reads a checkpoint of yours", hint="give --upstream-ckpt PATH"
            )
        return name, getattr(s3prl.hub, name)
    if not checkpoint.exists():
        raise MissingError("there is no such checkpoint", where=str(checkpoint))
    if name in HUGGING_FACE.values() or checkpoint.is_dir():
        return checkpoint.resolve().name, _hugging_face(checkpoint, name)
    local = getattr(s3prl.hub, _family(name, known))
    return f"{name}_{checkpoint.stem}", lambda: local(ckpt=str(checkpoint))


def _of_s3prl() -> tuple[str, ...]:
    """s3prl's list, less what its star imports drag in."""
    found: list[str] = [
        name
        for name in s3prl.hub.options()
        if getattr(s3prl.hub, name).__module__.endswith(".hubconf")
    ]
    return tuple(found)


def _family(name: str, known: tuple[str, ...]) -> str:
    """The function of s3prl that reads a local checkpoint of the same family."""
    if name.endswith(LOCAL):
        return name
    words = name.removesuffix("_url").split("_")
    for n in range(len(words), 0, -1):
        for ending in LOCAL:
            local = "_".join(words[:n]) + ending
            if local in known:
                return local
    module = getattr(s3prl.hub, name).__module__
    for local in known:
        if local.endswith(LOCAL) and getattr(s3prl.hub, local).__module__ == module:
            return local
    raise UsageError(
        f"s3prl reads no local checkpoint for upstream {name!r}", hint="leave --upstream-ckpt out"
    )


def _hugging_face(folder: Path, name: str | None) -> Factory:
    try:
        config: Any = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind = str(config["model_type"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MissingError(
            "is no folder of a Hugging Face model (config.json with a model_type)",
            where=str(folder),
        ) from error
    wanted = HUGGING_FACE.get(kind)
    if wanted is None:
        raise CheckpointError(
            f"holds a {kind!r} model; s3prl reads {' and '.join(HUGGING_FACE)}", where=str(folder)
        )
    asked = name and (name.partition("_")[0] if name not in HUGGING_FACE.values() else name)
    if asked and asked not in (kind, wanted):
        raise CheckpointError(f"holds a {kind!r} model, not {name!r}", where=str(folder))
    if not (folder / "preprocessor_config.json").is_file():
        raise MissingError(
            "lacks preprocessor_config.json, which says how the audio is normalised",
            where=str(folder),
            hint="copy it from the model's page; s3prl would take another model's",
        )
    reader = getattr(s3prl.hub, wanted)
    return lambda: _identified(
        _without_skips(_strictly_loaded(reader(str(folder)), folder)), folder
    )


def _identified(expert: nn.Module, folder: Path) -> nn.Module:
    """Says what decides the output and is no tensor: normalisation of audio, activation, norms."""
    files = {name: sha256_of_file(folder / name) for name in SETTINGS}
    expert.identity = json.dumps(files)  # type: ignore[assignment]
    return expert


def _strictly_loaded(expert: nn.Module, folder: Path) -> nn.Module:
    """transformers fills what a checkpoint lacks with random weights; here that is an error."""
    there = {_plain(key) for key in _keys(folder)}
    model: Any = expert.model
    needed = {_plain(f"{model.base_model_prefix}.{key}") for key in model.state_dict()}
    unprefixed = {_plain(key) for key in model.state_dict()}
    absent = min(needed - there, unprefixed - there, key=len) - {"masked_spec_embed"}
    absent = {key for key in absent if not key.endswith("masked_spec_embed")}
    if absent:
        raise CheckpointError(
            f"lacks {len(absent)} tensors of the model, e.g. {min(absent)}", where=str(folder)
        )
    return expert


def _without_skips(expert: nn.Module) -> nn.Module:
    """In training nothing is masked and no layer skipped, as s3prl has it for its own models.

    Layers that are missing at random do not go with a sum of all layers, and masks of ten frames
    not with short clips.
    """
    model: Any = expert.model
    model.config.apply_spec_augment = False
    model.config.layerdrop = 0.0
    return expert


def _keys(folder: Path) -> set[str]:
    import torch
    from safetensors import safe_open

    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    keys: set[str] = set()
    for file in files:
        if file.suffix == ".safetensors":
            with safe_open(file, framework="pt") as content:
                keys.update(content.keys())
        else:
            keys.update(torch.load(file, map_location="meta", weights_only=True))
    return keys


def _plain(key: str) -> str:
    """Weight norm has two spellings in checkpoints."""
    return key.replace("weight_g", "parametrizations.weight.original0").replace(
        "weight_v", "parametrizations.weight.original1"
    )
