"""Small tokenizers of the published kinds, trained on a few lines, for tests that compare ids."""

import io
import json
from pathlib import Path

import sentencepiece
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)

TEXT = """\
Hello, how are you today? I am fine, thank you. And you?
i like cats. i am a quiet engineer. i'm single and am looking for love.
on friday nights, i watch re-runs of the simpsons alone.
ask about kids. ask about pets. talk about work. ask about marital status. talk about travel.
ask about age and gender. ask about hobbies. ask about favorite food. talk about movies.
talk about music. talk about politics. hello do you like movies? person 1: person 2:
Instruction: given a dialog context, you need to response empathically. CONTEXT
KNOWLEDGE EOS turn sep
Cosmo is having a friendly conversation with a friend.
You are Cosmo and you are talking to a friend.
The weather in the mountains was cold in 1998, 2007 and 2024; we counted 31,415 birds & 265 bears!
Does money buy happiness? It depends on how you use it: (a) friends, (b) time, (c) peace of mind.
system user assistant Cutting Knowledge Date: December 2023 Today Date: 26 Jul 2024
최근에 영화 본 거 있어? 기생충 봤는데 엄청 재밌더라 오 그래? 다들 재밌다고 하더라
아직 못봤어? 응 나도 봐야하나..
Une soirée d'été à Lisbonne: café, naïve, œuvre, déjà vu. Straße, Ærøskøbing, Łódź. 你好 世界
"""

PERSONA_GPT = ("<|sep|>", "<|cls|>", "<|start|>", "<|p1|>", "<|p2|>", "<|act|>")
LLAMA_3 = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|finetune_right_pad_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eom_id|>",
    "<|eot_id|>",
    "<|python_tag|>",
)
LLAMA_3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def t5(folder: Path, text: str = TEXT, size: int = 330) -> Path:
    """spiece.model as T5 has it: pad 0, </s> 1, unknown 2, nmt_nfkc, no piece for "<"."""
    text = text.replace("<", "")
    model = trained(
        text, vocab_size=size, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, pad_piece="<pad>",
        character_coverage=1.0,
    )  # fmt: skip
    (folder / "spiece.model").write_bytes(model)
    return folder


def pingpong(folder: Path, text: str = TEXT, size: int = 330) -> Path:
    """sp.model: [PAD] 0, [UNK] 1, [BOS] 2, [EOS] 3, then user-defined [SEPT] 4 and the digits."""
    model = trained(
        text, vocab_size=size, pad_id=0, unk_id=1, bos_id=2, eos_id=3, pad_piece="[PAD]",
        unk_piece="[UNK]", bos_piece="[BOS]", eos_piece="[EOS]",
        user_defined_symbols=["[SEPT]", *"0123456789"], character_coverage=1.0,
    )  # fmt: skip
    (folder / "sp.model").write_bytes(model)
    return folder


def trained(text: str, **settings: object) -> bytes:
    """A sentencepiece model: Unigram with sentencepiece's own normaliser, nmt_nfkc, unless told."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text.splitlines()),
        model_writer=model,
        minloglevel=2,
        **{"model_type": "unigram", "hard_vocab_limit": False, **settings},
    )
    return model.getvalue()


def byte_level(text: str, vocabulary: int) -> Tokenizer:
    """GPT-2's kind of tokenizer, with <|endoftext|> as its last entry."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(text.splitlines(), trainer)
    data = json.loads(tokenizer.to_str())
    data["model"]["vocab"]["<|endoftext|>"] = len(data["model"]["vocab"])
    return Tokenizer.from_str(json.dumps(data))


def persona_gpt(folder: Path, text: str = TEXT, size: int = 600) -> Path:
    """tokenizer.json as the fast tokenizer saves it, the six tokens added as plain ones."""
    tokenizer = byte_level(text, size)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    tokenizer.add_tokens(list(PERSONA_GPT))
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def persona_gpt_files(folder: Path, text: str = TEXT, size: int = 600) -> Path:
    """The same as the slow tokenizer saves it: vocab.json, merges.txt and added_tokens.json."""
    model = json.loads(byte_level(text, size).to_str())["model"]
    vocabulary = model["vocab"]
    merges = "\n".join(" ".join(pair) for pair in model["merges"])
    added = {name: len(vocabulary) + n for n, name in enumerate(PERSONA_GPT)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), "utf-8")
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n", "utf-8")
    (folder / "added_tokens.json").write_text(json.dumps(added), "utf-8")
    return folder


def dialogpt(folder: Path, text: str = TEXT, size: int = 600) -> Path:
    """The same without the added tokens."""
    persona_gpt_files(folder, text, size)
    (folder / "added_tokens.json").unlink()
    return folder


def llama_3(folder: Path, text: str = TEXT, size: int = 600) -> Path:
    """tokenizer.json with Llama-3's split, its special tokens and whole words looked up first."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA_3_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(text.splitlines(), trainer)
    tokenizer.add_special_tokens([AddedToken(n, normalized=False, special=True) for n in LLAMA_3])
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def byte_fallback(text: str, size: int, **settings: object) -> bytes:
    """A sentencepiece BPE model as Llama 2's and Gemma's: nothing normalised, bytes at hand."""
    return trained(
        text, model_type="bpe", vocab_size=size, hard_vocab_limit=True, byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True,
        allow_whitespace_only_pieces=True, character_coverage=0.99, **settings,
    )  # fmt: skip


def llama_2_model(folder: Path, text: str = TEXT, size: int = 620) -> Path:
    """tokenizer.model: unknown 0, <s> 1, </s> 2, the bytes, then what was learned."""
    model = byte_fallback(text, size, unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
    (folder / "tokenizer.model").write_bytes(model)
    return folder


def llama_2(folder: Path, text: str = TEXT, size: int = 620) -> Path:
    """The same as tokenizer.json, as transformers converts it."""
    llama_2_model(folder, text, size)
    whole = bpe_of(folder / "tokenizer.model")
    whole.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    spaced = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    whole.decoder = decoders.Sequence([*spaced, decoders.Strip(" ", 1, 0)])
    whole.add_special_tokens([AddedToken(n, normalized=False) for n in ("<unk>", "<s>", "</s>")])
    (folder / "tokenizer.model").unlink()
    whole.save(str(folder / "tokenizer.json"))
    return folder


def gemma(folder: Path, text: str = TEXT, size: int = 620) -> Path:
    """tokenizer.json with Gemma's split: no blank put first, runs of blanks and tags added."""
    model = byte_fallback(
        text, size, pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>",
        bos_piece="<bos>", add_dummy_prefix=False, user_defined_symbols=[*GEMMA],
    )  # fmt: skip
    (folder / "tokenizer.model").write_bytes(model)
    whole = bpe_of(folder / "tokenizer.model")
    whole.normalizer = normalizers.Replace(" ", "▁")
    whole.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    spaced = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    whole.decoder = decoders.Sequence(spaced)
    names = ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")
    whole.add_special_tokens([AddedToken(name, normalized=False) for name in names])
    whole.add_tokens([AddedToken(name, normalized=False) for name in GEMMA if name not in names])
    (folder / "tokenizer.model").unlink()
    whole.save(str(folder / "tokenizer.json"))
    return folder


GEMMA = ("<start_of_turn>", "<end_of_turn>", "<table>", "\n\n", "\n\n\n", "▁▁", "▁▁▁")


def bpe_of(file: Path) -> Tokenizer:
    """The BPE of a sentencepiece model: its merges are all pairs of pieces that make a piece."""
    model = sentencepiece.SentencePieceProcessor(model_file=str(file))
    ids = {model.id_to_piece(id): id for id in range(model.get_piece_size())}
    plain = {
        name
        for name, id in ids.items()
        if not (model.is_control(id) or model.is_unknown(id) or model.is_byte(id) or name in GEMMA)
    }
    pairs = [
        (model.get_score(ids[name]), name[:cut], name[cut:])
        for name in plain
        for cut in range(1, len(name))
        if name[:cut] in plain and name[cut:] in plain
    ]
    pairs.sort(key=lambda pair: (-pair[0], ids[pair[1]], ids[pair[2]]))
    merges = [(left, right) for _, left, right in pairs]
    return Tokenizer(models.BPE(ids, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
