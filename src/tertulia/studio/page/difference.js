// Two texts word by word: what one has that the other has not.
import { html } from "./html.js";
import { diffWordsWithSpace } from "./vendor/jsdiff/diff/word.js";

const MOST_CHANGES = 4000;
const WORDS = new Intl.Segmenter(undefined, { granularity: "word" });

/** [{text, only: "first" | "second" | ""}] in order; texts too different to compare are two parts. */
export function parts(first, second) {
  const found = diffWordsWithSpace(first, second, { intlSegmenter: WORDS, maxEditLength: MOST_CHANGES });
  if (!found) return [{ text: first, only: "first" }, { text: second, only: "second" }];
  return found.map((each) => ({
    text: each.value,
    only: each.removed ? "first" : each.added ? "second" : "",
  }));
}

/** The first text with what the second has not, or the other way round. */
export function Side({ compared, which }) {
  const mark = which === "first" ? "del" : "ins";
  return html`<p class="words difference" dir="auto">
    ${compared
      .filter((each) => !each.only || each.only === which)
      .map((each) => (each.only ? html`<${mark}>${each.text}<//>` : each.text))}
  </p>`;
}

/** How much differs, in words for everybody. */
export function summary(compared) {
  const count = (which) =>
    compared
      .filter((each) => each.only === which)
      .reduce((sum, each) => sum + [...WORDS.segment(each.text)].filter((part) => part.isWordLike).length, 0);
  const [gone, come] = [count("first"), count("second")];
  if (!compared.some((each) => each.only)) return "Both are the same, word for word.";
  return `${gone} ${gone === 1 ? "word" : "words"} of the first gave way to ${come} of the second.`;
}
