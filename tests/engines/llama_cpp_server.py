"""llama.cpp's own server over a tiny Llama: python llama_cpp_server.py FOLDER PORT KEY.

Runs by itself, in a Python that has xllamacpp (llama.cpp as a wheel) and gguf.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import xllamacpp
from safetensors.numpy import load_file

LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def converted(folder: Path) -> Path:
    """The folder's config.json, tokenizer.json, weights and chat template as one GGUF file."""
    file = folder / "model.gguf"
    config = json.loads((folder / "config.json").read_text("utf-8"))
    writer = gguf.GGUFWriter(str(file), "llama")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_rope_dimension_count(config["head_dim"])
    vocabulary(writer, folder, config["eos_token_id"])
    for name, array in tensors(load_file(folder / "model.safetensors"), config):
        writer.add_tensor(name, np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def vocabulary(writer: gguf.GGUFWriter, folder: Path, end: int) -> None:
    """The byte-fallback BPE: of two merges the earlier goes first, so its piece scores higher."""
    whole = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    model = whole["model"]
    controls = {each["content"] for each in whole["added_tokens"]}
    ranks = {"".join(pair): -float(n) for n, pair in enumerate(model["merges"])}
    names = sorted(model["vocab"], key=model["vocab"].__getitem__)
    kinds = [
        gguf.TokenType.CONTROL
        if name in controls
        else gguf.TokenType.BYTE
        if name.startswith("<0x")
        else gguf.TokenType.NORMAL
        for name in names
    ]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([name.replace(" ", "▁") for name in names])
    writer.add_token_scores([ranks.get(name, -1e4) for name in names])
    writer.add_token_types(kinds)
    writer.add_eos_token_id(end)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    told = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    writer.add_chat_template(told["chat_template"])


def tensors(
    weights: dict[str, np.ndarray], config: dict[str, int]
) -> Iterator[tuple[str, np.ndarray]]:
    yield "token_embd.weight", weights["model.embed_tokens.weight"]
    yield "output_norm.weight", weights["model.norm.weight"]
    yield "output.weight", weights["lm_head.weight"]
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    for layer in range(config["num_hidden_layers"]):
        for theirs, name in LAYER.items():
            array = weights[f"model.layers.{layer}.{theirs}.weight"]
            count = heads.get(theirs.rpartition(".")[2])
            yield f"blk.{layer}.{name}.weight", turned(array, count) if count else array


def turned(array: np.ndarray, heads: int) -> np.ndarray:
    """Rows in the order of llama.cpp's rotation: the two halves of a head in turn."""
    rows, columns = array.shape
    halves = array.reshape(heads, 2, rows // heads // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns)


def main(folder: str, port: str, key: str) -> None:
    params = xllamacpp.CommonParams()
    params.model.path = str(converted(Path(folder)))
    params.port = int(port)
    params.n_ctx, params.n_parallel = 2048, 4
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    # Its fast attention rounds to half precision; without it, probabilities can be compared.
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.use_jinja, params.warmup, params.ui = True, False, False
    params.api_keys = [key]
    server = xllamacpp.Server(params)
    print("listening at", server.listening_address, flush=True)  # noqa: T201 - a script
    while True:
        time.sleep(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
