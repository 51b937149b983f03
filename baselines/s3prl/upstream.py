"""An upstream: waveforms of equal length in, the frames of its layers out.

It is s3prl's `S3PRLUpstream`, put into evaluation mode and cut off from gradients, unless it is
trained too (`baselines.s3prl.tuned_model`). Only clips of equal length share a batch, so that what
a clip gives never depends on its neighbours: s3prl itself pads a batch, and a short clip's features
then change (for HuBERT base by 30 %).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from baselines.s3prl.containment import contained, silenced, unwarned
from baselines.s3prl.embedded import EncoderUpstream
from baselines.s3prl.long_convolution import take_over
from baselines.s3prl.naming import factory
from bench.errors import BenchError, CheckpointError, MissingError, UsageError
from bench.files import sha256_of_file

with silenced():
    import s3prl.hub
    from s3prl.nn import S3PRLUpstream

WAVEFORM_MODELS = ("hubert", "hf_hubert", "wav2vec2", "hf_wav2vec2", "wavlm", "data2vec")
"""s3prl's modules whose first operation on the waveform bears bfloat16; the others compute a
log-mel spectrogram first, which does not."""

MIN_SAMPLES = 1600
"""A shorter clip (0.1 s) gets silence at its end: s3prl fails on some of them."""


class Upstream:
    """An upstream, in evaluation mode.

    Args:
        name: see `baselines.s3prl.naming.factory`.
        checkpoint: local weights, or None.
        layers: which layers to give, counted from 0; None for all.
        normalize: layer norm on every frame of every layer, as s3prl's Featurizer does it.
        precision: `bf16` computes the matrix products in bfloat16; `fp32`; `auto` takes bf16
            where `auto_is_bf16` and the model bears it.
        auto_is_bf16: what `auto` means on this device.
        device: where it computes.
        frozen: whether its weights stay as they are; some of it is computed faster then.

    Attributes:
        name: for tables.
        n_layers, dim: shape of what it gives.
        stride: samples a frame.
        fingerprint: SHA-256 (hex) over everything that decides what it gives.
        n_total: parameters.
        learnable: names of the parameters that s3prl would train.

    Raises:
        UnknownNameError, UsageError, MissingError, CheckpointError: if there is no such upstream,
            it cannot be loaded, or has no such layer.
    """

    def __init__(
        self,
        name: str,
        checkpoint: Path | None = None,
        *,
        layers: Sequence[int] | None = None,
        normalize: bool = False,
        precision: str = "fp32",
        auto_is_bf16: bool = False,
        device: torch.device | str = "cpu",
        frozen: bool = True,
    ) -> None:
        self.name, build = factory(name, checkpoint)
        self.module = _loaded(name, build, checkpoint).to(device)
        self.learnable = tuple(n for n, p in self.module.named_parameters() if p.requires_grad)
        self.module.eval().requires_grad_(False)
        self.device, self.normalize = torch.device(device), normalize
        n_there = int(self.module.num_layers)
        self.layers = tuple(range(n_there) if layers is None else sorted(set(layers)))
        if not self.layers or self.layers[0] < 0 or self.layers[-1] >= n_there:
            raise UsageError(
                f"--layers {','.join(map(str, layers or ()))}: upstream {self.name!r} has "
                f"layers 0 to {n_there - 1}"
            )
        sizes = {self.module.hidden_sizes[i] for i in self.layers}
        strides = {self.module.downsample_rates[i] for i in self.layers}
        if len(sizes) > 1 or len(strides) > 1:
            raise UsageError(
                f"the layers of upstream {self.name!r} differ in size {sorted(sizes)} or in "
                f"stride {sorted(strides)}, so they cannot be summed",
                hint="choose layers that agree with --layers",
            )
        self.n_layers = len(self.layers)
        self.dim, self.stride = int(sizes.pop()), int(strides.pop())
        self.n_total = sum(tensor.numel() for tensor in self._counted())
        family = type(self.module.upstream).__module__.split(".")
        bears_bf16 = len(family) > 2 and family[2] in WAVEFORM_MODELS
        if precision == "bf16" and not bears_bf16:
            raise UsageError(
                f"upstream {self.name!r} computes log-mel features, which bfloat16 spoils",
                hint="leave --precision out, or give fp32",
            )
        self.bf16 = bears_bf16 and (precision == "bf16" or (precision == "auto" and auto_is_bf16))
        self.fingerprint = self._fingerprint(checkpoint)
        if frozen and not self.bf16 and self.device.type == "cpu":
            take_over(self.module)

    def n_frames(self, n_samples: int) -> int:
        """Frames of a clip, as s3prl counts them."""
        return -(-max(n_samples, MIN_SAMPLES) // self.stride)

    def __call__(self, waves: Tensor) -> Tensor:
        """The frames of clips of equal length.

        Args:
            waves: (batch, n_samples) float32 at 16 kHz.

        Returns:
            (n_layers, batch, n_frames, dim) float32, without gradient.
        """
        self.module.eval()
        with torch.no_grad(), contained():
            return self.frames(waves)

    def frames(self, waves: Tensor) -> Tensor:
        """The same, in the module's present mode and with gradients where they are asked for."""
        waves = functional.pad(waves, (0, max(0, MIN_SAMPLES - waves.shape[1]))).to(self.device)
        lengths = torch.full((len(waves),), waves.shape[1], dtype=torch.long, device=self.device)
        with unwarned(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            found, _ = self.module(waves, lengths)
        frames = torch.stack([found[i].float() for i in self.layers])
        return functional.layer_norm(frames, frames.shape[-1:]) if self.normalize else frames

    def weights(self) -> Mapping[str, Tensor]:
        """What it was trained to, by name, as it is in memory at this moment."""
        expert = self.module.upstream
        if isinstance(expert, EncoderUpstream):
            return {f"upstream.{name}": tensor for name, tensor in expert.weights().items()}
        weights: Mapping[str, Tensor] = self.module.state_dict()
        return weights

    def _counted(self) -> Iterable[Tensor]:
        """What `n_total` counts; an encoder's tensors may be no parameters that torch knows of."""
        if isinstance(self.module.upstream, EncoderUpstream):
            return self.weights().values()
        parameters: Iterable[Tensor] = self.module.parameters()
        return parameters

    def _fingerprint(self, checkpoint: Path | None) -> str:
        expert: Any = self.module.upstream
        digest = hashlib.sha256(
            repr(
                [
                    version("espnet-s3prl"),
                    type(expert).__module__,
                    getattr(expert, "config", None) if not self.n_total else None,
                    self.layers,
                    self.normalize,
                    self.bf16,
                ]
            ).encode()
        )
        digest.update(str(getattr(expert, "identity", "")).encode())
        if checkpoint is not None and checkpoint.is_file():
            # Its settings decide too (whether waves are normalised), and are no weights.
            digest.update(sha256_of_file(checkpoint).encode())
        for key, tensor in self.weights().items():
            digest.update(f"{key} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
            plain = tensor.detach().cpu().contiguous()
            digest.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


def _loaded(name: str, build: Any, checkpoint: Path | None) -> Any:
    """s3prl's wrapper around the upstream that `build` makes.

    `S3PRLUpstream` takes names of `s3prl.hub` only, so the factory is lent one for the moment.
    """
    lent = "_lent_to_speechprompt_bench"
    setattr(s3prl.hub, lent, lambda **_: build())
    try:
        with contained():
            module: nn.Module = S3PRLUpstream(lent)
    except BenchError:
        raise
    except Exception as error:
        raise _explained(name, error, checkpoint) from error
    finally:
        delattr(s3prl.hub, lent)
    return module


def _explained(name: str, error: Exception, checkpoint: Path | None) -> BenchError:
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if checkpoint is not None:
        return CheckpointError(
            f"cannot be loaded as upstream {name!r} ({told})",
            where=str(checkpoint),
            hint="is it a checkpoint of another architecture, or damaged?",
        )
    if isinstance(error, ImportError):
        return MissingError(f"upstream {name!r} needs a package that is not installed: {error}")
    if isinstance(error, OSError):  # requests' and urllib's errors are OSErrors
        return MissingError(
            f"the weights of upstream {name!r} could not be downloaded ({told})",
            hint="download them elsewhere and give --upstream-ckpt PATH",
        )
    return CheckpointError(f"upstream {name!r} cannot be loaded ({told})")
