"""`bench import`: a fairseq unit LM becomes a GSLM folder.

The checkpoint is read once, without trusting it, and checked strictly: every weight must be there
with the shape the settings say, and nothing else. A model that is loaded half gives results of a
random one, so there is no lenient way.
"""

from __future__ import annotations

import contextlib
import gzip
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import torch
from pydantic import ValidationError
from torch import Tensor

from bench.errors import CheckpointError, MissingError
from bench.files import sha256_of_file, storage
from bench.gslm.card import N_SPECIALS, GslmCard, LmShape
from bench.gslm.fairseq_settings import check_supported, integer, max_positions, settings_of
from bench.gslm.folder import check_free, save_gslm
from bench.gslm.lm import UnitLM
from bench.gslm.restricted_unpickling import read_checkpoint

CHECKPOINT, DICT = "checkpoint_best.pt", "dict.txt"
"""The files of a published GSLM archive."""

_FILLER = "madeupword"
"""Symbols fairseq adds to round the vocabulary up; they stand for no unit."""

_BUFFERS = (
    "decoder.version",
    "decoder.embed_positions._float_tensor",
    "decoder.embed_positions.weights",
)
"""Not weights: fairseq's format number and what is left of its table of sinusoids."""
_FORMAT = "decoder.version"
_OUTPUT = "decoder.output_projection.weight"
_EMBED = "decoder.embed_tokens.weight"

_LAYER = {
    "attn_norm": "self_attn_layer_norm",
    "out": "self_attn.out_proj",
    "ffn_norm": "final_layer_norm",
    "up": "fc1",
    "down": "fc2",
}
_QKV = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")


def import_fairseq(
    src: Path,
    out: Path,
    dict_path: Path | None = None,
    *,
    name: str | None = None,
    overwrite: bool = False,
) -> GslmCard:
    """Writes a fairseq unit LM as a GSLM folder.

    Weights are stored in fp32 whatever the checkpoint holds (fp16 widens without loss).

    Args:
        src: a checkpoint, a folder with `checkpoint_best.pt` and `dict.txt`, or the published
            archive (.tgz) of both.
        out: the GSLM folder to write.
        dict_path: fairseq's dictionary; by default `dict.txt` beside the checkpoint.
        name: the GSLM's name; by default that of `src`.
        overwrite: replace a GSLM that is there.

    Returns:
        The card of the new folder.

    Raises:
        UsageError: if there is a GSLM already, and not `overwrite`.
        MissingError: if a file is not there.
        CheckpointError: if the checkpoint or the dictionary is not what a unit LM has.
        StorageError: if the folder cannot be written.
    """
    check_free(out, overwrite=overwrite)
    source = src.resolve().name
    with _files_of(src, dict_path) as (checkpoint_path, found_dict):
        checkpoint = read_checkpoint(checkpoint_path)
        where = str(src) if src.is_file() else str(checkpoint_path)
        style, settings = settings_of(checkpoint, where)
        check_supported(settings, where)
        state = _state_of(checkpoint, where)
        shape = _shape_of(state, settings, where)
        weights = unit_lm_weights(state, shape, where=where)
        rows = unit_rows(found_dict, shape.n_rows)
        card = GslmCard(
            name=name or source.removesuffix(".tar.gz").removesuffix(src.suffix),
            n_units=len(rows),
            rows=rows,
            lm=shape,
            origin=f"fairseq checkpoint {source}",
            recipe={
                "imported_from": "fairseq",
                "style": style,
                "arch": str(settings.get("arch")),
                "add_bos_token": bool(settings.get("add_bos_token")),
                "checkpoint_dtype": str(state[_EMBED].dtype).removeprefix("torch."),
                "checkpoint_sha256": sha256_of_file(checkpoint_path),
                "dict_sha256": sha256_of_file(found_dict),
            },
        )
        lm = UnitLM(shape)
        lm.load_state_dict(weights)
        save_gslm(out, card, lm)
    return card


def unit_rows(path: Path, n_rows: int) -> list[int]:
    """The embedding row of every unit, from fairseq's dictionary.

    The row of a symbol is 4 plus its line from 0: the dictionary's order is that of training,
    often by frequency, so a row is not a unit id.

    Args:
        path: dict.txt, lines of `symbol count`.
        n_rows: rows of the embedding.

    Returns:
        `rows[u]` is the row of unit `u`.

    Raises:
        CheckpointError: naming file and line, if a symbol is no unit or occurs twice, units are
            missing, or the number of lines does not fit the embedding.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise CheckpointError("is not UTF-8 text", where=str(path)) from error
    row_of: dict[int, int] = {}
    for number, line in enumerate(lines, start=1):
        where = f"{path}:{number}"
        symbol, _, count = line.rstrip().rpartition(" ")
        if not symbol or not count.isdecimal():
            raise CheckpointError(f"expected 'symbol count', found {line[:60]!r}", where=where)
        if symbol.startswith(_FILLER):
            continue
        if not (symbol.isascii() and symbol.isdecimal()):
            raise CheckpointError(
                f"symbol {symbol[:60]!r} is not a unit id",
                where=where,
                hint="this looks like the dictionary of a text model",
            )
        unit = int(symbol)
        if unit in row_of:
            raise CheckpointError(
                f"unit {unit} again, first on line {row_of[unit] - N_SPECIALS + 1}", where=where
            )
        row_of[unit] = N_SPECIALS + number - 1
    if N_SPECIALS + len(lines) != n_rows:
        raise CheckpointError(
            f"has {len(lines)} lines, the checkpoint has embeddings for {n_rows - N_SPECIALS}",
            where=str(path),
            hint="this is the dictionary of another model",
        )
    missing = sorted(set(range(len(row_of))) - row_of.keys())
    if missing or not row_of:
        raise CheckpointError(
            f"units missing between 0 and {max(row_of, default=0)}: {missing[:10]}",
            where=str(path),
            hint="every unit of the k-means needs a line",
        )
    return [row_of[unit] for unit in range(len(row_of))]


def unit_lm_weights(
    state: Mapping[str, Tensor], shape: LmShape, *, where: str = "state"
) -> dict[str, Tensor]:
    """fairseq's weights under the names of `UnitLM`, in fp32.

    Args:
        state: fairseq's `model` dictionary.
        shape: what the settings say.
        where: the file, for messages.

    Returns:
        A state dictionary of `UnitLM(shape)`; its tensors share no memory with `state`.

    Raises:
        CheckpointError: listing missing and unexpected names, wrong shapes, weights that are not
            finite, or an output projection that is not the embedding.
    """
    expected = _expected(shape)
    missing = sorted(expected.keys() - state.keys())
    unexpected = sorted(state.keys() - expected.keys() - {*_BUFFERS, _OUTPUT})
    if missing or unexpected:
        raise CheckpointError(
            f"does not hold the weights its settings describe\n"
            f"    missing ({len(missing)}): {', '.join(missing[:8]) or '-'}\n"
            f"    unexpected ({len(unexpected)}): {', '.join(unexpected[:8]) or '-'}",
            where=where,
        )
    wrong = [
        f"{key} {tuple(state[key].shape)} instead of {wanted}"
        for key, wanted in expected.items()
        if tuple(state[key].shape) != wanted
    ]
    if wrong:
        raise CheckpointError(
            f"shapes that its settings do not describe: {'; '.join(wrong[:6])}", where=where
        )
    broken = [k for k in expected if not state[k].is_floating_point()]
    broken += [k for k in expected if k not in broken and not bool(state[k].isfinite().all())]
    if broken:
        raise CheckpointError(
            f"weights that are not finite numbers: {', '.join(broken[:6])}",
            where=where,
            hint="the training diverged or the file is damaged: take another checkpoint",
        )
    if _OUTPUT in state and not torch.equal(state[_OUTPUT], state[_EMBED]):
        raise CheckpointError(
            f"{_OUTPUT} differs from {_EMBED}: the output projection is not tied", where=where
        )
    weights = {"embed.weight": state[_EMBED]}
    for part in ("weight", "bias"):
        weights[f"final_norm.{part}"] = state[f"decoder.layer_norm.{part}"]
        for i in range(shape.layers):
            theirs = f"decoder.layers.{i}."
            weights[f"layers.{i}.qkv.{part}"] = torch.cat(
                [state[f"{theirs}{projection}.{part}"] for projection in _QKV]
            )
            for ours, other in _LAYER.items():
                weights[f"layers.{i}.{ours}.{part}"] = state[f"{theirs}{other}.{part}"]
    return {k: v.detach().to(torch.float32, copy=True) for k, v in weights.items()}


def _expected(shape: LmShape) -> dict[str, tuple[int, ...]]:
    """fairseq's weight names and their shapes."""
    d, ffn = shape.dim, shape.ffn_dim
    expected: dict[str, tuple[int, ...]] = {_EMBED: (shape.n_rows, d)}
    norms = ["decoder.layer_norm"]
    for i in range(shape.layers):
        layer = f"decoder.layers.{i}."
        norms += [f"{layer}self_attn_layer_norm", f"{layer}final_layer_norm"]
        for linear, rows, columns in (
            *((projection, d, d) for projection in (*_QKV, "self_attn.out_proj")),
            ("fc1", ffn, d),
            ("fc2", d, ffn),
        ):
            expected[f"{layer}{linear}.weight"] = (rows, columns)
            expected[f"{layer}{linear}.bias"] = (rows,)
    expected |= {f"{norm}.{part}": (d,) for norm in norms for part in ("weight", "bias")}
    return expected


def _state_of(checkpoint: Mapping[str, Any], where: str) -> Mapping[str, Tensor]:
    state = checkpoint.get("model")
    if not isinstance(state, Mapping) or not state:
        raise CheckpointError("has no weights: no 'model'", where=where)
    odd = [str(k) for k, v in state.items() if not isinstance(v, Tensor)]
    if odd:
        raise CheckpointError(f"its 'model' holds more than tensors: {odd[:5]}", where=where)
    if _FORMAT not in state or float(state[_FORMAT].reshape(-1)[0]) < 3:
        raise CheckpointError(
            f"{_FORMAT} is not 3: fairseq would load this old format without its final norm",
            where=where,
            hint="load it with fairseq and save it again",
        )
    return state


def _shape_of(state: Mapping[str, Tensor], settings: Mapping[str, Any], where: str) -> LmShape:
    if _EMBED not in state or state[_EMBED].dim() != 2:
        raise CheckpointError(f"has no {_EMBED} of rows and dimensions", where=where)
    numbers = {
        ours: integer(settings, theirs, where)
        for ours, theirs in {
            "layers": "decoder_layers",
            "dim": "decoder_embed_dim",
            "ffn_dim": "decoder_ffn_embed_dim",
            "heads": "decoder_attention_heads",
        }.items()
    }
    try:
        return LmShape(
            **numbers,
            max_positions=max_positions(settings, where),
            n_rows=len(state[_EMBED]),
        )
    except ValidationError as error:
        reason = "; ".join(e["msg"] for e in error.errors())
        raise CheckpointError(f"impossible settings: {reason}", where=where) from error


@contextlib.contextmanager
def _files_of(src: Path, dict_path: Path | None) -> Iterator[tuple[Path, Path]]:
    """The checkpoint and the dictionary of a source; an archive's lie in a temporary folder."""
    if not src.exists():
        raise MissingError("no such file or folder", where=str(src))
    with contextlib.ExitStack() as stack:
        checkpoint = src / CHECKPOINT if src.is_dir() else src
        if src.is_file() and src.name.endswith((".tgz", ".tar.gz", ".tar")):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-import-")))
            _unpack(src, folder)
            checkpoint = folder / CHECKPOINT
        found_dict = dict_path or checkpoint.parent / DICT
        for path in (checkpoint, found_dict):
            if not path.is_file():
                raise MissingError(
                    f"no {path.name} here",
                    where=str(src),
                    hint="the dictionary can be given with --dict"
                    if path is found_dict
                    else f"expected {CHECKPOINT} and {DICT}, or the path of the .pt file itself",
                )
        yield checkpoint, found_dict


_DAMAGE = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile)
"""What a truncated or damaged archive ends in."""


def _unpack(archive: Path, folder: Path) -> None:
    """The checkpoint and the dictionary of an archive; no path in it is followed."""
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                target = folder / member.name.rpartition("/")[2]
                if not member.isreg() or target.name not in (CHECKPOINT, DICT):
                    continue
                if target.exists():
                    raise CheckpointError(f"holds {target.name} twice", where=str(archive))
                source = tar.extractfile(member)
                assert source is not None  # a regular file
                with storage(target), target.open("wb") as copy:
                    copy.writelines(_blocks(source, archive))
    except _DAMAGE as error:
        raise _damaged(archive, error) from error


def _blocks(source: IO[bytes], archive: Path) -> Iterator[bytes]:
    try:
        while block := source.read(1 << 20):
            yield block
    except _DAMAGE as error:  # here, because damage is no fault of the disk that is written
        raise _damaged(archive, error) from error


def _damaged(archive: Path, error: BaseException) -> CheckpointError:
    return CheckpointError(
        f"cannot be unpacked: {error}",
        where=str(archive),
        hint="it may be truncated: compare its size, fetch it again",
    )
