"""Direction found in undirected talk: facts, goals, skills and knowledge that a turn makes visible.

Public dialogue sets seldom say what a reply was meant to do. What it did can be read off its
surface: its topic words and question marks give a goal, short sentences about oneself give facts,
sentences that state something about the world give knowledge. What is mined here is meant to be
seen in the text, because that is what teaches a small model to follow direction.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SENTENCE = re.compile(r"[^.!?]+[.!?]*")
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
OWN = re.compile(
    r"(?:i|i'm|i've|my)\b(?:'(?:m|ve))? ?(?:really |also |just |always |usually |still |actually )?"
    r"(?P<verb>[a-z']*)"
)
VERBS = frozenset(
    "am have love like hate live work play own study enjoy prefer collect drive teach grew used was"
    " sing write cook travel watch listen read want wish graduated moved married run swim need"
    " went met saw miss".split()
)
VAGUE = frozenset(
    "it that this those them these one so too sure you your he she him her idea well myself no"
    " same point to".split()
)
CLOSING = re.compile(r"[\s,;:]+$")
NAME = re.compile(r"\b(?:my name is|my name's|i'm|i am|this is) ([A-Z][a-z]{2,})[.!,]", re.I)
PEOPLES = frozenset("american english irish canadian german french italian".split())
PROPER = re.compile(r"(?<=[a-z,] )(?!The\b|Yes\b|No\b|And\b)[A-Z][a-z]{2,}(?: [A-Z][a-z]+){0,2}")

CATEGORIES = {
    "pets": "dog dogs cat cats puppy puppies kitten pet pets hamster",
    "kids": "kids kid children son daughter sons daughters baby",
    "family": "family mom dad mother father brother sister parents grandma wife husband",
    "music": "music song songs band bands album albums concert singer guitar",
    "movies": "movie movies film films cinema actor actress",
    "food": "food eat cook cooking pizza dinner lunch breakfast restaurant meal recipe",
    "work": "work job boss office career working jobs",
    "school": "school college teacher university class homework degree",
    "travel": "travel trip vacation traveling travelling flight abroad beach",
    "hobbies": "hobby hobbies paint painting gardening knitting hiking reading",
    "sports": "football basketball baseball soccer hockey team teams game season player",
    "books": "book books novel author read reading",
    "weather": "weather rain snow sunny cold summer winter",
    "politics": "president politics election vote senator government",
    "health": "sick doctor hospital health healthy headache",
    "money": "money price cost expensive cheap pay dollars",
    "feelings": "sad happy lonely scared worried nervous excited upset",
    "marital status": "married single divorced girlfriend boyfriend",
    "games": "games gaming xbox playstation nintendo",
    "clothes": "clothes dress shoes shirt fashion wear",
}
BY_WORD = {word: name for name, words in CATEGORIES.items() for word in words.split()}

SURFACES = (
    ("greet.", r"^(hi|hello|hey|good (morning|evening|afternoon))\b"),
    ("say goodbye.", r"\b(bye|goodbye|see you|take care|have a (good|great|nice))\b"),
    ("thank.", r"\b(thanks|thank you)\b"),
    ("apologize.", r"^(i'm |i am )?(so |very )?sorry(?! to hear)\b|\bi apologi[sz]e\b"),
    ("offer comfort.", r"\b(sorry to hear|that must be hard|that must have been|hang in there)\b"),
    ("admit not knowing.", r"\b(i don't know|i'm not sure|i have no idea|i've never heard)\b"),
    ("recommend something.", r"\byou should (try|watch|see|check|listen|read)\b|\bi recommend\b"),
    ("give advice.", r"\byou (should|could|might want to)\b"),
    ("share a memory.", r"\b(i remember|when i was (a |little|young))\b"),
    ("agree.", r"^(i agree|exactly|definitely|absolutely|true|same here|me too|totally)\b"),
    ("disagree politely.", r"^(i disagree|i don't think so|not really|i'm not so sure)\b"),
    ("congratulate.", r"\bcongrat"),
    ("encourage.", r"\b(good luck|you can do it|keep it up|i believe in you)\b"),
    ("react with surprise.", r"^(wow|really\?|oh my|no way|what\?)"),
    ("make a joke.", r"\b(haha|lol|just kidding)\b"),
    ("suggest a plan.", r"\b(let's|we should|how about we)\b"),
    ("offer help.", r"\b(can i help|may i help|i can help|how can i help)\b"),
    ("share an opinion.", r"\b(i think|in my opinion|i feel like)\b"),
)
SURFACE_GOALS = tuple((goal, re.compile(pattern)) for goal, pattern in SURFACES)

SKILLS = {
    "casino": {
        "small-talk": "Immediate Response",
        "self-need": "Self-disclosure",
        "no-need": "Self-disclosure",
        "elicit-pref": "Preference Elicitation",
        "showing-empathy": "Empathy",
        "promote-coordination": "Negotiation",
        "vouch-fair": "Persuasion",
        "uv-part": "Persuasion",
    },
    "persuasion_for_good": {
        "credibility-appeal": "Persuasion",
        "logical-appeal": "Logical Thinking",
        "emotion-appeal": "Persuasion",
        "personal-story": "Self-disclosure",
        "foot-in-the-door": "Persuasion",
        "donation-information": "Knowledge Sharing",
        "proposition-of-donation": "Persuasion",
        "ask-donate-more": "Persuasion",
        "source-related-inquiry": "Knowledge Acquisition",
        "personal-related-inquiry": "Preference Elicitation",
        "confirm-donation": "Confirmation",
    },
    "multiwoz21_val_test": {
        "Request": "Clarification",
        "Select": "Clarification",
        "Recommend": "Recommendation",
        "OfferBook": "Helpfulness",
        "reqmore": "Helpfulness",
        "Book": "Task Execution",
        "OfferBooked": "Task Execution",
    },
}
"""Annotated acts with a clear reading as one of the 39 skills, by set."""

SURFACE_SKILLS = (
    ("Empathy", re.compile(r"\b(sorry to hear|that must|i understand how)\b")),
    ("Recommendation", re.compile(r"\byou should (try|watch|see|check|listen|read)\b")),
    ("Preference Elicitation", re.compile(r"\b(favou?rite|do you (like|prefer|enjoy)).*\?")),
    ("Memory Recall", re.compile(r"\b(i remember|when i was)\b")),
    ("Knowledge Acquisition", re.compile(r"^(what|who|where|when|how|why)\b.*\?$")),
    ("Self-disclosure", re.compile(r"\b(i am|i'm|i have|my) .{12,}")),
)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Which words can be a topic: nouns by the company they keep, and how rare they are.

    topics  word -> weight, higher for rarer words; only words used mostly as nouns
    """

    topics: dict[str, float]


NOUN_AFTER = frozenset("the a an my your his her our their about of any some favorite".split())
OTHER_AFTER = frozenset(
    "to i you we they he she can will would do don't did could should very so really too is are was"
    " were it's not just i'm never be".split()
)
STOP = frozenset(
    "lot bit way thing things one ones kind sort time times day people other same first last best"
    " good new old great big little whole most more few ok okay yeah something anything everything"
    " world rest part fan guy guys man favorite couple idea point end number top next second name"
    " two three lots life year years week today person fact stuff area right left only problem"
    " question reason place chance shame them him her us me animated human third upcoming case head"
    " ways fun info conversation original better worst different while those these".split()
)


def lexicon(texts: Iterable[str]) -> Lexicon:
    """Read off a corpus, one pass; a word needs 20 sightings and three in five as a noun."""
    noun: Counter[str] = Counter()
    other: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for text in texts:
        before = ""
        for word in WORD.findall(text.lower()):
            seen[word] += 1
            if before in NOUN_AFTER:
                noun[word] += 1
            elif before in OTHER_AFTER:
                other[word] += 1
            before = word
    topics = {
        word: (1 / count) ** 0.25
        for word, count in seen.items()
        if count >= 20 and len(word) > 2 and word not in STOP and word not in OTHER_AFTER
        and noun[word] >= 0.65 * (noun[word] + other[word]) and noun[word] >= 6
    }  # fmt: skip
    return Lexicon(topics)


def sentences(text: str) -> list[str]:
    """Split at full stops, question and exclamation marks; the marks stay."""
    return [found.strip() for found in SENTENCE.findall(text) if found.strip()]


def facts(texts: Sequence[str]) -> list[str]:
    """Lower-case facts a speaker tells of himself, once each: "i have two dogs."."""
    found: dict[str, None] = {}
    for sentence in (each for text in texts for each in sentences(text)):
        if fact := as_fact(sentence):
            found[fact] = None
    return list(found)


def as_fact(sentence: str) -> str:
    """The sentence as a persona fact, or nothing when it is no plain statement about oneself."""
    words = sentence.lower().replace("’", "'").split()
    while words and words[0].strip(",") in ("well", "yeah", "yes", "oh", "no", "and", "so", "but"):
        words = words[1:]
    plain = " ".join(words)
    if not 4 <= len(words) <= 13 or sentence.endswith("?") or "," in plain[:-1]:
        return ""
    start = OWN.match(plain)
    if not start or not {each.strip(".,!'") for each in words[2:]}.isdisjoint(VAGUE):
        return ""
    verb = "am" if plain.startswith("i'm ") else start["verb"]
    if not plain.startswith("my ") and verb not in VERBS:
        return ""
    if plain.startswith("my ") and not re.search(r" (is|are|was|has|loves|likes|works) ", plain):
        return ""
    plain = re.sub(r"^i'm ", "i am ", plain)
    plain = re.sub(r"^i've ", "i have ", plain)
    if re.match(r"i am (going|gonna|not|sure|glad|sorry|just|good|fine|doing|so)\b", plain):
        return ""
    return CLOSING.sub("", plain.rstrip(".!")) + "."


def told_name(texts: Sequence[str]) -> str:
    """The first name a speaker gives for himself, or nothing."""
    for text in texts:
        for name in NAME.findall(text):
            if name[0].isupper() and name.lower() not in PEOPLES:
                return str(name)
    return ""


def statements(text: str) -> list[str]:
    """Sentences that state something about the world: a name or a number, nobody's I or you."""
    found = []
    for sentence in sentences(text):
        words = sentence.split()
        lower = {word.lower().strip(".,!'") for word in words}
        personal = {"i", "you", "my", "your", "me", "we", "i'm", "i've", "you're", "our", "us"}
        specific = PROPER.search(sentence) or any(letter.isdigit() for letter in sentence)
        if 6 <= len(words) <= 25 and specific and not sentence.endswith("?"):
            if lower.isdisjoint(personal):
                found.append(sentence)
    return found


def topic_goals(text: str, known: Lexicon) -> dict[str, float]:
    """Goals the topic words of a reply betray, with a weight: {"ask about pets.": 1.0, …}."""
    found: dict[str, float] = {}
    for sentence in sentences(text):
        verb = "ask" if sentence.endswith("?") else "talk"
        for proper in PROPER.findall(sentence):
            found[f"{verb} about {proper}."] = 0.5
        for word in WORD.findall(sentence.lower()):
            if category := BY_WORD.get(word):
                found[f"{verb} about {category}."] = 0.5
            if word in known.topics:
                found[f"{verb} about {word}."] = known.topics[word] * 2
    return found


def surface_goals(text: str, before: str) -> list[str]:
    """Goals that set phrases of a reply betray; `before` is the turn it answers."""
    lower = text.lower()
    found = [goal for goal, pattern in SURFACE_GOALS if pattern.search(lower)]
    if lower.endswith("?"):
        shared = set(WORD.findall(lower)) & set(WORD.findall(before.lower()))
        if any(len(word) > 4 for word in shared):
            found.append("ask a follow-up question.")
    elif before.endswith("?") and len(lower.split()) > 2:
        found.append("answer the question.")
    return found


def skills(text: str, source: str, acts: Sequence[str]) -> list[str]:
    """Skills read off annotated acts, else off set phrases of the reply."""
    table = SKILLS.get(source, {})
    codes = (act.split("(")[0].rpartition("-")[2] if "(" in act else act for act in acts)
    found = [table[code] for code in codes if code in table]
    lower = text.lower()
    return found or [skill for skill, pattern in SURFACE_SKILLS if pattern.search(lower)]


def content(text: str) -> set[str]:
    """Words that carry meaning: five letters or more, or numbers."""
    lower = text.lower()
    return {word for word in WORD.findall(lower) if len(word) > 4} | set(re.findall(r"\d+", lower))


def passage(knowledge: str, reply: str, most_words: int = 45) -> str:
    """The sentences of a passage nearest to the reply, or nothing when they share too little.

    At least two content words must be shared; the title of a passage ("Title: …") stays.
    """
    title, colon, body = knowledge.partition(": ")
    if not colon:
        title, body = "", knowledge
    said = content(reply)
    ranked = sorted(sentences(body), key=lambda each: -len(content(each) & said))
    if not ranked or len((content(ranked[0]) | content(title)) & said) < 2:
        return ""
    kept: list[str] = []
    words = 0
    for sentence in ranked[:3]:
        words += len(sentence.split())
        if kept and words > most_words:
            break
        kept.append(sentence)
    body = " ".join(each for each in sentences(body) if each in kept)
    clipped = " ".join(body.split()[: 2 * most_words])
    return f"{title}: {clipped}" if title and len(title) < 40 else clipped
