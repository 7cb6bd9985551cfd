"""Ten thousand strings, always the same: what people write, and what attackers do."""

import random
from collections.abc import Callable, Sequence
from functools import cache

from tests.hostile import FORGED, JOINTS, MARKERS, UNSEEN

COUNT = 10_000

ENGLISH = """
the a an my your his our every some no cat dog engineer birthday weather mountain bread lamp river
i you we they she nobody somebody like love hate see said don't can't won't it's we'll they've I'm
went thought bought running quickly never always maybe yesterday tomorrow tonight in on under with
Hello hi Sure thanks OK WOW naïve café résumé e-mail re-run co-operate U.S. Dr. Mrs. 3rd 1998 2007
31,415 $4.99 50% 12:30 +1-555-0100 http://example.org/a?b=c#d me@example.org #1 @home C++ and/or
""".split()
KOREAN = """
안녕하세요 반가워요 오늘 어제 내일 영화 기생충 봤어 봤는데 엄청 재밌더라 그래 다들 나도 친구가
저는 밥을 먹었어요 커피 날씨가 좋네요 ㅋㅋㅋ ㅎㅎ ㅠㅠ 뭐 왜 그런데 진짜 서울에서 학교에 가고싶다
됐어 않아요 값이 닭 읽고 꽃잎 뷁 쉽다 2024년 3월 10시 카톡 LOL
""".split()
JAPANESE = """
こんにちは 今日 は 天気 が いい ですね 映画 を 見た 東京 に 行きたい です か 私 の 猫 と 犬
ラーメン コーヒー ありがとう ございます スーパー ゲーム 学校 先生 友達 楽しかった 笑 www ｶﾀｶﾅ
ＡＢＣ １２３ 。 、 「はい」 ヴァイオリン ッ ー 々 〆 ㍿ ㈱ 髙 﨑 が ぱ 2024年 三月
""".split()
EMOJI = """
😀 😂 🎉 ☕ ☕️ ❤ ❤️ 👍 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇰🇷 🇯🇵 🇵🇹 1️⃣ #️⃣ 🧑🏿‍🚀 🤷‍♀️ ✨ ™ © 🫠 🦋 💔
🏴󠁧󠁢󠁳󠁣󠁴󠁿 ♟ 🀄 🂡 ⌚ 🙃
""".split()
RANGES = (
    *((0x0, 0x20), (0x20, 0x7F), (0x7F, 0x100), (0x100, 0x250), (0x300, 0x370), (0x370, 0x530)),
    *((0x590, 0x700), (0x900, 0x980), (0xE00, 0xE80), (0x1100, 0x1200), (0x1E00, 0x2000)),
    *((0x2000, 0x2070), (0x2070, 0x2200), (0x2500, 0x2600), (0x3000, 0x3130), (0x3130, 0x3190)),
    *((0x3200, 0x3400), (0x4E00, 0xA000), (0xAC00, 0xD7A4), (0xD800, 0xE000), (0xE000, 0xE100)),
    *((0xF900, 0xFB50), (0xFE00, 0x10000), (0x10300, 0x10400), (0x1D400, 0x1D800)),
    *((0x1F300, 0x1FAFF), (0x20000, 0x20100), (0xE0000, 0xE0080), (0x10FFF0, 0x110000)),
)
"""Blocks of Unicode: controls, marks, scripts, surrogates, private use, the last of all."""

UNIT = ("a", " ", "\n", "\t", "0", "-", "=", "é", "e\u0301", "가", "あ", "字", "😀", "\0", "▁", "Ġ")
ENDS = (".", "!", "?", "...", ", ", "; ", "", "\n", " ", '"', ")", "。", "？")


@cache
def strings() -> tuple[str, ...]:
    """Half as people write in English, Korean, Japanese and emoji; the rest rarer or hostile."""
    chance = random.Random(20_240_601)
    makers = [english, korean, japanese, emoji, mixed, any_text, hostile, hostile, hostile, runs]
    return tuple(makers[n % len(makers)](chance) for n in range(COUNT))


def english(chance: random.Random) -> str:
    return cased(sentence(chance, ENGLISH, " "), chance)


def korean(chance: random.Random) -> str:
    return sentence(chance, KOREAN, " ")


def japanese(chance: random.Random) -> str:
    return sentence(chance, JAPANESE, chance.choice(("", "", " ", "\u3000")))


def emoji(chance: random.Random) -> str:
    return sentence(chance, EMOJI, chance.choice(("", " ")))


def mixed(chance: random.Random) -> str:
    """Several people's lines, in several languages."""
    lines = [chance.choice(PEOPLE)(chance) for _ in range(chance.randint(2, 4))]
    return chance.choice(("\n", "\r\n", " ", "\n\n", "\t")).join(lines)


def any_text(chance: random.Random) -> str:
    """Characters of a few blocks of Unicode, whatever they are."""
    blocks = chance.choices(RANGES, k=3)
    return "".join(
        chr(chance.randrange(*chance.choice(blocks))) for _ in range(chance.randint(1, 30))
    )


def hostile(chance: random.Random) -> str:
    """Control tokens and markers: whole, in pieces, split by what is not seen, among text."""
    pieces = [
        chance.choice((MARKERS, FORGED, FORGED, UNSEEN, ENGLISH, EMOJI))
        for _ in range(chance.randint(1, 5))
    ]
    joint = chance.choice(("", "", " ", *JOINTS))
    return joint.join(chance.choice(piece) for piece in pieces)


def runs(chance: random.Random) -> str:
    """One thing over and over, up to some thousand characters."""
    size = 2000 if chance.random() < 0.02 else chance.choice((2, 3, 7, 16, 17, 64, 100))
    unit = chance.choice(UNIT) if chance.random() < 0.7 else hostile(chance)[:10]
    return unit * size + chance.choice(("", "x", " hi"))


PEOPLE: Sequence[Callable[[random.Random], str]] = (english, korean, japanese, emoji)


@cache
def written() -> str:
    """Lines to train a tokenizer on, other ones than those above; without what has no letter."""
    chance = random.Random(7)
    return "\n".join(PEOPLE[n % 3](chance).strip() for n in range(1500))


def sentence(chance: random.Random, words: Sequence[str], between: str) -> str:
    said = between.join(chance.choices(words, k=chance.randint(1, 14)))
    return chance.choice(("", "", "", " ", "  ")) + said + chance.choice(ENDS)


def cased(text: str, chance: random.Random) -> str:
    return chance.choice((str, str, str, str.capitalize, str.upper, str.title))(text)
