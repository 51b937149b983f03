"""Train the encoder to hear the plain voice behind any other, in any room and band.

Every utterance is distorted anew each time: its spectrum warped as by another vocal tract,
coloured, drowned in noise, cut in band, and masked in frequency and time, so that the encoder must
tell from what stands around what a masked stretch was. Every draw comes from (seed, round, step),
so a resumed training ends as an undisturbed one.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray
from torch import Tensor, nn

from bench import random
from bench.checkpoint import load_checkpoint, save_checkpoint
from bench.gslm.precision import fast_in_bf16
from bench.progress import Progress
from bench.recipes.spoken import ParallelSpeech, levelled_mels
from bench.speech.log_mel import N_MELS, levelled
from bench.speech.ssl import POOL, SslNetwork, SslSettings

BATCH_FRAMES = 24_000
"""Spectral frames a step: four minutes of speech."""


SAVE_EVERY_S = 60.0


class Round(NamedTuple):
    """One training of the encoder.

    Attributes:
        name: of its checkpoint.
        targets: by group a cluster every 10 ms.
        n_targets: clusters.
        epochs: passes over the speech.
        lr: peak learning rate.
    """

    name: str
    targets: list[NDArray[np.int64]]
    n_targets: int
    epochs: float
    lr: float


def train_encoder(
    speech: ParallelSpeech,
    work: Round,
    start: SslNetwork | None,
    folder: Path,
    seed: int,
    progress: Progress,
) -> tuple[SslSettings, SslNetwork]:
    """One round of training; goes on from its checkpoint.

    Args:
        speech: the voices and the plain one.
        work: what is learnt, how long.
        start: an encoder whose weights below the clusters are taken over; None for random ones.
        folder: where the checkpoint goes.
        seed: decides everything random.
        progress: shows a line every hundred steps.

    Returns:
        The settings and the trained network.
    """
    settings = SslSettings(n_targets=work.n_targets)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random.derive(seed, "encoder", work.name, "weights") % 2**63)
        network = SslNetwork(settings)
        regression = nn.Linear(settings.dim, N_MELS)
    if start is not None:
        kept = {k: v for k, v in start.state_dict().items() if not k.startswith("cluster.")}
        network.load_state_dict(kept, strict=False)
    module = nn.ModuleDict({"network": network, "regression": regression})
    optimizer = torch.optim.AdamW(
        module.parameters(), work.lr, betas=(0.9, 0.98), weight_decay=0.02, fused=True
    )
    lengths = np.array([len(v.mels) // POOL * POOL for v in speech.voices])
    per_epoch = len(_batches(lengths, seed, work.name, 0))
    total = max(1, round(work.epochs * per_epoch))
    plain = [levelled_mels(mels).astype(np.float16) for mels in speech.plain]
    path = folder / f"{work.name}.safetensors"
    identity = {"total": total, "n_targets": work.n_targets, "lr": work.lr, "seed": seed}
    step, elapsed = _restore(path, identity, module, optimizer)
    in_bf16 = fast_in_bf16(torch.device("cpu"))
    loss_sum, right, since, began = 0.0, 0.0, 0, time.perf_counter()
    saved = began
    with progress.bar(total, f"encoder, {work.name}", "steps") as bar:
        bar.advance(step)
        while step < total:
            epoch, done = divmod(step, per_epoch)
            for indices in _batches(lengths, seed, work.name, epoch)[done:]:
                mels, targets, wanted = _batch(speech, work, plain, indices, lengths)
                draws = random.torch_generator(seed, "encoder", work.name, step)
                rate = work.lr * min(1.0, (step + 1) / 200)
                rate *= 0.02 + 0.49 * (1 + math.cos(math.pi * step / total))
                for group in optimizer.param_groups:
                    group["lr"] = rate
                with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16):
                    hidden = network(distorted(mels, draws))
                    scores = network.cluster(hidden).float()
                    guess = regression(hidden).float()
                loss = F.cross_entropy(scores.flatten(0, 1), targets.flatten())
                torch.autograd.backward(loss + (guess - wanted).abs().mean())
                torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()
                step += 1
                loss_sum += float(loss.detach())
                right += float((scores.argmax(dim=2) == targets).float().mean())
                since += 1
                bar.advance()
                if step % 100 == 0 or step == total:
                    minutes = (elapsed + time.perf_counter() - began) / 60
                    progress.line(
                        f"encoder, {work.name}: step {step}/{total}  loss {loss_sum / since:.3f}  "
                        f"frames right {100 * right / since:.1f} %  {minutes:.1f} min"
                    )
                    loss_sum, right, since = 0.0, 0.0, 0
                if step == total or time.perf_counter() - saved > SAVE_EVERY_S:
                    saved = time.perf_counter()
                    _save(path, identity, module, optimizer, step, elapsed + saved - began)
                if step == total:
                    break
    return settings, network


def distorted(mels: Tensor, draws: torch.Generator) -> Tensor:
    """Levelled spectra as from another vocal tract, another line and among noise, partly masked.

    Args:
        mels: (batch, n_frames, 80), not levelled.
        draws: source of all that is random.

    Returns:
        The same shape.
    """
    n, n_frames, _ = mels.shape

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=draws)

    def smooth(points: int, deviation: float) -> Tensor:
        knots = deviation * torch.randn(n, 1, points, generator=draws)
        return F.interpolate(knots, N_MELS, mode="linear", align_corners=True)

    # Another vocal tract: the bands stretched by up to 17 %.
    place = torch.arange(float(N_MELS)) * torch.exp(uniform(-0.16, 0.16, n))[:, None]
    place = (place + uniform(-1, 1, n, 1)).clamp(0, N_MELS - 1.001)
    lower = place.floor().long()
    share, lower = (place - lower)[:, None], lower[:, None].expand(n, n_frames, N_MELS)
    mels = mels.gather(2, lower) * (1 - share) + mels.gather(2, lower + 1) * share
    # Another line, and noise 6.5 to 39 dB below the loud frames, in every other utterance.
    mels = mels + smooth(6, 1.0)
    loud = torch.quantile(torch.logsumexp(mels, dim=2), 0.95, dim=1)[:, None, None]
    noise = smooth(5, 1.5) + loud - math.log(N_MELS) - uniform(1.5, 9.0, n, 1, 1)
    noise = noise + 0.5 * torch.randn(n, n_frames, N_MELS, generator=draws)
    noisy = torch.rand(n, 1, 1, generator=draws) < 0.5
    mels = torch.where(noisy, torch.logaddexp(mels, noise), mels)
    # Narrow bands.
    band = torch.arange(N_MELS)
    top = torch.where(uniform(0, 1, n) < 0.25, uniform(45, 78, n), torch.full((n,), 80.0))
    bottom = torch.where(uniform(0, 1, n) < 0.2, uniform(2, 10, n), torch.zeros(n))
    gone = (band >= top[:, None]) | (band < bottom[:, None])
    mels = levelled(torch.where(gone[:, None], loud - 13.0, mels))
    # Masks.
    for _ in range(2):
        first, width = uniform(0, 70, n, 1), uniform(0, 12, n, 1)
        mels = mels.masked_fill(((band >= first) & (band < first + width))[:, None], 0.0)
    frame = torch.arange(n_frames)
    for _ in range(max(1, n_frames // 120)):
        first, width = uniform(0, n_frames - 1, n, 1), uniform(0, 24, n, 1)
        mels = mels.masked_fill(((frame >= first) & (frame < first + width))[:, :, None], 0.0)
    return mels


def _batches(
    lengths: NDArray[np.int64], seed: int, name: str, epoch: int
) -> list[NDArray[np.int64]]:
    """Batches of nearly equal lengths, in random order; the longest are cut to the shortest."""
    generator = random.numpy_generator(seed, "encoder", name, "epoch", epoch)
    order = np.argsort(lengths + generator.integers(0, 20, len(lengths)), kind="stable")
    batches, start = [], 0
    while start < len(order):
        end = start + 1
        longest = lengths[order[start]]
        while end < len(order):
            longest = max(longest, lengths[order[end]])
            if (end - start + 1) * longest > BATCH_FRAMES:
                break
            end += 1
        batches.append(order[start:end])
        start = end
    return [batches[i] for i in generator.permutation(len(batches))]


def _batch(
    speech: ParallelSpeech,
    work: Round,
    plain: list[NDArray[np.float16]],
    indices: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> tuple[Tensor, Tensor, Tensor]:
    """Spectra (batch, n, 80), clusters (batch, n / 4), plain spectra (batch, n / 4, 80)."""
    n = int(lengths[indices].min())
    mels, targets, wanted = [], [], []
    for i in indices:
        voice = speech.voices[i]
        last = len(plain[voice.group]) - 1
        at = np.clip(np.round(voice.at[:n][POOL // 2 :: POOL]).astype(np.int64), 0, last)
        mels.append(voice.mels[:n].astype(np.float32))
        targets.append(work.targets[voice.group][at])
        wanted.append(plain[voice.group][at].astype(np.float32))
    first, second, third = (torch.from_numpy(np.stack(x)) for x in (mels, targets, wanted))
    return first, second, third


def _save(
    path: Path,
    identity: dict[str, Any],
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    step: int,
    elapsed: float,
) -> None:
    tensors = {f"now.{name}": t for name, t in module.state_dict().items()}
    for name, p in module.named_parameters():
        tensors |= {f"{key}.{name}": t for key, t in optimizer.state[p].items()}
    save_checkpoint(path, tensors, {"identity": identity, "step": step, "elapsed": elapsed})


def _restore(
    path: Path, identity: dict[str, Any], module: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, float]:
    found = load_checkpoint(path, what={"identity": identity})
    if found is None:
        return 0, 0.0
    now = {n.removeprefix("now."): t for n, t in found.tensors.items() if n.startswith("now.")}
    module.load_state_dict(now)
    for name, p in module.named_parameters():
        optimizer.state[p] = {
            key: found.tensors[f"{key}.{name}"] for key in ("step", "exp_avg", "exp_avg_sq")
        }
    return found.state["step"], found.state["elapsed"]
