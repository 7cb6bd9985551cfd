// The official openai client for Node against a server of ours: chat, text, models and errors.
import assert from "node:assert/strict";
import test from "node:test";
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.TERTULIA_URL,
  apiKey: process.env.TERTULIA_KEY,
  maxRetries: 0,
  timeout: 30_000,
});
const messages = [{ role: "user", content: "Hi" }];
const chat = (more) =>
  client.chat.completions.create({ model: "lines", messages, seed: 0, ...more });

async function gathered(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const said = (chunks, n = 0) =>
  chunks
    .flatMap((chunk) => chunk.choices)
    .filter((choice) => choice.index === n)
    .map((choice) => choice.delta.content ?? "")
    .join("");

test("models are listed and found by name", async () => {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.deepEqual(names, ["lines", "mini", "thinking"]);
  assert.equal((await client.models.retrieve("mini")).owned_by, "tertulia");
  await assert.rejects(client.models.retrieve("none"), OpenAI.NotFoundError);
});

test("a reply", async () => {
  const found = await chat({});
  assert.equal(found.object, "chat.completion");
  assert.equal(found.choices[0].message.content, "Hello there, 친구 👋🏽.");
  assert.equal(found.choices[0].finish_reason, "stop");
  assert.equal(found.usage.completion_tokens, 4);
  assert.equal(found.usage.total_tokens, found.usage.prompt_tokens + 4);
  assert.equal(found.tertulia.seed, 0);
});

test("a stream says what the whole says, and the usage at its end", async () => {
  const stream = await chat({ stream: true, stream_options: { include_usage: true } });
  const chunks = await gathered(stream);
  assert.equal(said(chunks), "Hello there, 친구 👋🏽.");
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.equal(chunks.at(-1).usage.completion_tokens, 4);
  assert.equal(chunks.at(-2).choices[0].finish_reason, "stop");
});

test("without stream_options a stream tells no usage", async () => {
  const chunks = await gathered(await chat({ stream: true }));
  assert.ok(chunks.every((chunk) => chunk.usage === undefined));
});

test("several choices, whole and streamed", async () => {
  const whole = (await chat({ n: 3 })).choices.map((choice) => choice.message.content);
  assert.deepEqual(whole, ["Hello there, 친구 👋🏽.", "No.", "Maybe so."]);
  const chunks = await gathered(await chat({ n: 3, stream: true }));
  assert.deepEqual([0, 1, 2].map((n) => said(chunks, n)), whole);
});

test("the client's own gathering of a stream", async () => {
  const found = await client.chat.completions
    .stream({ model: "lines", messages, seed: 1 })
    .finalChatCompletion();
  assert.equal(found.choices[0].message.content, "No.");
});

test("a stop string ends a reply before it", async () => {
  const found = await chat({ stop: ["there"] });
  assert.equal(found.choices[0].message.content.trim(), "Hello");
  assert.equal(found.choices[0].finish_reason, "stop");
});

test("a limit ends a reply by length", async () => {
  const [choice] = (await chat({ max_completion_tokens: 1 })).choices;
  assert.deepEqual([choice.message.content, choice.finish_reason], ["Hello", "length"]);
});

test("the same seed gives the same reply, with its probabilities", async () => {
  const asked = { model: "mini", seed: 5, logprobs: true, top_logprobs: 2 };
  const [first, again] = [await chat(asked), await chat(asked)];
  assert.deepEqual(first.choices, again.choices);
  const tokens = first.choices[0].logprobs.content;
  assert.equal(tokens.map((each) => each.token).join("").trim(),
    first.choices[0].message.content);
  for (const each of tokens) {
    assert.ok(each.logprob <= 0);
    assert.equal(each.top_logprobs.length, 2);
    assert.ok(each.top_logprobs[0].logprob >= each.top_logprobs[1].logprob);
  }
  const chunks = await gathered(await chat({ ...asked, stream: true }));
  const told = chunks.flatMap((chunk) => chunk.choices[0].logprobs?.content ?? []);
  assert.deepEqual(told, tokens);
});

test("thinking is reasoning_content and never content", async () => {
  const [{ message }] = (await chat({ model: "thinking" })).choices;
  assert.deepEqual([message.reasoning_content, message.content], ["Is it? 네.", "Yes."]);
  const chunks = await gathered(await chat({ model: "thinking", stream: true }));
  assert.equal(said(chunks), "Yes.");
  const thought = chunks.map((chunk) => chunk.choices[0]?.delta.reasoning_content ?? "");
  assert.equal(thought.join(""), "Is it? 네.");
});

test("direction and decoding go beside OpenAI's own fields", async () => {
  const found = await chat({
    direction: { situation: "A storm.", plan: { goal: "calm them" } },
    decoding: { top_k: 5, candidates: 2, return_candidates: true },
  });
  assert.equal(found.tertulia.plan.goal, "calm them");
  assert.equal(found.tertulia.candidates.length, 2);
});

test("text completions, whole and streamed", async () => {
  const found = await client.completions.create({ model: "lines", prompt: ["a", "b"], seed: 1 });
  assert.deepEqual(found.choices.map((choice) => choice.text), ["No.", "No."]);
  const stream = await client.completions.create({
    model: "lines", prompt: "a", seed: 1, stream: true,
  });
  const chunks = await gathered(stream);
  assert.equal(chunks.map((chunk) => chunk.choices[0].text).join(""), "No.");
});

const refused = [
  [{ model: "none" }, OpenAI.NotFoundError, "model", "model_not_found"],
  [{ temperature: 3 }, OpenAI.BadRequestError, "temperature", "invalid_value"],
  [{ seed: -1 }, OpenAI.BadRequestError, "seed", "invalid_value"],
  [{ n: 129 }, OpenAI.BadRequestError, "n", "invalid_value"],
  [{ messages: [] }, OpenAI.BadRequestError, "messages", "invalid_value"],
  [{ tools: [{ type: "function" }] }, OpenAI.BadRequestError, "tools", "unsupported_value"],
  [
    { messages: [{ role: "user", content: "word ".repeat(3000) }] },
    OpenAI.BadRequestError,
    "messages",
    "context_length_exceeded",
  ],
];

for (const [more, kind, param, code] of refused) {
  for (const stream of [false, true]) {
    test(`${param} is refused with ${code}${stream ? " in a stream" : ""}`, async () => {
      await assert.rejects(chat({ ...more, stream }), (error) => {
        assert.ok(error instanceof kind, `${error}`);
        assert.deepEqual([error.param, error.code], [param, code]);
        assert.equal(error.type, "invalid_request_error");
        return true;
      });
    });
  }
}

test("fields that nobody knows are named in a header", async () => {
  const { data, response } = await chat({ sampler_x: 1 }).withResponse();
  assert.equal(data.choices.length, 1);
  assert.equal(
    response.headers.get("x-tertulia-warning"), "unknown fields ignored: sampler_x",
  );
});

test("a wrong key is an authentication error", async () => {
  const other = client.withOptions({ apiKey: "other" });
  await assert.rejects(other.models.list(), OpenAI.AuthenticationError);
});

test("a stream can be given up", async () => {
  const stream = await chat({ stream: true });
  for await (const _ of stream) break;
  assert.ok(stream.controller.signal.aborted);
  assert.equal((await chat({})).choices.length, 1);
});
