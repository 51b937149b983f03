"""HuBERTs of two layers x 16 with random weights, the same each time."""

from __future__ import annotations

from pathlib import Path

import torch

from baselines.s3prl.containment import contained, seeded, silenced


def save_hugging_face_hubert(folder: Path) -> Path:
    """A folder as transformers saves it; returns it."""
    from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

    config = HubertConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=16,
        # Not 2 or 4: oneDNN's bfloat16 convolution of 4 or 8 channels a group is wrong with AMX.
        num_conv_pos_embedding_groups=8,
    )
    with seeded(4):  # not every tiny random model bears bfloat16 as well as a trained one
        HubertModel(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)  # type: ignore[no-untyped-call]
    return folder


def save_s3prl_hubert(file: Path) -> Path:
    """A checkpoint as s3prl converts fairseq's; returns it."""
    with silenced():
        from s3prl.upstream.hubert.hubert_model import (
            HubertConfig,
            HubertModel,
            HubertPretrainingConfig,
        )
        from s3prl.upstream.utils import merge_with_parent

    model = {
        "label_rate": 50,
        "extractor_mode": "default",
        "encoder_layers": 2,
        "encoder_embed_dim": 16,
        "encoder_ffn_embed_dim": 32,
        "encoder_attention_heads": 2,
        "conv_feature_layers": "[(8,10,5)] + [(8,3,2)] * 4 + [(8,2,2)] * 2",
        "conv_pos": 16,
        "conv_pos_groups": 8,
        "final_dim": 8,
    }
    task = {"data": "", "normalize": False}
    symbols = [["<s>", "<pad>", "</s>", "<unk>", "0", "1"]]
    settings = (
        merge_with_parent(HubertConfig, model),
        merge_with_parent(HubertPretrainingConfig, task),
    )
    with contained(), seeded(4):
        weights = HubertModel(*settings, symbols).state_dict()
    state = {
        "task_cfg": task,
        "model_cfg": model,
        "model_weight": weights,
        "dictionaries_symbols": symbols,
    }
    torch.save(state, file)
    return file
