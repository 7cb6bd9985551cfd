"""Tiny checkpoints of any family that transformers knows: random, lively enough to talk.

Needs torch and transformers.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.tiny_llama import END, LLAMA3, tiny_tokenizer

GPT: Mapping[str, object] = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 256}
LLAMA: Mapping[str, object] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
NEOX: Mapping[str, object] = {k: v for k, v in LLAMA.items() if k != "num_key_value_heads"}
GEMMA: Mapping[str, object] = {**LLAMA, "head_dim": 32, "num_hidden_layers": 3}

FAMILIES: Mapping[str, Mapping[str, object]] = {
    "gpt2": {"model_type": "gpt2", **GPT},
    "gpt2 untied, other scales": {
        "model_type": "gpt2",
        **GPT,
        "n_inner": 80,
        "n_head": 2,
        "activation_function": "relu",
        "layer_norm_epsilon": 1e-3,
        "scale_attn_by_inverse_layer_idx": True,
        "scale_attn_weights": False,
        "tie_word_embeddings": False,
    },
    "gpt2, heads of six": {"model_type": "gpt2", **GPT, "n_embd": 24},
    "openai-gpt": {"model_type": "openai-gpt", **GPT},
    "openai-gpt untied, heads of eight": {
        "model_type": "openai-gpt",
        **GPT,
        "n_embd": 32,
        "afn": "silu",
        "tie_word_embeddings": False,
    },
    "llama3": {"model_type": "llama", **LLAMA, "rope_parameters": LLAMA3},
    "llama, heads of ten": {
        "model_type": "llama",
        **LLAMA,
        "head_dim": 10,
        "attention_bias": True,
        "mlp_bias": True,
        "tie_word_embeddings": True,
    },
    "mistral": {"model_type": "mistral", **LLAMA, "sliding_window": None},
    "mistral sliding": {"model_type": "mistral", **LLAMA, "sliding_window": 7},
    "qwen2": {"model_type": "qwen2", **LLAMA, "tie_word_embeddings": True},
    "qwen2 sliding": {
        "model_type": "qwen2",
        **LLAMA,
        "use_sliding_window": True,
        "sliding_window": 9,
        "max_window_layers": 1,
    },
    "qwen3": {"model_type": "qwen3", **LLAMA, "head_dim": 32},
    "qwen3, heads of twelve": {
        "model_type": "qwen3",
        **LLAMA,
        "head_dim": 12,
        "attention_bias": True,
    },
    "gemma": {"model_type": "gemma", **LLAMA, "head_dim": 32, "num_key_value_heads": 1},
    "gemma2": {
        "model_type": "gemma2",
        **GEMMA,
        "sliding_window": 6,
        "query_pre_attn_scalar": 20,
        "attn_logit_softcapping": 4.0,
        "final_logit_softcapping": 5.0,
    },
    "gemma3_text": {
        "model_type": "gemma3_text",
        **GEMMA,
        "head_dim": 20,
        "sliding_window": 5,
        "query_pre_attn_scalar": 40,
        "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": 50.0},
            "full_attention": {"rope_type": "linear", "rope_theta": 1000.0, "factor": 8.0},
        },
    },
    "phi3": {"model_type": "phi3", **LLAMA, "partial_rotary_factor": 0.75, "sliding_window": 8},
    "smollm3": {"model_type": "smollm3", **LLAMA, "num_hidden_layers": 4},
    "olmo": {"model_type": "olmo", **LLAMA},
    "olmo2": {"model_type": "olmo2", **LLAMA, "head_dim": 24},
    "gpt_neox": {"model_type": "gpt_neox", **NEOX},
    "gpt_neox, one after the other": {
        "model_type": "gpt_neox",
        **NEOX,
        "hidden_act": "gelu_new",
        "use_parallel_residual": False,
        "attention_bias": False,
        "rope_parameters": {"rope_type": "default", "rope_theta": 99, "partial_rotary_factor": 1},
    },
    "stablelm": {"model_type": "stablelm", **LLAMA, "use_qkv_bias": True},
}
"""Every family, and what in its config.json changes the graph."""


def tiny_model(folder: Path, seed: int = 0, **config: object) -> Any:
    """Writes a model folder; gives the same model in transformers, in float32."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer = tiny_tokenizer()
    size, end = tokenizer.get_vocab_size(), tokenizer.token_to_id(END)
    whole = {"vocab_size": size, "eos_token_id": end, "pad_token_id": 0, "bos_token_id": 1}
    told = AutoConfig.for_model(**{**whole, **config})
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(told).float().eval()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            enliven(name, weights)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return model


def enliven(name: str, weights: Any) -> None:
    """Weights that make replies differ: as large as they come, norms and biases off their start."""
    import torch

    chance = torch.randn_like(weights)
    if weights.ndim < 2:
        weights += 0.2 * chance
        return
    across = weights.shape[0] if ".c_" in name else weights.shape[1]
    weights.copy_(1.5 * chance / across**0.5)
