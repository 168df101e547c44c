"use strict";

// The engine: the program itself, compiled for the browser, and what of the catalogue it asks for.
(() => {
  const axle = window.axle;

  /** Puts a part of the catalogue in. */
  const shard = axle.once(async (name) => {
    const bytes = await axle.bytes(`engine/${name}`);
    const wrong = wasm_bindgen.put(name, bytes);
    if (wrong) throw new Error(wrong);
  });

  const start = axle.once(async (name) => {
    // The script with the bytes makes the function.
    const bytes = await axle.bytes(name);
    await wasm_bindgen({ module_or_path: bytes });
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
