"use strict";

// Data comes as scripts that call `axle.put`, since a page from a file may fetch nothing.
(() => {
  const axle = (window.axle ??= {});
  /** By name, who waits for it: a script for each. */
  const waiting = new Map();

  /** The response that the script `data/<name>.js` makes. */
  const response = (name) => new Promise((resolve, reject) => {
    if (!waiting.has(name)) waiting.set(name, []);
    waiting.get(name).push(resolve);
    const script = document.createElement("script");
    script.src = `data/${name.split("/").map(encodeURIComponent).join("/")}.js`;
    script.onerror = () => reject(new Error(`${script.src} cannot be read`));
    script.onload = () => script.remove();
    document.head.append(script);
  });

  /** A function of a name that is called once for each, unless it fails. */
  axle.once = (read) => {
    const values = new Map();
    return (name) => {
      if (!values.has(name)) {
        const value = read(name);
        value.catch(() => values.delete(name));
        values.set(name, value);
      }
      return values.get(name);
    };
  };

  /** A value by its name. */
  axle.load = axle.once(async (name) => (await response(name)).json());

  /** The bytes of what is no value, or is handed on. */
  axle.bytes = async (name) => new Uint8Array(await (await response(name)).arrayBuffer());

  /** What a script of data calls: gzip, in base64. */
  axle.put = (name, text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    waiting.get(name)?.shift()?.(new Response(stream));
  };
})();
