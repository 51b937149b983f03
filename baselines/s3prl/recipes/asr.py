"""Speech recognition: characters, CTC, SpecAugment on features (s3prl `superb_asr`)."""

from __future__ import annotations

from baselines.s3prl.recipes.recipe import Recipe, Training

ASR = Recipe(
    superb=Training(search=(1e-4,), max_epochs=200),
    small=Training(search=(1e-3,), max_epochs=40, batch_utterances=8, steps=3200),
)
