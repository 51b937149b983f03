"""The method `linear-probe`: a linear classifier on the hidden states of a frozen GSLM.

Every layer's hidden states at an utterance's units -> mean over time -> learned weighted sum of the
layers -> one linear map a slot. It tells how much of an answer the LM's states hold as they are,
with no prompt to draw it out. The LM is frozen, so the means are computed once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import torch
from pydantic import BaseModel
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from baselines.fitting import Fitting, Plan
from baselines.gslm_means import mean_hidden_states
from baselines.inputs import MeanTable
from baselines.label_problem import LabelProblem, answer
from baselines.layer_options import LayerOptions
from baselines.option_text import layer_list, rates, search_text
from bench import random
from bench.errors import UsageError
from bench.files import write_atomic
from bench.memory import keep_freed_memory
from bench.method import Job, ModelDescription, Prediction
from bench.prompting.frozen import FrozenLM
from bench.prompting.knowing_units import (
    description,
    load_gslm_of,
    products_dtype,
    warn_of_unknown_units,
)
from bench.records import TrainRecord
from tasks.corpora.utterance import Utterance

SEARCH = (1e-1, 1e-2, 1e-3)
MAX_EPOCHS = 100
BATCH_UTTERANCES = 32
CLIP_NORM = 1.0


class LinearProbeOptions(LayerOptions):
    """What decides the training of the probe; see `LayerOptions`.

    Without `lr` or `search` 0.1, 0.01 and 0.001 are tried, for 100 epochs. Layer 0 is what the LM's
    first layer sees, layer k what layer k gives.
    """


class Probe(nn.Module):
    """Weighted sum of layers, then one linear map whose outputs are those of all slots.

    Args:
        n_layers: hidden states a token has.
        dim: of each.
        n_labels: of all slots together.
        generator: draws the first weights of the map; the layers start at equal weights.
    """

    def __init__(self, n_layers: int, dim: int, n_labels: int, generator: torch.Generator) -> None:
        super().__init__()
        # The weight of a single layer would be 1 whatever its parameter: it has none.
        self.layer_weights = nn.Parameter(torch.zeros(n_layers)) if n_layers > 1 else None
        self.linear = nn.Linear(dim, n_labels)
        bound = dim**-0.5
        with torch.no_grad():
            self.linear.weight.uniform_(-bound, bound, generator=generator)
            self.linear.bias.zero_()

    def forward(self, means: Tensor) -> Tensor:
        """Logits of all slots side by side.

        Args:
            means: (batch, n_layers, dim) float32.

        Returns:
            (batch, n_labels).
        """
        if self.layer_weights is None:
            summed = means[:, 0]
        else:
            summed = torch.matmul(functional.softmax(self.layer_weights, dim=0), means)
        logits: Tensor = self.linear(summed)
        return logits


class LinearProbe:
    """A linear classifier on a frozen GSLM's hidden states.

    Raises:
        UsageError: if the task's answers are sequences, or the GSLM lacks a layer.
        MissingError, CheckpointError: if there is no GSLM, or it is damaged.
        DataError: if the corpus holds units that the GSLM does not know.
    """

    Options = LinearProbeOptions

    def __init__(self, job: Job, options: BaseModel) -> None:
        if not isinstance(options, LinearProbeOptions):
            raise TypeError(f"options of another method: {type(options).__name__}")
        if job.task.is_sequence:
            raise UsageError(
                f"method 'linear-probe' cannot solve {job.task.name!r}: a mean over time gives no "
                "sequence",
                hint="it solves ks, ic and lid; asr and sf have `prompt` and `finetune-lm`",
            )
        self._rates = rates(options.lr, options.search, SEARCH)
        self._batch_utterances = options.batch_utterances or BATCH_UTTERANCES
        settled: dict[str, object] = {
            "max_epochs": options.max_epochs or MAX_EPOCHS,
            "batch_utterances": self._batch_utterances,
        }
        if options.lr is None:
            settled["search"] = search_text(self._rates)
        self._job, self.options = job, options.model_copy(update=settled)
        keep_freed_memory()
        self._gslm = load_gslm_of(job)
        self._frozen = FrozenLM(self._gslm.lm, products_dtype(job), job.device)
        n_there = self._gslm.card.lm.layers + 1
        asked = layer_list(options.layers)
        self._layers = tuple(range(n_there)) if asked is None else asked
        if self._layers[-1] >= n_there:
            raise UsageError(
                f"--layers {options.layers}: GSLM {self._gslm.card.name!r} has hidden states "
                f"0 to {n_there - 1}"
            )
        self._module = self._start()

    def _start(self) -> Probe:
        generator = random.torch_generator(self._job.seed, "start")
        dim = self._gslm.card.lm.dim
        return Probe(len(self._layers), dim, self._job.labels.n, generator)

    @property
    def n_trainable(self) -> int:
        """The map and the layers' weights."""
        return sum(p.numel() for p in self._module.parameters())

    @property
    def n_trainable_paper(self) -> int | None:
        """The papers have no such row."""
        return None

    def describe(self) -> ModelDescription:
        """The frozen GSLM."""
        return description(self._job, self._gslm)

    def train(self) -> TrainRecord:
        """Computes the means once, then trains every trial of the search on them."""
        job, options = self._job, self.options
        assert options.max_epochs is not None  # settled
        warn_of_unknown_units(job, self._gslm, self._frozen)
        problem = LabelProblem(
            job,
            self._start,
            train=self._means(job.corpus.train),
            valid=self._means(job.corpus.valid),
            batch_utterances=self._batch_utterances,
        )
        plan = Plan(
            rates=self._rates,
            max_epochs=options.max_epochs,
            max_minutes=options.max_minutes,
            patience=options.patience,
            clip_norm=CLIP_NORM,
        )
        identity = {
            "options": options.model_dump(mode="json"),
            "corpus": job.corpus.fingerprint,
            "gslm": self._gslm.fingerprint,
            "precision": self.describe().precision,
            "seed": job.seed,
        }
        fitting = Fitting(problem, plan, job, identity)
        record = fitting.run()
        self._module.to(job.device).load_state_dict(fitting.best)
        return record

    def predict(self, utterances: Sequence[Utterance]) -> list[Prediction]:
        """Answers of the best trial's best round."""
        means = self._means(utterances)
        return answer(self._job, self._module, means, self._batch_utterances)

    def _means(self, utterances: Sequence[Utterance]) -> MeanTable:
        read = [u.units for u in utterances if u.units is not None]
        with self._job.progress.bar(len(read), "hidden states", "utterances") as bar:
            means = mean_hidden_states(
                self._frozen,
                self._gslm,
                read,
                layers=self._layers,
                normalize=self.options.normalize_layers,
                bar=bar,
            )
        return MeanTable(means, self._job.device)

    def save(self) -> int:
        """Writes `model.safetensors`: the map and the layers' weights."""
        tensors = {n: t.detach().cpu().contiguous() for n, t in self._module.named_parameters()}
        about = {
            "labels": self._job.labels.groups,
            "gslm": self._gslm.fingerprint,
            "layers": self._layers,
            "task": self._job.task.name,
        }
        content = save(tensors, {"about": json.dumps(about)})
        write_atomic(self._job.folder / "model.safetensors", content)
        return len(content)
