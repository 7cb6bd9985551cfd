"""The published words of Thanos' prompts, and what in people's text could pass for a part of one.

Source: passing2961/Thanos (README, inference.py, utils/prompt_templates.py, output.py).
"""

from tertulia.neutral import Neutral

PLANNER_SYSTEM = (
    "You are an excellent skill predictor that generates the most appropriate conversational "
    "skill for the next turn response in the given dialogue and social context. Before generating "
    "the skill, please think about which skill is appropriate and then generate the skill."
)
RESPONDER_SYSTEM = "You are a helpful assistant."
PLANNER = (
    "### Task Description:\nA dialogue and social context containing the speaker's demographics, "
    "preferences, persona, current situation/narrative, past dialogue summaries, episodic memory, "
    "or other relevant details are provided. During this dialogue, image-sharing moments may "
    'occur, represented by the format "[Sharing Image] <image_description>", where '
    '"<image_description>" represents the description of the shared image. Your task is to '
    "imagine yourself as the actual speaker who needs to respond in the next conversational turn. "
    "You will first generate the internal thought process behind selecting the appropriate "
    "conversational skill, and then generate the most appropriate conversational skill itself. "
    'The output format should be as follows: "### Explanation: (write an explanation for why the '
    'chosen skill is selected.) [RESULT SKILL] (A conversational skill that fits the situation.)"'
)
BASE = (
    "Your task is to generate the most appropriate next response of a given dialogue between two "
    "speakers. You'll be given some social context about the two speakers of the dialogue, e.g., "
    "their relationship, demographic, preference, persona, or situation, etc."
)
EXPLAINED = " Additionally, you will receive an explanation that interprets the current dialogue"
MISLED = (
    " You may refer to this explanation, but should ignore it if it misleads the response. Do not "
    "include too much information in the next response, and be sure to follow the style of the "
    "dialogue."
)
SUGGESTED = f"{EXPLAINED} and suggests strategic skills for the next response."
TASKS = {
    "base": BASE,
    "skill": f"{BASE}{SUGGESTED} Please be sure to follow the style of the dialogue.",
    "explanation": f"{BASE}{EXPLAINED}.{MISLED}",
    "both": f"{BASE}{SUGGESTED}{MISLED}",
    "doctor": (
        "Generate the most plausible next response considering the dialogue history. You can refer "
        "to the rationale, but you should ignore the rationale if it misleads the next response. "
        "Do not try to put too much information in the next response. You should follow the style "
        "of the history."
    ),
}
THUS = "the most appropriate conversational skill for the next response is"
THE_MOST = THUS[0].upper() + THUS[1:]
RESULT = "[RESULT SKILL]"
PROFILE, KNOWN, BEFORE = "'s Profile:", "What is known:", "What happened before:"
IMAGE = "[Sharing Image"
END, T5_END = "<|eot_id|>", "</s>"

MARKERS = (
    *("### Task Description", "### Social Context", "### Dialogue", "### Explanation"),
    *("[Social Context]", "[Dialogue]", "[Conversational Skill]", "[Explanation]"),
    *("[Explanation and Skill]", "[Rationale]", "[Next Response]", "RESULT SKILL", THUS),
    *(IMAGE, PROFILE, KNOWN, BEFORE),
    *("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|end_of_text|>", END),
)
COSMO_MARKERS = (*MARKERS, "<sep>", "<turn>", T5_END)
LINE = Neutral(markers=MARKERS, one_line=True)
NAME = Neutral(markers=tuple(each.rstrip(":") for each in MARKERS), name=True)
COSMO_LINE = Neutral(markers=COSMO_MARKERS, one_line=True, unknown="<")
COSMO_NAME = Neutral(
    markers=tuple(each.rstrip(":") for each in COSMO_MARKERS), name=True, unknown="<"
)
COSMO_TURN = Neutral(markers=COSMO_MARKERS, unknown="<")
"""The T5 takes a line break for a blank, so those of turns stay as they are. The colon that ends a
marker may be the one that the format puts behind a name."""
