"""Importing checkpoints that fairseq itself wrote, and every way they can be wrong."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import tarfile
import warnings
import zipfile
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor

from bench.errors import CheckpointError, MissingError, UsageError
from bench.gslm.card import BOS, EOS, N_SPECIALS, GslmCard
from bench.gslm.folder import load_gslm
from bench.gslm.importing import import_fairseq, unit_rows
from bench.gslm.packing import pack
from bench.gslm.registry import gslm_folder
from tests.perf import reference  # imports fairseq quietly, so it comes first

# isort: split
from fairseq import checkpoint_utils, utils
from fairseq.data import Dictionary
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.models.transformer_lm import TransformerLanguageModel, transformer_lm_big

assert reference

N_UNITS = 7
ORDER = [3, 0, 6, 2, 5, 1, 4]
"""A dictionary by frequency: line -> unit."""

Style = Callable[[Namespace], dict[str, Any]]


def as_args(args: Namespace) -> dict[str, Any]:
    return {"args": args, "cfg": None}


def as_plain_cfg(args: Namespace) -> dict[str, Any]:
    model = {**vars(args), "_name": "transformer_lm_big"}
    return {"args": None, "cfg": {"model": model, "task": {"_name": "language_modeling"}}}


def as_omegaconf_cfg(args: Namespace) -> dict[str, Any]:
    cfg = as_plain_cfg(args)["cfg"]
    cfg["task"]["max_target_positions"] = cfg["model"]["max_target_positions"]
    cfg["model"]["max_target_positions"] = "${task.max_target_positions}"
    cfg["common"] = {"seed": 1, "betas": [0.9, 0.98], "user_dir": None}
    return {"args": None, "cfg": OmegaConf.create(cfg)}


def as_cfg_with_namespace(args: Namespace) -> dict[str, Any]:
    args._name = "transformer_lm_big"
    model = OmegaConf.create({"model": None, "task": None}, flags={"allow_objects": True})
    model.model = args
    return {"args": None, "cfg": model}


def as_composed_cfg(args: Namespace) -> dict[str, Any]:
    with warnings.catch_warnings():  # hydra's own deprecations
        warnings.simplefilter("ignore")
        return {"args": None, "cfg": convert_namespace_to_omegaconf(args)}


@dataclass
class Written:
    """A checkpoint folder and the model it was saved from."""

    folder: Path
    model: Any
    args: Namespace
    order: Sequence[int]

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint_best.pt"

    def save(
        self, *, style: Style = as_args, legacy: bool = False, **changed: object
    ) -> dict[str, Any]:
        """What fairseq's Trainer saves, in `changed` parts; returns it."""
        state: dict[str, Any] = {
            **style(Namespace(**vars(self.args))),
            "model": self.model.state_dict(),
            "criterion": None,
            "optimizer_history": [{"criterion_name": "CrossEntropyCriterion", "num_updates": 3}],
            "task_state": {},
            "extra_state": {"val_loss": np.float64(1.5), "train_iterator": {"epoch": 2}},
            "last_optimizer_state": {"state": {0: {"exp_avg": torch.zeros(3)}}},
            **changed,
        }
        if legacy:
            torch.save(state, self.checkpoint, _use_new_zipfile_serialization=False)
        else:
            checkpoint_utils.torch_persistent_save(state, str(self.checkpoint))
        return state


def fairseq_model(folder: Path, order: Sequence[int], **settings: object) -> Written:
    """A small transformer_lm built by fairseq, with its dictionary, saved in `args` style."""
    symbols = Dictionary()
    for unit in order:
        symbols.add_symbol(str(unit), n=100 - unit)
    folder.mkdir(parents=True)
    symbols.save(str(folder / "dict.txt"))
    args = Namespace(
        arch="transformer_lm_big",
        task="language_modeling",
        decoder_layers=2,
        decoder_embed_dim=16,
        decoder_ffn_embed_dim=24,
        decoder_attention_heads=4,
        max_target_positions=64,
        share_decoder_input_output_embed=True,
    )
    for key, value in settings.items():
        setattr(args, key, value)
    transformer_lm_big(args)
    task = Namespace(source_dictionary=symbols, target_dictionary=symbols)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = TransformerLanguageModel.build_model(Namespace(**vars(args)), task)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() == 1:
                    parameter.add_(0.1 * torch.randn_like(parameter))
    written = Written(folder, model.eval(), args, order)
    written.save()
    return written


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return fairseq_model(tmp_path / "fairseq", ORDER)


SENTENCES = ([0, 6, 3, 3, 1, 2], [5], [4, 2, 6, 0, 1, 5, 3, 2, 4, 4, 1])


def fairseq_log_probs(written: Written, units: Sequence[int]) -> Tensor:
    symbols = written.model.decoder.dictionary
    tokens = torch.tensor([[EOS, *(symbols.index(str(u)) for u in units), BOS]])
    with torch.no_grad():
        net_output = written.model(tokens)
        found: Tensor = written.model.get_normalized_probs(net_output, log_probs=True)[0]
    return found


def assert_same_lm(written: Written, folder: Path, tolerance: float = 1e-5) -> None:
    gslm = load_gslm(folder)
    for units in SENTENCES:
        rows = [gslm.card.rows[u] for u in units]
        with torch.no_grad():
            hidden = gslm.lm(pack([np.array([EOS, *rows, BOS])]))
            ours = gslm.lm.logits(hidden).log_softmax(-1)
        theirs = fairseq_log_probs(written, units)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance)
        assert theirs.std() > 0.1  # the comparison could fail


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    "style", [as_args, as_plain_cfg, as_omegaconf_cfg, as_cfg_with_namespace, as_composed_cfg]
)
def test_imported_lm_gives_fairseqs_log_probabilities(
    written: Written, tmp_path: Path, style: Style, legacy: bool
) -> None:
    written.save(style=style, legacy=legacy)
    card = import_fairseq(written.folder, tmp_path / "out")
    assert card.lm.model_dump() == {
        "layers": 2,
        "dim": 16,
        "ffn_dim": 24,
        "heads": 4,
        "max_positions": 64,
        "n_rows": N_SPECIALS + N_UNITS,
    }
    assert card.recipe["style"] == ("args" if style is as_args else "cfg")
    assert load_gslm(tmp_path / "out").card == card
    assert_same_lm(written, tmp_path / "out")


def test_dict_in_order_of_frequency_maps_units_to_its_rows(
    written: Written, tmp_path: Path
) -> None:
    card = import_fairseq(written.checkpoint, tmp_path / "out")
    assert [ORDER[row - N_SPECIALS] for row in card.rows] == list(range(N_UNITS))


def test_dict_in_numerical_order(tmp_path: Path) -> None:
    written = fairseq_model(tmp_path / "fairseq", range(N_UNITS))
    card = import_fairseq(written.checkpoint, tmp_path / "out")
    assert card.rows == list(range(N_SPECIALS, N_SPECIALS + N_UNITS))
    assert_same_lm(written, tmp_path / "out")


def test_half_precision_checkpoint_is_stored_in_fp32(written: Written, tmp_path: Path) -> None:
    half = {name: weight.half() for name, weight in written.model.state_dict().items()}
    written.model.load_state_dict(half)  # fairseq computes with the rounded weights, in fp32
    written.save(model=half)
    card = import_fairseq(written.folder, tmp_path / "out")
    assert card.recipe["checkpoint_dtype"] == "float16"
    assert load_gslm(tmp_path / "out").lm.embed.weight.dtype == torch.float32
    assert_same_lm(written, tmp_path / "out")


def test_old_checkpoint_without_output_projection(written: Written, tmp_path: Path) -> None:
    state = dict(written.model.state_dict())
    del state["decoder.output_projection.weight"]
    state["decoder.embed_positions._float_tensor"] = torch.zeros(1)
    written.save(model=state)
    import_fairseq(written.folder, tmp_path / "out")
    assert_same_lm(written, tmp_path / "out")


def test_madeupwords_round_the_vocabulary_up(tmp_path: Path) -> None:
    written = fairseq_model(tmp_path / "fairseq", ORDER)
    path = written.folder / "dict.txt"
    path.write_text(path.read_text() + "madeupword0000 0\n", encoding="utf-8")
    assert len(unit_rows(path, N_SPECIALS + N_UNITS + 1)) == N_UNITS


def archive(written: Written, path: Path, prefix: str = "lm") -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name in ("checkpoint_best.pt", "dict.txt"):
            tar.add(written.folder / name, f"{prefix}/{name}")
    return path


def test_a_gslm_is_not_replaced_unasked(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(gslm_folder("mini"), tmp_path / "out")
    with pytest.raises(UsageError, match="a GSLM is already here"):
        import_fairseq(written.checkpoint, tmp_path / "out")
    monkeypatch.chdir(written.checkpoint.parent)
    card = import_fairseq(Path(written.checkpoint.name), tmp_path / "out", overwrite=True)
    assert card.encoder is None
    assert {file.name for file in (tmp_path / "out").glob("*.safetensors")} == {"lm.safetensors"}


def test_published_archive(written: Written, tmp_path: Path) -> None:
    path = archive(written, tmp_path / "hubert7_lm.tgz")
    card = import_fairseq(path, tmp_path / "out")
    assert card.name == "hubert7_lm"
    assert_same_lm(written, tmp_path / "out")


def test_archive_cannot_write_outside_its_folder(written: Written, tmp_path: Path) -> None:
    path = archive(written, tmp_path / "lm.tgz", prefix="../../../escaped")
    with tarfile.open(path, "w:gz") as tar:
        for name in ("checkpoint_best.pt", "dict.txt"):
            tar.add(written.folder / name, f"{tmp_path}/absolute/{name}")
        link = tarfile.TarInfo("dict.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    import_fairseq(path, tmp_path / "out")
    assert_same_lm(written, tmp_path / "out")
    assert not list(tmp_path.rglob("*escaped*"))
    assert not (tmp_path / "absolute").exists()


def test_truncated_archive(written: Written, tmp_path: Path) -> None:
    path = archive(written, tmp_path / "lm.tgz")
    for kept in (0.9, 0.5, 0.1):
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
        with pytest.raises((CheckpointError, MissingError), match=r"unpacked|no dict\.txt"):
            import_fairseq(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_archive_without_checkpoint(written: Written, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "lm.tgz", "w:gz") as tar:
        tar.add(written.folder / "dict.txt", "dict.txt")
    with pytest.raises(MissingError, match=r"no checkpoint_best\.pt"):
        import_fairseq(tmp_path / "lm.tgz", tmp_path / "out")


def test_what_is_not_there(written: Written, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such file"):
        import_fairseq(tmp_path / "nowhere.pt", tmp_path / "out")
    (written.folder / "dict.txt").rename(tmp_path / "elsewhere.txt")
    with pytest.raises(MissingError, match=r"no dict\.txt here(.|\n)*--dict"):
        import_fairseq(written.checkpoint, tmp_path / "out")
    import_fairseq(written.checkpoint, tmp_path / "out", tmp_path / "elsewhere.txt", name="g")
    assert load_gslm(tmp_path / "out").card.name == "g"


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("kept", [0.98, 0.6, 0.02, 0.0])
def test_truncated_checkpoint(written: Written, tmp_path: Path, legacy: bool, kept: float) -> None:
    written.save(legacy=legacy)
    whole = written.checkpoint.read_bytes()
    written.checkpoint.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(CheckpointError, match=r"cannot be read(.|\n)*truncated"):
        import_fairseq(written.folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content", [b"<html>404 Not Found</html>", b"PK\x03\x04junk", b"\x80\x04."]
)
def test_not_a_checkpoint(written: Written, tmp_path: Path, content: bytes) -> None:
    written.checkpoint.write_bytes(content)
    with pytest.raises(CheckpointError, match="cannot be read as a PyTorch checkpoint"):
        import_fairseq(written.folder, tmp_path / "out")


def test_torchscript_archive_is_not_run(written: Written, tmp_path: Path) -> None:
    written.checkpoint.unlink()
    with zipfile.ZipFile(written.checkpoint, "w") as file:
        file.writestr("m/data.pkl", pickle.dumps({}, protocol=2))
        file.writestr("m/constants.pkl", pickle.dumps((), protocol=2))
    with pytest.raises(CheckpointError, match="cannot be read"):
        import_fairseq(written.folder, tmp_path / "out")


class Malicious:
    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call, self.arguments


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    ("call", "arguments", "named"),
    [
        (os.system, ("touch MARK",), r"posix\.system"),
        (subprocess.check_call, (["touch", "MARK"],), r"subprocess\.check_call"),
        (eval, ("open('MARK', 'w')",), r"builtins\.eval"),
        (torch.hub.load, ("MARK",), r"torch\.hub\.load"),
        (utils.import_user_module, (Namespace(user_dir="MARK"),), None),
    ],
)
def test_malicious_pickle_is_refused_and_not_run(
    written: Written,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[..., object],
    arguments: tuple[object, ...],
    named: str | None,
    legacy: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    written.save(legacy=legacy, task_state=Malicious(call, *arguments))
    if named is None:  # fairseq's own names are taken for records and not called
        import_fairseq(written.folder, tmp_path / "out")
    else:
        with pytest.raises(CheckpointError, match=rf"refused.*{named}.*nothing was run"):
            import_fairseq(written.folder, tmp_path / "out")
        assert not (tmp_path / "out").exists()
    assert not (tmp_path / "MARK").exists()


def test_import_needs_neither_fairseq_nor_omegaconf(written: Written, tmp_path: Path) -> None:
    written.save(style=as_omegaconf_cfg)
    program = (
        "import sys; sys.modules['omegaconf'] = sys.modules['fairseq'] = None\n"
        "from pathlib import Path\n"
        "from bench.gslm.importing import import_fairseq\n"
        "print(import_fairseq(Path(sys.argv[1]), Path(sys.argv[2])).name)"
    )
    command = [sys.executable, "-c", program, str(written.folder), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "fairseq"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("activation_fn", "gelu"),
        ("adaptive_input", True),
        ("adaptive_softmax_cutoff", "10,20"),
        ("base_layers", 1),
        ("character_embeddings", True),
        ("decoder_layers_to_keep", "0,1"),
        ("decoder_learned_pos", True),
        ("decoder_normalize_before", False),
        ("decoder_output_dim", 8),
        ("layernorm_embedding", True),
        ("no_decoder_final_norm", True),
        ("no_scale_embedding", True),
        ("no_token_positional_embeddings", True),
        ("quant_noise_pq", 0.1),
        ("scale_heads", True),
        ("share_decoder_input_output_embed", False),
    ],
)
@pytest.mark.parametrize("style", [as_args, as_omegaconf_cfg])
def test_unsupported_setting_is_named(
    written: Written, tmp_path: Path, setting: str, value: object, style: Style
) -> None:
    setattr(written.args, setting, value)
    written.save(style=style)
    with pytest.raises(CheckpointError, match=rf"unsupported model: {setting}="):
        import_fairseq(written.folder, tmp_path / "out")


def test_another_architecture(written: Written, tmp_path: Path) -> None:
    written.args.arch = "transformer_wmt_en_de"
    written.save()
    with pytest.raises(CheckpointError, match=r"arch='transformer_wmt_en_de'"):
        import_fairseq(written.folder, tmp_path / "out")


def test_settings_are_missing(written: Written, tmp_path: Path) -> None:
    written.save(args=None)
    with pytest.raises(CheckpointError, match="neither 'args' nor 'cfg'"):
        import_fairseq(written.folder, tmp_path / "out")
    del written.args.decoder_attention_heads
    written.save()
    with pytest.raises(CheckpointError, match="decoder_attention_heads is None"):
        import_fairseq(written.folder, tmp_path / "out")


def test_settings_that_contain_themselves(written: Written, tmp_path: Path) -> None:
    loop: list[object] = []
    loop.append(loop)
    written.args.loop = loop
    written.save()
    with pytest.raises(CheckpointError, match="contains itself"):
        import_fairseq(written.folder, tmp_path / "out")


def test_settings_no_lm_can_have(written: Written, tmp_path: Path) -> None:
    written.args.decoder_attention_heads = 3
    written.save()
    with pytest.raises(CheckpointError, match="impossible settings"):
        import_fairseq(written.folder, tmp_path / "out")


def test_missing_and_unexpected_weights_are_listed(written: Written, tmp_path: Path) -> None:
    state = dict(written.model.state_dict())
    del state["decoder.layers.1.fc2.bias"]
    state["decoder.sep_embedding.weight"] = torch.zeros(1)
    written.save(model=state)
    with pytest.raises(CheckpointError) as caught:
        import_fairseq(written.folder, tmp_path / "out")
    assert "missing (1): decoder.layers.1.fc2.bias" in str(caught.value)
    assert "unexpected (1): decoder.sep_embedding.weight" in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("decoder_ffn_embed_dim", 32, r"fc1\.weight \(24, 16\) instead of \(32, 16\)"),
        ("decoder_layers", 3, r"missing \(16\): decoder\.layers\.2"),
        ("decoder_layers", 1, r"unexpected \(16\): decoder\.layers\.1"),
    ],
)
def test_settings_that_do_not_describe_the_weights(
    written: Written, tmp_path: Path, setting: str, value: int, message: str
) -> None:
    setattr(written.args, setting, value)
    written.save()
    with pytest.raises(CheckpointError, match=message):
        import_fairseq(written.folder, tmp_path / "out")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite(written: Written, tmp_path: Path, bad: float) -> None:
    with torch.no_grad():
        written.model.decoder.layers[1].fc1.weight[2, 3] = bad
    written.save()
    with pytest.raises(
        CheckpointError, match=r"not finite numbers: decoder\.layers\.1\.fc1\.weight"
    ):
        import_fairseq(written.folder, tmp_path / "out")


def test_untied_output_projection(written: Written, tmp_path: Path) -> None:
    state = {k: v.clone() for k, v in written.model.state_dict().items()}
    state["decoder.output_projection.weight"][5, 5] += 1
    written.save(model=state)
    with pytest.raises(CheckpointError, match="not tied"):
        import_fairseq(written.folder, tmp_path / "out")


@pytest.mark.parametrize("version", [None, 2.0])
def test_old_format_whose_final_norm_fairseq_drops(
    written: Written, tmp_path: Path, version: float | None
) -> None:
    state = dict(written.model.state_dict())
    del state["decoder.version"]
    if version is not None:
        state["decoder.version"] = torch.tensor([version])
    written.save(model=state)
    with pytest.raises(CheckpointError, match=r"decoder\.version is not 3"):
        import_fairseq(written.folder, tmp_path / "out")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (None, "no weights"),
        ({"decoder.version": 3}, "more than tensors"),
        ({"decoder.version": torch.tensor([3.0])}, r"no decoder\.embed_tokens\.weight"),
    ],
)
def test_without_weights(written: Written, tmp_path: Path, changed: object, message: str) -> None:
    written.save(model=changed)
    with pytest.raises(CheckpointError, match=message):
        import_fairseq(written.folder, tmp_path / "out")


def test_a_bare_tensor(written: Written, tmp_path: Path) -> None:
    torch.save(torch.zeros(3), written.checkpoint)
    with pytest.raises(CheckpointError, match="holds a Tensor, not fairseq's dictionary"):
        import_fairseq(written.folder, tmp_path / "out")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("0 9\n1 8\nthe 7\n", r"dict\.txt:3: symbol 'the' is not a unit id"),
        ("0 9\n-1 8\n2 7\n", r"dict\.txt:2: symbol '-1' is not a unit id"),
        ("0 9\n1 8\n0 7\n", r"dict\.txt:3: unit 0 again, first on line 1"),
        ("0 9\n1\n2 7\n", r"dict\.txt:2: expected 'symbol count', found '1'"),
        ("0 9\n\n2 7\n", r"dict\.txt:2: expected 'symbol count', found ''"),
        ("0 9\n1 x\n2 7\n", r"dict\.txt:2: expected 'symbol count', found '1 x'"),
        ("0 9\n1 8\n", r"dict\.txt: has 2 lines, the checkpoint has embeddings for 3"),
        ("0 9\n1 8\n2 7\n3 1\n", r"dict\.txt: has 4 lines, the checkpoint has embeddings for 3"),
        ("0 9\n1 8\n3 7\n", r"dict\.txt: units missing between 0 and 3: \[2\]"),
        ("madeupword0 0\nmadeupword1 0\nmadeupword2 0\n", r"dict\.txt: units missing"),
    ],
)
def test_wrong_dict(tmp_path: Path, lines: str, message: str) -> None:
    path = tmp_path / "dict.txt"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(CheckpointError, match=message):
        unit_rows(path, N_SPECIALS + 3)


def test_dict_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "dict.txt").write_bytes(b"\xff\xfe0 1\n")
    with pytest.raises(CheckpointError, match=r"dict\.txt: is not UTF-8"):
        unit_rows(tmp_path / "dict.txt", 5)


def test_card_survives_a_round_trip(written: Written, tmp_path: Path) -> None:
    card = import_fairseq(written.folder, tmp_path / "out")
    assert GslmCard.model_validate_json(card.model_dump_json()) == card
    assert len(card.recipe["checkpoint_sha256"]) == len(card.recipe["dict_sha256"]) == 64
