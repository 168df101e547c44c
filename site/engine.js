"use strict";

// The engine: the program itself, compiled for the browser, and what of the catalogue it asks for. It runs in a thread of
// its own, so that the page never waits for it.
(() => {
  const axle = window.axle;

  /** What the thread does, beside the script that binds the program: `[number, work, ...values]` in, `[number, value, error]` out. */
  const thread = () => {
    const works = {
      start: async (bytes) => void (await wasm_bindgen({ module_or_path: bytes })),
      put: (name, bytes) => wasm_bindgen.put(name, bytes),
      ask: (text) => wasm_bindgen.ask(text),
    };
    onmessage = async ({ data: [number, work, ...values] }) => {
      try {
        postMessage([number, await works[work](...values)]);
      } catch (error) {
        postMessage([number, null, error.message ?? String(error)]);
      }
    };
  };

  /** Starts the thread; gives the function that calls one of its works. */
  const start = axle.once(async () => {
    const [script, bytes] = await Promise.all([axle.bytes("engine/script"), axle.bytes("engine")]);
    const source = new Blob([script, `\n(${thread})();`], { type: "text/javascript" });
    const worker = new Worker(URL.createObjectURL(source));
    /** By number, who waits for an answer. */
    const waiting = new Map();
    let calls = 0;
    worker.onmessage = ({ data: [number, value, error] }) => {
      const { resolve, reject } = waiting.get(number);
      waiting.delete(number);
      if (error === undefined) resolve(value);
      else reject(new Error(error));
    };
    worker.onerror = ({ message }) => {
      for (const { reject } of waiting.values()) reject(new Error(message || "the engine has stopped"));
      waiting.clear();
    };
    const call = (work, ...values) => new Promise((resolve, reject) => {
      calls += 1;
      waiting.set(calls, { resolve, reject });
      worker.postMessage([calls, work, ...values]);
    });
    await call("start", bytes);
    return call;
  });

  /** Puts a part of the catalogue in. */
  const shard = axle.once(async (name) => {
    const [call, bytes] = await Promise.all([start("engine"), axle.bytes(`engine/${name}`)]);
    const wrong = await call("put", name, bytes);
    if (wrong) throw new Error(wrong);
  });

  /** The answer to a question, as a text of JSON. */
  axle.answer = async (question) => {
    const [call, { cells }] = await Promise.all([start("engine"), axle.load("base"), shard("start")]);
    const text = JSON.stringify(question);
    for (;;) {
      const answer = await call("ask", text);
      if (!answer.startsWith('{"needs":')) return answer;
      const { needs } = JSON.parse(answer);
      // Who looks for another version looks into one cell after the other, and begins anew with each.
      const of = Object.hasOwn(cells, question.system) ? cells[question.system] : [];
      const all = needs.includes("artefacts") ? of : [];
      await Promise.all([...new Set([...needs, ...all])].map(shard));
    }
  };

  /** The answer to a question: `{answers}`, or `{error}`. */
  axle.ask = async (question) => JSON.parse(await axle.answer(question));
})();
