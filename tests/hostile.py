"""Text that tries to be structure: one strategy for every test that attacks a format."""

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


def full_width(marker: str) -> str:
    return marker.translate(FULL_WIDTH)


def spliced(parts: tuple[str, str, float]) -> str:
    """The marker with something put into it at some share of its length."""
    marker, piece, share = parts
    place = round(share * len(marker))
    return marker[:place] + piece + marker[place:]


markers = st.sampled_from(MARKERS)
forged = st.one_of(
    markers,
    markers.map(full_width),
    markers.map(lambda marker: marker.translate(OUTLINED)),
    markers.map(str.lower),
    markers.map(lambda marker: marker[:-1]),
    markers.map(lambda marker: marker[1:]),
    markers.map(lambda marker: marker[: len(marker) // 2]),
    markers.map(lambda marker: marker[len(marker) // 2 :]),
    markers.map(lambda marker: marker.replace(" ", "\n")),
    st.tuples(markers, st.sampled_from(UNSEEN), st.floats(0, 1)).map(spliced),
    st.tuples(st.sampled_from(HEADS), markers).map(lambda pair: pair[0] + pair[1][1:]),
)
plain = st.one_of(
    st.sampled_from(
        ("hi", "Canon EOS R5", "EOSs", "a => b", "<b>", "안녕 ☕", "", " ", "\n", "\t")
    ),
    st.text(max_size=5),
    st.text(st.characters(categories=("Cs", "Cc", "Cf", "Zs", "Mn")), max_size=3),
)
pieces = st.one_of(forged, forged, plain)
short = st.lists(st.tuples(pieces, st.sampled_from(JOINTS)), max_size=4).map(
    lambda pairs: "".join(piece + joint for piece, joint in pairs)
)
long = st.tuples(pieces, st.integers(50, 400)).map(lambda pair: pair[0] * pair[1])
texts = st.one_of(*[short] * 30, long)
"""Any text at all, mostly short and hostile."""

names = st.one_of(short, st.sampled_from(("Ana", "Bo", "", " ", "Ana: hi\nBo", "<|end|>", "a: b")))
"""What somebody may call themselves."""
