"""What a fairseq checkpoint says about its model, and whether `UnitLM` is that model.

Old checkpoints hold an argparse namespace under `args`, newer ones a configuration tree under
`cfg` (omegaconf or plain dictionaries, sometimes with a namespace inside). Both become one plain
dictionary. A setting that changes the model into something `UnitLM` does not compute is refused by
its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.errors import CheckpointError
from bench.gslm.restricted_unpickling import Recorded

Settings = Mapping[str, Any]

_DEFAULT_MAX_POSITIONS = 1024
"""Source: fairseq transformer_lm, DEFAULT_MAX_TARGET_POSITIONS."""

_UNSUPPORTED = {
    "adaptive_input": "adaptive input embeddings",
    "adaptive_softmax_cutoff": "an adaptive softmax",
    "base_layers": "BASE layers",
    "character_embeddings": "character embeddings",
    "cross_self_attention": "cross-self-attention",
    "decoder_layers_to_keep": "pruned layers",
    "decoder_learned_pos": "learned positions",
    "decoder_xformers_att_config": "xFormers attention",
    "layernorm_embedding": "a norm on the embedding",
    "no_decoder_final_norm": "no final norm",
    "no_scale_embedding": "unscaled embeddings",
    "no_token_positional_embeddings": "no positions",
    "quant_noise_pq": "quantisation noise",
    "quant_noise_scalar": "quantisation noise",
    "scale_attn": "NormFormer's norms",
    "scale_fc": "NormFormer's norms",
    "scale_heads": "NormFormer's norms",
    "scale_resids": "NormFormer's norms",
    "tie_adaptive_weights": "adaptive input embeddings",
}
_NEEDED = {
    "activation_fn": ("relu", "another activation than ReLU"),
    "decoder_normalize_before": (True, "norms after the residual (post-norm)"),
    "decoder_final_norm": (True, "no final norm"),
    "share_decoder_input_output_embed": (True, "an output projection of its own (untied)"),
}


def settings_of(checkpoint: Mapping[str, Any], where: str) -> tuple[str, Settings]:
    """The style of a checkpoint and its model's settings.

    Args:
        checkpoint: from `read_checkpoint`.
        where: the file, for messages.

    Returns:
        "args" or "cfg", and the settings by fairseq's names; those of the task and the
        architecture's name (`arch`) are included.

    Raises:
        CheckpointError: if there is neither.
    """
    try:
        if checkpoint.get("cfg") is not None:
            tree = plain(checkpoint["cfg"])
            if isinstance(tree, dict) and isinstance(tree.get("model"), dict):
                task = tree.get("task")
                merged = {**(task if isinstance(task, dict) else {}), **tree["model"]}
                merged["arch"] = tree["model"].get("_name", tree["model"].get("arch"))
                return "cfg", {k: _resolved(v, tree) for k, v in merged.items()}
        elif checkpoint.get("args") is not None:
            args = plain(checkpoint["args"])
            if isinstance(args, dict):
                return "args", args
    except RecursionError as error:
        raise CheckpointError("its configuration contains itself", where=where) from error
    raise CheckpointError(
        "has no model settings: neither 'args' nor 'cfg' with a 'model'",
        where=where,
        hint=f"it holds {sorted(map(str, checkpoint))[:12]}; pass the checkpoint of a unit LM",
    )


def plain(value: object) -> object:
    """Namespaces, omegaconf containers and enum members as dictionaries, lists and values."""
    if isinstance(value, Recorded):
        state = value.state
        if not isinstance(state, dict):
            return plain(value.arguments[0]) if value.arguments else None
        for content in ("_content", "_val"):
            if content in state:
                return plain(state[content])
        return plain(state)
    if isinstance(value, Mapping):
        return {str(plain(k)): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def _resolved(value: object, tree: Mapping[str, Any]) -> object:
    """The value an omegaconf interpolation such as `${task.max_positions}` points to."""
    if not (isinstance(value, str) and value.startswith("${") and value.endswith("}")):
        return value
    found: Any = tree
    for key in value[2:-1].split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return None if isinstance(found, str) and found.startswith("${") else found


def check_supported(settings: Settings, where: str) -> None:
    """Refuses a model that `UnitLM` does not compute.

    Raises:
        CheckpointError: naming every setting that is in the way.
    """
    faults = [
        f"{name}={settings[name]!r} ({meaning})"
        for name, meaning in _UNSUPPORTED.items()
        if settings.get(name)
    ]
    faults += [
        f"{name}={settings[name]!r} ({meaning})"
        for name, (needed, meaning) in _NEEDED.items()
        if name in settings and settings[name] is not None and settings[name] != needed
    ]
    arch = settings.get("arch")
    if arch is not None and not str(arch).startswith("transformer_lm"):
        faults.insert(0, f"arch={arch!r} (not a transformer_lm)")
    width = settings.get("decoder_embed_dim")
    faults += [
        f"{name}={settings[name]!r} (not decoder_embed_dim={width!r})"
        for name in ("decoder_input_dim", "decoder_output_dim")
        if settings.get(name) not in (None, width)
    ]
    if faults:
        raise CheckpointError(
            f"unsupported model: {'; '.join(faults)}",
            where=where,
            hint="supported: transformer_lm with pre-norm layers, a final norm, ReLU, sinusoidal "
            "positions and tied embeddings (transformer_lm_big of the published GSLMs)",
        )


def integer(settings: Settings, name: str, where: str) -> int:
    """A whole number among the settings.

    Raises:
        CheckpointError: if it is absent or something else.
    """
    value = settings.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise CheckpointError(f"its setting {name} is {value!r}, not a whole number", where=where)
    return value


def max_positions(settings: Settings, where: str) -> int:
    """The longest sequence the LM was trained for, as fairseq finds it."""
    for name in ("max_target_positions", "tokens_per_sample"):
        if settings.get(name) is not None:
            return integer(settings, name, where)
    return _DEFAULT_MAX_POSITIONS
