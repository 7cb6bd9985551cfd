// The official openai client for Node against a server of ours: responses that are kept.
import assert from "node:assert/strict";
import test from "node:test";
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.TERTULIA_URL,
  apiKey: process.env.TERTULIA_KEY,
  maxRetries: 0,
  timeout: 30_000,
});
const create = (more) =>
  client.responses.create({ model: "lines", input: "Hi", decoding: { seed: 0 }, ...more });

test("a response is answered, kept and given again", async () => {
  const made = await create({ metadata: { a: "b" } });
  assert.equal(made.output_text, "Hello there, 친구 👋🏽.");
  assert.equal(made.status, "completed");
  assert.equal(made.usage.output_tokens, 4);
  const again = await client.responses.retrieve(made.id);
  assert.deepEqual(again.output, made.output);
  assert.deepEqual(again.metadata, { a: "b" });
});

test("a response goes on from another, and branches", async () => {
  const first = await create({});
  const one = await create({ previous_response_id: first.id, decoding: { seed: 1 } });
  const two = await create({ previous_response_id: first.id, decoding: { seed: 2 } });
  assert.deepEqual([one.output_text, two.output_text], ["No.", "Maybe so."]);
  assert.equal(one.tertulia.talk, first.tertulia.talk);
  const items = [];
  for await (const item of client.responses.inputItems.list(one.id)) items.push(item);
  assert.deepEqual(items.map((item) => item.content[0].text), ["Hi"]);
});

test("the client gathers the events", async () => {
  for (const [model, kinds] of [["lines", ["message"]], ["thinking", ["reasoning", "message"]]]) {
    const stream = client.responses.stream({ model, input: "Hi", decoding: { seed: 0 } });
    let text = "";
    let number = 0;
    for await (const event of stream) {
      assert.equal(event.sequence_number, number++);
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    const found = await stream.finalResponse();
    assert.equal(text, found.output.at(-1).content[0].text);
    assert.deepEqual(found.output.map((item) => item.type), kinds);
  }
});

test("probabilities are told where they are included", async () => {
  const found = await create({
    model: "mini", include: ["message.output_text.logprobs"], top_logprobs: 2,
  });
  const [{ logprobs, text }] = found.output.at(-1).content;
  assert.equal(logprobs.map((each) => each.token).join("").trim(), text);
  assert.ok(logprobs.every((each) => each.top_logprobs.length === 2));
});

test("a deleted response is gone", async () => {
  const made = await create({});
  await client.responses.delete(made.id);
  await assert.rejects(client.responses.retrieve(made.id), OpenAI.NotFoundError);
});

for (const [more, param, code] of [
  [{ tools: [{ type: "function" }] }, "tools", "unsupported_value"],
  [{ background: true }, "background", "unsupported_value"],
  [{ max_output_tokens: 0 }, "max_output_tokens", "invalid_value"],
  [{ input: [] }, "input", "invalid_value"],
  [{ input: "word ".repeat(3000) }, "input", "context_length_exceeded"],
]) {
  for (const stream of [false, true]) {
    test(`${param} is refused with ${code}${stream ? " in a stream" : ""}`, async () => {
      await assert.rejects(create({ ...more, stream }), (error) => {
        assert.ok(error instanceof OpenAI.BadRequestError, `${error}`);
        assert.deepEqual([error.param, error.code], [param, code]);
        return true;
      });
    });
  }
}
