"""Train the encoder to hear the plain voice behind any other, in any room and band.

Every utterance is distorted anew each time: its spectrum warped as by another vocal tract,
coloured, drowned in noise, cut in band, and masked in frequency and time, so that the encoder must
tell from what stands around what a masked stretch was. Beside the units it learns finer clusters,
which say where in a sound one is, and the plain spectrum itself; what answers those is thrown away.
Every draw comes from (seed, step), so a resumed training ends as an undisturbed one.
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

BATCH_FRAMES = 12_000
"""Spectral frames a step: two minutes of speech."""
PEAK_LR = 1e-3

SAVE_EVERY_S = 60.0


class Targets(NamedTuple):
    """What the encoder is to name of the plain voice.

    Attributes:
        units: by group a cluster every 10 ms, which the encoder is kept for.
        n_units: clusters.
        stretches: by group a finer cluster every 10 ms.
        n_stretches: clusters.
    """

    units: list[NDArray[np.int64]]
    n_units: int
    stretches: list[NDArray[np.int64]]
    n_stretches: int


def train_encoder(
    speech: ParallelSpeech,
    targets: Targets,
    epochs: float,
    folder: Path,
    seed: int,
    progress: Progress,
    device: torch.device | None = None,
) -> tuple[SslSettings, SslNetwork]:
    """Trains an encoder, or goes on from its checkpoint.

    Args:
        speech: the voices and the plain one.
        targets: what is learnt.
        epochs: passes over the speech.
        folder: where the checkpoint goes.
        seed: decides everything random.
        progress: shows a line every hundred steps.
        device: where to train; None: the processor.

    Returns:
        The settings and the trained network, on that device.
    """
    device = device or torch.device("cpu")
    settings = SslSettings(n_targets=targets.n_units)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random.derive(seed, "encoder", "weights") % 2**63)
        module = nn.ModuleDict(
            {
                "network": SslNetwork(settings),
                "stretches": nn.Linear(settings.dim, targets.n_stretches),
                "spectrum": nn.Linear(settings.dim, N_MELS),
            }
        ).to(device)
    network = module["network"]
    assert isinstance(network, SslNetwork)
    optimizer = torch.optim.AdamW(
        module.parameters(), PEAK_LR, betas=(0.9, 0.98), weight_decay=0.02, fused=True
    )
    lengths = np.array([len(v.mels) // POOL * POOL for v in speech.voices])
    per_epoch = len(_batches(lengths, seed, 0))
    total = max(1, round(epochs * per_epoch))
    plain = [levelled_mels(mels).astype(np.float16) for mels in speech.plain]
    path = folder / "encoder-training.safetensors"
    identity = {"total": total, "n_units": targets.n_units, "seed": seed}
    step, elapsed = _restore(path, identity, module, optimizer)
    in_bf16 = fast_in_bf16(device)
    loss_sum, right, since, began = 0.0, 0.0, 0, time.perf_counter()
    saved = began
    with progress.bar(total, "encoder", "steps", step) as bar:
        while step < total:
            epoch, done = divmod(step, per_epoch)
            for indices in _batches(lengths, seed, epoch)[done:]:
                mels, *wanted = _batch(speech, targets, plain, indices, lengths)
                units, stretches, spectrum = (x.to(device) for x in wanted)
                draws = random.torch_generator(seed, "encoder", step)
                rate = learning_rate(step, total)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                with torch.autocast(device.type, torch.bfloat16, enabled=in_bf16):
                    hidden = network(distorted(mels, draws).to(device))
                    scores = network.cluster(hidden).float()
                    finer = module["stretches"](hidden).float()
                    guess = module["spectrum"](hidden).float()
                loss = F.cross_entropy(scores.flatten(0, 1), units.flatten())
                beside = F.cross_entropy(finer.flatten(0, 1), stretches.flatten())
                torch.autograd.backward(loss + beside + (guess - spectrum).abs().mean())
                torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()
                step += 1
                loss_sum += float(loss.detach())
                right += float((scores.argmax(dim=2) == units).float().mean())
                since += 1
                bar.advance()
                if step % 100 == 0 or step == total:
                    minutes = (elapsed + time.perf_counter() - began) / 60
                    progress.line(
                        f"encoder: step {step}/{total}  loss {loss_sum / since:.3f}  "
                        f"frames right {100 * right / since:.1f} %  {minutes:.1f} min"
                    )
                    loss_sum, right, since = 0.0, 0.0, 0
                if step == total or time.perf_counter() - saved > SAVE_EVERY_S:
                    saved = time.perf_counter()
                    _save(path, identity, module, optimizer, step, elapsed + saved - began)
                if step == total:
                    break
    return settings, network


def learning_rate(step: int, total: int) -> float:
    """Of a step: a warm-up, most of a cosine, and in the last quarter a line down to nothing."""
    done = step / total
    cosine = 0.02 + 0.49 * (1 + math.cos(math.pi * 0.78 * done))
    return PEAK_LR * min(1.0, (step + 1) / 200) * cosine * min(1.0, 4 * (1 - done))


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


def _batches(lengths: NDArray[np.int64], seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """Batches of nearly equal lengths, in random order; the longest are cut to the shortest."""
    generator = random.numpy_generator(seed, "encoder", "epoch", epoch)
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
    targets: Targets,
    plain: list[NDArray[np.float16]],
    indices: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Spectra (batch, n, 80); units, stretches (batch, n / 4); plain spectra (batch, n / 4, 80)."""
    n = int(lengths[indices].min())
    mels, units, stretches, spectrum = [], [], [], []
    for i in indices:
        voice = speech.voices[i]
        last = len(plain[voice.group]) - 1
        at = np.clip(np.round(voice.at[:n][POOL // 2 :: POOL]).astype(np.int64), 0, last)
        mels.append(voice.mels[:n].astype(np.float32))
        units.append(targets.units[voice.group][at])
        stretches.append(targets.stretches[voice.group][at])
        spectrum.append(plain[voice.group][at].astype(np.float32))
    first, second, third, fourth = (
        torch.from_numpy(np.stack(x)) for x in (mels, units, stretches, spectrum)
    )
    return first, second, third, fourth


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
            key: found.tensors[f"{key}.{name}"].to(p.device)
            for key in ("step", "exp_avg", "exp_avg_sq")
        }
    return found.state["step"], found.state["elapsed"]
