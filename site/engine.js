"use strict";

// The engine: the program itself, compiled for the browser, and what of the catalogue it asks for.
(() => {
  const axle = window.axle;

  /** Puts a part of the catalogue in. */
  const shard = axle.once(async (name) => {
    const wrong = wasm_bindgen.put(name, await axle.bytes(`engine/${name}`));
    if (wrong) throw new Error(wrong);
  });

  const start = axle.once(async (name) => {
    await wasm_bindgen({ module_or_path: await axle.bytes(name) });
    await shard("start");
  });

  /** The answer to a question, as a text of JSON. */
  axle.answer = async (question) => {
    await start("engine");
    const text = JSON.stringify(question);
    for (;;) {
      const answer = wasm_bindgen.ask(text);
      if (!answer.startsWith('{"needs":')) return answer;
      await Promise.all(JSON.parse(answer).needs.map(shard));
    }
  };

  /** The answer to a question: `{answers}`, or `{error}`. */
  axle.ask = async (question) => JSON.parse(await axle.answer(question));
})();
