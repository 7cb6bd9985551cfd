"""In which texts a key stands: found at once, the same as looked for one by one."""

import re2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tertulia.conversation import LoreEntry
from tertulia.lore.texts import Texts, Wanted, alone

ZERO = "\0"
letters = st.text("aAbB ßé_.-\n\0", max_size=12)


def one_by_one(texts: list[str], key: str, asked: LoreEntry) -> tuple[int, ...]:
    if not key:
        return ()
    small = (lambda each: each) if asked.case_sensitive else str.casefold
    found = []
    for n, text in enumerate(map(small, texts)):
        at = text.find(small(key))
        while at >= 0 and asked.whole_words and not alone(text, at, small(key)):
            at = text.find(small(key), at + len(small(key)))
        found += [n] if at >= 0 else []
    return tuple(found)


@given(st.lists(letters, max_size=6), letters, st.booleans(), st.booleans())
@example(["a", f"{ZERO}a"], f"{ZERO}{ZERO}a", False, False)
@example(["", ZERO * 2], ZERO * 2, False, False)
@example([f"a{ZERO}", "a"], f"{ZERO}a", False, False)
@settings(max_examples=400, deadline=None)
def test_a_key_is_found_where_looking_one_by_one_finds_it(
    texts: list[str], key: str, case_sensitive: bool, whole_words: bool
) -> None:
    asked = LoreEntry(content="a", case_sensitive=case_sensitive, whole_words=whole_words)
    assert Texts(texts).having(key, asked) == one_by_one(texts, key, asked)


@given(st.lists(letters, max_size=5), st.lists(letters, max_size=8), st.booleans())
@settings(max_examples=300, deadline=None)
def test_no_key_that_stands_somewhere_is_passed_over(
    texts: list[str], keys: list[str], case_sensitive: bool
) -> None:
    asked = LoreEntry(content="a", keys=tuple(keys), case_sensitive=case_sensitive)
    there = Texts(texts)
    possible = Wanted([(7, asked)]).possible(there).get(7, [])
    assert {n for n, key in enumerate(keys) if there.having(key, asked)} <= set(possible)


patterns = st.sampled_from(
    [r"^a", r"b$", r"\ba", r"\Bb", r"a.b", r"(?s)a.b", r"a*", r"[^a]b", "ß|é"]
)


@given(st.lists(letters, max_size=5), patterns)
@settings(max_examples=300, deadline=None)
def test_a_pattern_is_found_where_re2_finds_it_in_each_text(texts: list[str], key: str) -> None:
    asked = LoreEntry(content="a", keys=(key,), regex=True, case_sensitive=True)
    found = tuple(n for n, text in enumerate(texts) if re2.search(key, text))
    assert Texts(texts).having(key, asked) == found
