"use strict";

// Data comes as scripts that call `axle.put`, since a page from a file may fetch nothing.
(() => {
  const axle = (window.axle ??= {});
  const values = new Map();
  const arriving = new Map();

  /** A value by its name: `data/<name>.js`, read once. */
  axle.load = (name) => {
    if (!values.has(name)) {
      values.set(name, new Promise((resolve, reject) => {
        arriving.set(name, resolve);
        const script = document.createElement("script");
        script.src = `data/${name.split("/").map(encodeURIComponent).join("/")}.js`;
        script.onerror = () => {
          values.delete(name);
          reject(new Error(`${script.src} cannot be read`));
        };
        script.onload = () => script.remove();
        document.head.append(script);
      }));
    }
    return values.get(name);
  };

  /** What a script of data calls: gzip of JSON, in base64. */
  axle.put = (name, text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    arriving.get(name)?.(new Response(stream).json());
    arriving.delete(name);
  };
})();
