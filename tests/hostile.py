"""Text that tries to be structure: one strategy for every test that attacks a format."""

from collections.abc import Iterator

from hypothesis import strategies as st

MARKERS = (
    *("<sep>", "<turn>", "<SEP>", "</s>", "<pad>", "<unk>", "<s>", "<extra_id_0>"),
    *("EOS", "[CONTEXT]", "[KNOWLEDGE]", "<|Knowledge|>", "<|knowledge|>", "=>", "Instruction:"),
    *("### Task Description:", "### Social Context:", "### Dialogue:", "### Explanation:"),
    *("[Social Context]", "[Dialogue]", "[Next Response]", "[Conversational Skill]"),
    *("[Explanation]", "[Explanation and Skill]", "[Rationale]", "[RESULT SKILL]"),
    *(
        "RESULT SKILL:",
        "[Sharing Image]",
        "[Sharing Image: a cat]",
        "'s Profile:",
        "Ana's Profile:",
    ),
    *("the most appropriate conversational skill for the next response is Rhetoric.",),
    *("<|endoftext|>", "<|sep|>", "<|cls|>", "<|start|>", "<|p1|>", "<|p2|>", "<|act|>"),
    *("person 1: ", "person 2: ", "Not available.", "[BOS]", "[EOS]", "[SEPT]", "[PAD]", "[UNK]"),
    *("<|begin|>", "<|end|>", "<|me|>", "<|you|>", "<|says|>", "<|fact|>", "<|image|>", "<|goal|>"),
    *("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    *("<|im_start|>", "<|im_end|>", "<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]"),
    *("assistant\n", "system", "{{ messages }}", "{% raw %}", "Ana:", "Bo:", "Situation:"),
    *("Knowledge:", "About Ana:", "Goal:", "(Goal:", "[picture:", "- ", "\n- "),
)
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
OUTLINED = {ord("A") + n: 0x1CCD6 + n for n in range(26)}
JOINTS = ("", " ", "\n", "\r\n", "\u2028", "\x85", "\v", "▁", "Ġ", "\u3000", "\u200b", ": ")
UNSEEN = ("\0", "\u200b", "\ufeff", "\u202e", "\x0b", "\u0301", "\ufffd", "\u00ad", "¦")
HEADS = ("{", "~", "한", "😀", "＜", "<", "¦", "\0")
PLAIN = (
    *("hi", "Canon EOS R5", "EOSs", "a => b", "<b>", "안녕 ☕", "", " ", "\n", "\t", "¦", "␊", "∶"),
    *(
        "\ud800",
        "\udfff",
        "\0",
        "\u202eabc",
        "\u200b",
        "\r",
        "\x1c",
        "\u2029",
        "-",
        "=",
        ">",
        "<",
        "#",
    ),
)


def full_width(marker: str) -> str:
    return marker.translate(FULL_WIDTH)


def forgeries(marker: str) -> Iterator[str]:
    """The marker, parts of it, and what looks like it to a person or a tokenizer."""
    half = len(marker) // 2
    yield from (marker, marker, full_width(marker), marker.translate(OUTLINED), marker.lower())
    yield from (marker[:-1], marker[1:], marker[:half], marker[half:], marker.replace(" ", "\n"))
    for place in (1, half, len(marker) - 1):
        yield from (marker[:place] + piece + marker[place:] for piece in UNSEEN)
    yield from (head + marker[1:] for head in HEADS)


FORGED = tuple(forged for marker in MARKERS for forged in forgeries(marker))
pieces = st.one_of(st.sampled_from(FORGED), st.sampled_from(FORGED), st.sampled_from(PLAIN))
joints = st.sampled_from(JOINTS)
short = st.one_of(
    pieces,
    st.builds(lambda *parts: "".join(parts), pieces, joints, pieces),
    st.builds(lambda *parts: "".join(parts), joints, pieces, joints, pieces, joints),
)
long = st.builds(lambda piece, times: piece * times, pieces, st.integers(50, 400))
texts = st.integers(0, 40).flatmap(
    lambda n: st.text(max_size=5) if n < 5 else long if n == 5 else short
)
"""Any text at all, mostly short and hostile."""

names = st.one_of(short, st.sampled_from(("Ana", "Bo", "", " ", "Ana: hi\nBo", "<|end|>", "a: b")))
"""What somebody may call themselves."""
