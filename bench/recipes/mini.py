"""The recipe of the embedded GSLM: speech -> encoder -> units -> unit LM, all from nothing.

1. Sentences of the training splits and random strings of their words, each from two voices of the
   training split in rooms and bands of their own, and from one plain voice.
2. The encoder learns to name the plain voice's clusters behind every other voice: 100 stationary
   ones, which are the units, and beside them 256 of short stretches.
3. The unit LM learns pairs: what a voice says and, after `<s>`, what the plain voice says of the
   same words. Half of what it learns is which unit comes next in speech; the other half is to go
   along an utterance and say it clearly, which is what prompting asks of it later.
4. It goes on with these and with pairs of everyday words in six languages, which the encoder did
   not hear.

A killed recipe goes on where it stopped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from bench import __version__, random
from bench.environment import DEVICE, check_device
from bench.errors import UsageError
from bench.files import make_folder, remove, write_atomic
from bench.gslm.card import GslmCard
from bench.gslm.folder import CARD, Gslm, check_free, load_gslm, save_gslm
from bench.gslm.pretraining import PretrainOptions, pretrain
from bench.progress import Progress
from bench.recipes.encoder_training import Targets, train_encoder
from bench.recipes.plain_clusters import stationary, stretches
from bench.recipes.spoken import Mels, ParallelSpeech, parallel_speech
from bench.speech.encoder import FILE, load_encoder, save_encoder
from bench.speech.equal_lengths import equally_long
from bench.speech.kmeans import KMeans, save_kmeans
from bench.speech.log_mel import HOP
from bench.speech.ssl import SslEncoder
from bench.speech.units import deduplicate
from bench.threads import each_on_one_thread

N_UNITS = 100
LAST_WRITTEN = "valid.txt"
BEGUN = "recipe.json"
"""Which recipe and seed the folder to work in is of."""
TASKS, BOTH = "lm", "lm-languages"
"""Folders of the LM after the tasks' pairs, and after the languages' too."""


class Recipe(NamedTuple):
    """How much of everything.

    Attributes:
        groups: of parallel speech about tasks, for encoder and LM; 1,000 make an hour.
        language_groups: of parallel speech about languages, for the LM.
        stretches: clusters of short stretches.
        encoder_epochs: passes of the encoder.
        lm_preset: size of the unit LM.
        lm_epochs: passes over the tasks' pairs.
        language_epochs: then passes over these and the languages'.
    """

    groups: int
    language_groups: int
    stretches: int
    encoder_epochs: float
    lm_preset: str
    lm_epochs: float
    language_epochs: float


RECIPES = {
    "mini": Recipe(18_000, 6_000, 256, 3.9, "mini", 6.0, 2.0),
    "mini-smoke": Recipe(200, 60, 64, 8.0, "tiny", 2.0, 1.0),
}
"""`mini` is what the package ships; `mini-smoke` goes the same way in a minute or two."""


class RecipeOptions(BaseModel):
    """What decides a GSLM made by a recipe.

    Attributes:
        recipe: its name.
        out: the GSLM folder; `work/` in it holds what a killed recipe goes on from.
        seed: decides everything random but the speech.
        threads: processor threads.
        device: where encoder and LM are trained.
        resume: go on with an unfinished recipe.
        overwrite: start anew.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: Literal["mini", "mini-smoke"]
    out: Path
    seed: int = 0
    threads: int | None = Field(default=None, ge=1)
    device: str = Field(default="cpu", pattern=DEVICE)
    resume: bool = False
    overwrite: bool = False


def cook(options: RecipeOptions, progress: Progress) -> GslmCard:
    """Makes a GSLM folder by a recipe.

    Args:
        options: which recipe, and where to.
        progress: shows bars and lines.

    Raises:
        UsageError: if the folder holds a GSLM or an unfinished recipe and neither flag was given,
            or an unfinished one of another recipe or seed.
        MissingError: if the device is not there.
        BenchError: if a step fails.
    """
    name, out = options.recipe, options.out
    recipe, work = RECIPES[name], out / "work"
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    check_device(options.device)
    _begin(options, work)
    speech = parallel_speech(recipe.groups, work / "speech", progress)
    progress.line(f"{speech.hours:.1f} hours of {len(speech.voices):,} utterances")
    encoder = _encoder(recipe, speech, work, options, progress)
    # A unit is the cluster that is most probable: the nearest of the certain distributions.
    kmeans = KMeans(np.eye(N_UNITS, dtype=np.float32))
    save_encoder(out, encoder)
    save_kmeans(out, kmeans)
    languages = parallel_speech(
        recipe.language_groups, work / "languages", progress, about="languages"
    )
    pairs = {work / "pairs": speech, work / "language-pairs": languages}
    for folder, said in pairs.items():
        if not (folder / LAST_WRITTEN).exists():
            plain = units_of(encoder, kmeans, said.plain, progress)
            units = units_of(encoder, kmeans, [voice.mels for voice in said.voices], progress)
            _write_pairs(said, plain, units, folder)
    hours = speech.hours + languages.hours
    files = [file for folder in pairs for file in folder.iterdir()]
    n_units = sum(len(line.split()) for file in files for line in _voices_of(file))
    lm = _lm(recipe, list(pairs), work, options, progress)
    card = lm.card.model_copy(
        update={
            "name": name,
            "encoder": "ssl",
            "frame_rate_hz": 25.0,
            "licence": "Apache-2.0",
            "origin": f"bench pretrain --recipe {name} (speechprompt-bench {__version__})",
            "recipe": lm.card.recipe
            | recipe._asdict()
            | {"recipe": name, "hours": round(hours, 2)}
            | {"units_a_second": round(n_units / (3600 * hours), 2)},
        }
    )
    curves = [(work / step / "train.jsonl").read_text(encoding="utf-8") for step in (TASKS, BOTH)]
    write_atomic(out / "train.jsonl", "".join(curves))
    save_gslm(out, card, lm.lm.half())
    remove(work)
    return card


def _begin(options: RecipeOptions, work: Path) -> None:
    """Makes the folder to work in, or finds that of the same recipe.

    Raises:
        UsageError: if it may not be used.
    """
    out = options.out
    if options.overwrite:
        remove(out / CARD)
        remove(work)
    if (out / CARD).exists():
        remove(work)  # the card is written last: this recipe was killed while it cleared up
    check_free(out, overwrite=False)
    asked = options.model_dump(mode="json", include={"recipe", "seed"})
    begun = work / BEGUN
    if work.exists() and not options.resume:
        raise UsageError(
            "an unfinished recipe is here", where=str(out), hint="add --resume or --overwrite"
        )
    if begun.exists():
        found = json.loads(begun.read_text(encoding="utf-8"))
        if found != asked:
            raise UsageError(
                f"an unfinished recipe is here of {found}, not {asked}",
                where=str(out),
                hint="give the same --recipe and --seed to continue it, or --overwrite",
            )
    make_folder(work)
    write_atomic(begun, json.dumps(asked) + "\n")


def _lm(
    recipe: Recipe, pairs: list[Path], work: Path, options: RecipeOptions, progress: Progress
) -> Gslm:
    """The unit LM: passes over the tasks' pairs, then over the languages' as well."""
    alike: dict[str, Any] = {
        "batch_tokens": 2048,
        "dropout": 0.05,
        "seed": options.seed,
        "device": options.device,
        "resume": True,
    }
    tasks = PretrainOptions(
        say_again=pairs[:1],
        out=work / TASKS,
        preset=recipe.lm_preset,
        max_positions=1024,
        epochs=recipe.lm_epochs,
        **alike,
    )
    both = PretrainOptions(
        say_again=pairs,
        out=work / BOTH,
        init=str(tasks.out),
        epochs=recipe.language_epochs,
        lr=5e-4,
        **alike,
    )
    for step in (tasks, both):
        if not (step.out / CARD).exists():
            pretrain(step, progress)
    return load_gslm(both.out)


def _encoder(
    recipe: Recipe, speech: ParallelSpeech, work: Path, options: RecipeOptions, progress: Progress
) -> SslEncoder:
    """The encoder as it is kept, in half precision; trained, if it is not there yet."""
    if not (work / FILE).exists():
        save_encoder(work, _trained(recipe, speech, work, options, progress))
    encoder = load_encoder(work)
    assert isinstance(encoder, SslEncoder)
    return encoder


def _trained(
    recipe: Recipe, speech: ParallelSpeech, work: Path, options: RecipeOptions, progress: Progress
) -> SslEncoder:
    kmeans_seed = random.derive(options.seed, "recipe", "clusters")
    targets = Targets(
        stationary(speech.plain, N_UNITS, kmeans_seed),
        N_UNITS,
        stretches(speech.plain, recipe.stretches, kmeans_seed),
        recipe.stretches,
    )
    settings, network = train_encoder(
        speech,
        targets,
        recipe.encoder_epochs,
        work / "encoder",
        options.seed,
        progress,
        torch.device(options.device),
    )
    return SslEncoder(settings, network.cpu())


def _voices_of(file: Path) -> list[str]:
    """The lines of a file of pairs that are not the plain voice's."""
    return file.read_text(encoding="utf-8").splitlines()[::2]


def _write_pairs(
    speech: ParallelSpeech,
    plain: list[NDArray[np.int32]],
    voices: list[NDArray[np.int32]],
    folder: Path,
) -> None:
    """A voice's units and the plain voice's, two lines a pair; every hundredth group held out."""
    lines: dict[str, list[str]] = {"train": [], "valid": []}
    for i, (voice, units) in enumerate(zip(speech.voices, voices, strict=True)):
        lines["valid" if voice.group % 100 == 0 else "train"] += [
            f"{i}-{who}|{' '.join(map(str, said))}\n"
            for who, said in (("voice", units), ("plain", plain[voice.group]))
        ]
    make_folder(folder)
    for split, content in lines.items():
        write_atomic(folder / f"{split}.txt", "".join(content))


def units_of(
    encoder: SslEncoder, kmeans: KMeans, mels: list[Mels], progress: Progress
) -> list[NDArray[np.int32]]:
    """Deduplicated units of spectra, as `UnitExtractor` makes them of waveforms.

    Args:
        encoder: gives frames.
        kmeans: their units.
        mels: each (n_frames, 80), not levelled.
        progress: shows a bar.
    """
    found: dict[int, NDArray[np.int32]] = {}
    batches = list(equally_long([HOP * len(m) for m in mels]))
    with progress.bar(len(mels), "units", "utterances") as bar:

        def encode(some: list[int]) -> None:
            batch = torch.from_numpy(np.stack([mels[i].astype(np.float32) for i in some]))
            for i, frames in zip(some, encoder.encode_mels(batch), strict=True):
                found[i] = deduplicate(kmeans.assign(frames)).units
            bar.advance(len(some))

        each_on_one_thread(encode, batches)
    return [found[i] for i in range(len(mels))]
