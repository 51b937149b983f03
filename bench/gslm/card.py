"""`gslm.json`: what a GSLM folder says about itself."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

BOS, PAD, EOS, UNK = 0, 1, 2, 3
"""Rows of fairseq's four special symbols: `<s>`, `<pad>`, `</s>`, `<unk>`."""
N_SPECIALS = 4


class LmShape(BaseModel):
    """Shape of a unit language model (fairseq's `transformer_lm`).

    Source: fairseq, `transformer_lm_big` is 12 layers, dim 1024, ffn 4096, 16 heads.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    layers: int = Field(ge=1)
    dim: int = Field(ge=4)
    ffn_dim: int = Field(ge=1)
    heads: int = Field(ge=1)
    max_positions: int = Field(ge=2)
    n_rows: int = Field(gt=N_SPECIALS)

    @model_validator(mode="after")
    def _heads_divide_dim(self) -> LmShape:
        if self.dim % self.heads or self.dim % 2:
            raise ValueError(f"dim {self.dim} must be even and a multiple of heads {self.heads}")
        return self

    @property
    def head_dim(self) -> int:
        """Dimensions of one attention head."""
        return self.dim // self.heads

    @property
    def n_parameters(self) -> int:
        """Parameters of the LM; the output projection is the embedding.

        12 layers, dim 1024, ffn 4096 and 104 rows make 151,263,232.
        """
        d, f = self.dim, self.ffn_dim
        layer = 4 * (d * d + d) + 2 * d * f + d + f + 4 * d
        return self.n_rows * d + self.layers * layer + 2 * d


class GslmCard(BaseModel):
    """The card of a GSLM folder, `gslm.json`.

    `rows[u]` is the embedding row of unit `u`: fairseq's dict.txt need not list the units in
    numerical order, so a row is not a unit id.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    name: str = Field(min_length=1)
    n_units: int = Field(ge=1)
    rows: list[int]
    lm: LmShape
    encoder: str | None = None
    encoder_layer: int | None = None
    frame_rate_hz: float | None = None
    dedup: bool = True
    licence: str = "unknown"
    origin: str = "unknown"
    recipe: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _rows_fit(self) -> GslmCard:
        if len(self.rows) != self.n_units:
            raise ValueError(f"rows lists {len(self.rows)} units, n_units is {self.n_units}")
        if len(set(self.rows)) != len(self.rows):
            raise ValueError("rows names one embedding row twice")
        bad = [row for row in self.rows if not N_SPECIALS <= row < self.lm.n_rows]
        if bad:
            raise ValueError(f"rows outside {N_SPECIALS}..{self.lm.n_rows - 1}: {bad[:5]}")
        return self
