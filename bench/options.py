"""Every option of `bench run` and `bench pretrain`, in tables that cost nothing to import.

The command line, the configuration file and `--help` are made from these tables. What a method
really accepts is its `Options` model; a test holds table and models together: names, choices,
defaults.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["int", "float", "str", "path", "flag", "switch"]
"""`flag` is given or not; `switch` is `--x` or `--no-x`."""

_TYPES = {"int": int, "float": float, "str": str, "path": Path}


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One option.

    Attributes:
        name: as typed, without the dashes.
        help: one line; the default is added to it.
        default: what holds when it is not given; None where that needs words (say them in help).
        choices: the values there are.
        shown: what stands for the value in `--help`; None for a word for its kind.
        many: may be given several times.
        methods: the methods that have it; empty for an option of every run.
    """

    name: str
    kind: Kind
    help: str
    default: object = None
    choices: tuple[str, ...] = ()
    shown: str | None = None
    many: bool = False
    methods: tuple[str, ...] = ()

    @property
    def field(self) -> str:
        """The name as a Python field."""
        return self.name.replace("-", "_")


RUN_OPTIONS = (
    Option(name="method", kind="str", help="what to run (`bench list methods`)"),
    Option(name="task", kind="str", help="what to solve (`bench list tasks`)"),
    Option(
        name="corpus",
        kind="str",
        default="mini",
        help="a registered corpus, a manifest folder or a units folder",
    ),
    Option(name="root", kind="path", help="where a registered corpus lies on this machine"),
    Option(
        name="gslm",
        kind="str",
        help="frozen unit LM: a GSLM folder or a registered name (default: mini); random:NAME: "
        "the same without its training, as a control",
    ),
    Option(
        name="upstream",
        kind="str",
        help="speech encoder under an s3prl method: `bench list upstreams`, or a Hugging Face "
        "folder (default: mini)",
    ),
    Option(
        name="upstream-ckpt",
        kind="path",
        help="local weights of --upstream: a checkpoint file, a Hugging Face folder, or, for "
        "mini, the GSLM folder whose encoder it is",
    ),
    Option(
        name="subset",
        kind="int",
        help="use N training utterances, class-balanced, valid and test in proportion; the same "
        "ones for every seed",
    ),
    Option(
        name="shots",
        kind="int",
        help="use K training utterances a class, drawn by the seed; valid and test stay whole",
    ),
    Option(name="seed", kind="int", default=0, help="decides everything random"),
    Option(name="device", kind="str", default="cpu", help="cpu, cuda or cuda:N"),
    Option(
        name="precision",
        kind="str",
        default="auto",
        choices=("auto", "bf16", "fp32"),
        help="of the frozen weights; auto takes bf16 where the processor is fast at it",
    ),
    Option(name="threads", kind="int", help="processor threads (default: torch's choice)"),
    Option(name="out", kind="path", default=Path("runs"), help="where run folders go"),
    Option(
        name="resume",
        kind="flag",
        default=False,
        help="only continue: an error if this run was never started",
    ),
    Option(
        name="overwrite",
        kind="flag",
        default=False,
        help="start anew even if the run is finished or half done",
    ),
)

_PROMPT = ("prompt",)
_BAG = ("bag-of-units",)
_S3PRL = ("s3prl",)
_TUNED_UPSTREAM = ("s3prl-finetune",)
_FINETUNE = ("finetune-lm",)
_PROBE = ("linear-probe",)
_LM = (*_PROMPT, *_FINETUNE)
_AUGMENTED = (*_LM, *_BAG)
_DOWNSTREAM = (*_S3PRL, *_TUNED_UPSTREAM)
_LAYERED = (*_DOWNSTREAM, *_PROBE)
_SEARCHED = (*_DOWNSTREAM, *_FINETUNE, *_PROBE)
_TUNED = (*_PROMPT, *_DOWNSTREAM, *_FINETUNE, *_PROBE)

METHOD_OPTIONS: tuple[Option, ...] = (
    Option(
        name="scoring",
        kind="str",
        choices=("direct", "channel"),
        help="direct: the LM reads the units and answers; channel: each label has prompts of its "
        "own, and the label that the units are likeliest under is the answer (single labels; "
        "default: by task: lid channel, others direct)",
        methods=_PROMPT,
    ),
    Option(
        name="prompt-length",
        kind="int",
        help="prompt vectors, of each layer in deep mode, of each label through the channel "
        "(default: by task, 20 for labels)",
        methods=_PROMPT,
    ),
    Option(
        name="prompt-mode",
        kind="str",
        default="deep",
        choices=("deep", "input"),
        help="deep: keys and values of every layer; input: vectors before the first layer",
        methods=_PROMPT,
    ),
    Option(
        name="verbalizer",
        kind="str",
        choices=("frequency", "random", "kmeans", "alignment", "learnable"),
        help="how labels become units (default: prompt learns it; frequency with the full loss, "
        "and in finetune-lm)",
        methods=_LM,
    ),
    Option(
        name="label-vectors",
        kind="str",
        choices=("lm", "trained"),
        help="what answered labels are read by: their units' embeddings, or vectors of their own "
        "(default: trained where an answer has several labels)",
        methods=_PROMPT,
    ),
    Option(
        name="loss",
        kind="str",
        choices=("labels", "full"),
        help="labels: between the labels possible at each place, best where labels are few; full: "
        "over the whole vocabulary from the separator on, as in the paper, where an untrained LM "
        "falls far behind (default: full for prompt in ks and ic from 500 training utterances on)",
        methods=_LM,
    ),
    Option(name="lr", kind="float", help="(peak) learning rate (default: by task)", methods=_TUNED),
    Option(
        name="schedule",
        kind="str",
        default="cosine",
        choices=("constant", "cosine"),
        help="cosine decays over max-epochs or max-minutes, whichever ends first",
        methods=_PROMPT,
    ),
    Option(
        name="warmup-steps",
        kind="int",
        help="steps up to the peak (default: 50; finetune-lm: an epoch, at most 500)",
        methods=_LM,
    ),
    Option(
        name="max-epochs",
        kind="int",
        help="passes over the training set at most (default: by task)",
        methods=_TUNED,
    ),
    Option(name="max-minutes", kind="float", help="time limit of the tuning", methods=_TUNED),
    Option(
        name="patience",
        kind="int",
        default=10,
        help="validations without a better score before stopping",
        methods=_TUNED,
    ),
    Option(name="batch-tokens", kind="int", default=512, help="tokens a step at most", methods=_LM),
    Option(
        name="batch-utterances",
        kind="int",
        help="utterances a step at most (default: 32; with small recurrent layers: 8)",
        methods=_TUNED,
    ),
    Option(
        name="prompt-dropout",
        kind="float",
        default=0.1,
        help="probability of dropping an element of a prompt",
        methods=_PROMPT,
    ),
    Option(
        name="label-smoothing",
        kind="float",
        default=0.0,
        help="share of each target's probability that is spread over all that compete",
        methods=_PROMPT,
    ),
    Option(
        name="unit-dropout",
        kind="float",
        default=0.0,
        help="share of an utterance's units left out in training, drawn anew each step",
        methods=_LM,
    ),
    Option(
        name="window",
        kind="float",
        help="least share of an utterance's units in the stretch of it that a training step reads; "
        "1: the whole (default: by task: lid 0.25, others 1)",
        methods=_LM,
    ),
    Option(
        name="mix",
        kind="int",
        help="most utterances of the same answer that a training utterance is put together from, "
        "a stretch of each; for labels that hold throughout (default: by task: lid 4, others 1)",
        methods=_LM,
    ),
    Option(
        name="augment",
        kind="int",
        help="audio: copies of each training utterance to learn from beside it, as another speaker "
        "would have said it elsewhere (default: by task; units: 0)",
        methods=_AUGMENTED,
    ),
    Option(
        name="dropout",
        kind="float",
        default=0.1,
        help="in the LM, on the embedding and the residual branches",
        methods=_FINETUNE,
    ),
    Option(
        name="beam",
        kind="int",
        default=5,
        help="hypotheses kept (sequence tasks)",
        methods=_LM,
    ),
    Option(
        name="length-penalty",
        kind="float",
        default=1.0,
        help="exponent of the length that divides a hypothesis' score (sequence tasks)",
        methods=_LM,
    ),
    Option(
        name="search",
        kind="str",
        shown="lr=A,B",
        help="learning rates to try, chosen on validation, e.g. lr=1e-2,1e-3 (default: by task, "
        "unless --lr is given)",
        methods=_SEARCHED,
    ),
    Option(
        name="upstream-lr",
        kind="float",
        default=1e-4,
        help="learning rate of the upstream; --lr and --search are about the head on it",
        methods=_TUNED_UPSTREAM,
    ),
    Option(
        name="layers",
        kind="str",
        shown="LIST",
        help="layers of the upstream or of the GSLM, e.g. 6 or 0,4-8 (default: all, in a learned "
        "sum)",
        methods=_LAYERED,
    ),
    Option(
        name="normalize-layers",
        kind="flag",
        default=False,
        help="layer norm on every frame of every layer before the sum",
        methods=_LAYERED,
    ),
    Option(
        name="head",
        kind="str",
        choices=("superb", "small", "recurrent"),
        help="superb: SUPERB's own (asr, sf: 2 BLSTM x 1024; labels: a mean over time); small: 2 "
        "BLSTM x 256 for asr and sf; recurrent: these for labels, before the mean (default: "
        "superb; small for asr and sf on a CPU)",
        methods=_DOWNSTREAM,
    ),
    Option(
        name="spec-augment",
        kind="switch",
        default=True,
        help="with recurrent layers: mask features in training",
        methods=_DOWNSTREAM,
    ),
    Option(
        name="feature-cache",
        kind="str",
        shown="SIZE",
        default="20GB",
        help="with recurrent layers: disk space for frozen features in half precision, or off",
        methods=_S3PRL,
    ),
    Option(
        name="ctc-beam",
        kind="int",
        default=1,
        help="asr, sf: hypotheses kept at the test; 1 takes the best path",
        methods=_DOWNSTREAM,
    ),
    Option(
        name="kenlm",
        kind="path",
        help="asr, sf: word language model for the beam, ARPA or KenLM binary",
        methods=_DOWNSTREAM,
    ),
    Option(
        name="lm-weight",
        kind="float",
        default=2.0,
        help="asr, sf: weight of --kenlm",
        methods=_DOWNSTREAM,
    ),
    Option(
        name="word-score",
        kind="float",
        default=-1.0,
        help="asr, sf: added for every word, with --kenlm",
        methods=_DOWNSTREAM,
    ),
    Option(
        name="c",
        kind="float",
        default=10.0,
        help="inverse strength of the L2 penalty",
        methods=_BAG,
    ),
    Option(name="ngrams", kind="int", default=3, help="longest run of units counted", methods=_BAG),
    Option(
        name="min-count",
        kind="int",
        default=3,
        help="leave out n-grams that fewer training utterances hold",
        methods=_BAG,
    ),
)

PRETRAIN_OPTIONS: tuple[Option, ...] = (
    Option(
        name="recipe",
        kind="str",
        choices=("mini", "mini-smoke"),
        help="make the embedded GSLM from nothing, encoder and all; goes with --out, --seed, "
        "--threads, --device, --resume and --overwrite alone",
    ),
    Option(
        name="units",
        kind="path",
        many=True,
        help="units folder to learn from; give it once for each folder",
    ),
    Option(
        name="say-again",
        kind="path",
        many=True,
        help="units folder in whose files every two lines in a row are the same words from two "
        "speakers; the model learns to say them one after the other",
    ),
    Option(
        name="neighbours",
        kind="int",
        default=0,
        help="say after each distinct utterance of --units, one after the other, so many others "
        "that share most runs of units with it; for corpora in which things are said again and "
        "again, and few labels",
    ),
    Option(
        name="corpus",
        kind="str",
        help="instead of --units: a corpus of audio, for which an encoder and a k-means are "
        "fitted too",
    ),
    Option(name="root", kind="path", help="where a registered corpus lies on this machine"),
    Option(
        name="task",
        kind="str",
        many=True,
        help="task whose part of the corpus is used; give it once for each task",
    ),
    Option(
        name="encoder",
        kind="str",
        default="mfcc",
        choices=("mfcc",),
        help="kind of encoder for --corpus",
    ),
    Option(name="out", kind="path", help="GSLM folder to write"),
    Option(name="name", kind="str", help="the GSLM's name (default: that of the folder)"),
    Option(
        name="init",
        kind="str",
        help="begin with the LM of this GSLM (a name or a folder) and keep its shape, units and "
        "encoder, in place of --preset, --n-units and --max-positions",
    ),
    Option(
        name="preset",
        kind="str",
        default="medium",
        choices=("tiny", "small", "mini", "medium", "large", "gslm"),
        help="parameters of the LM, with 100 units: tiny 0.1M, small 3.2M, mini 4.8M, medium "
        "10.7M, large 25.3M, gslm 151M (the published shape)",
    ),
    Option(name="epochs", kind="float", default=12, help="passes over the data"),
    Option(
        name="max-minutes",
        kind="float",
        help="time limit; where it comes first, the schedule follows the clock",
    ),
    Option(name="lr", kind="float", default=1e-3, help="peak learning rate"),
    Option(name="warmup-steps", kind="int", default=200, help="steps up to the peak"),
    Option(name="batch-tokens", kind="int", default=4096, help="tokens a step"),
    Option(name="dropout", kind="float", default=0.1, help="in the model, while it trains"),
    Option(name="weight-decay", kind="float", default=0.05, help="AdamW's"),
    Option(name="n-units", kind="int", default=100, help="number of units there are"),
    Option(name="max-positions", kind="int", default=1024, help="longest utterance it can read"),
    Option(name="seed", kind="int", default=0, help="decides everything random"),
    Option(name="threads", kind="int", help="processor threads (default: torch's choice)"),
    Option(
        name="precision",
        kind="str",
        default="auto",
        choices=("fp32", "bf16", "auto"),
        help="of the matrix products; auto takes bf16 where the processor is fast at it",
    ),
    Option(name="device", kind="str", default="cpu", help="cpu, cuda or cuda:N"),
    Option(
        name="resume",
        kind="flag",
        default=False,
        help="go on with a pretraining that was killed; begins anew where there is none",
    ),
    Option(name="overwrite", kind="flag", default=False, help="replace the folder if it is there"),
)


def add_options(parser: argparse._ActionsContainer, options: Iterable[Option]) -> None:
    """Adds options to a parser; one that is not given leaves no trace in the namespace."""
    for option in options:
        flag = f"--{option.name}"
        text = option.help.replace("%", "%%")
        if option.kind == "flag":
            parser.add_argument(
                flag, action="store_true", default=argparse.SUPPRESS, help=text, dest=option.field
            )
            continue
        if option.default is not None:
            text += f" (default: {option.default})"
        if option.kind == "switch":
            parser.add_argument(
                flag,
                action=argparse.BooleanOptionalAction,
                default=argparse.SUPPRESS,
                help=text,
                dest=option.field,
            )
            continue
        parser.add_argument(
            flag,
            type=_TYPES[option.kind],
            action="append" if option.many else "store",
            choices=option.choices or None,
            metavar=None if option.choices else _metavar(option),
            default=argparse.SUPPRESS,
            help=text,
            dest=option.field,
        )


def _metavar(option: Option) -> str:
    return option.shown or {"int": "N", "float": "X", "str": "NAME", "path": "PATH"}[option.kind]


def methods_with(field: str) -> tuple[str, ...]:
    """The methods that have an option, by its field name."""
    return tuple(
        method for option in METHOD_OPTIONS if option.field == field for method in option.methods
    )
