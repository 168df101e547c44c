"use strict";

// The rules of CUDA's releases, as tables.
(() => {
  const axle = window.axle;
  const { element } = axle;

  const LETTERS = {
    o: ["full", "its own machine code"],
    s: ["shared", "machine code of its generation that runs there"],
    d: ["leaving", "machine code, announced to be dropped"],
    x: ["special", "only code for this very GPU or its family"],
    p: ["ptx", "only PTX, which the driver compiles"],
    n: ["none", "nothing"],
  };

  const show = async (section, _, query) => {
    const rules = await axle.load("rules");
    const systems = [...new Set(rules.releases.flatMap(({ systems }) => Object.keys(systems)))].sort().reverse();
    const system = systems.includes(query.get("system")) ? query.get("system") : systems[0];
    section.querySelector(".toolkits").replaceChildren(
      element("div", { class: "card" },
        element("h2", {}, "By compiler and driver"),
        element("div", { class: "filters" }, element("label", {}, "System ",
          element("select", { onchange: (event) => axle.go(axle.changed({ system: event.target.value }), { replace: true }) },
            systems.map((one) => element("option", { value: one, selected: one === system }, one))))),
        compilers(rules, system),
        element("p", { class: "hint" }, "glibc headers: the newest C library that it compiles against. Driver, all of it: the oldest that runs everything of the release; no PTX: the oldest of the same major, which compiles no PTX of it. PTX: the version of the language that it writes."),
        element("p", { class: "hint" }, "Upper bounds are those of each release's own headers. ",
          [...rules.documents.floors, ...rules.documents.drivers].join("; "), ".")),
      element("div", { class: "card" },
        element("h2", {}, "By compute capability"),
        axle.legend(Object.values(LETTERS)),
        targets(rules),
        element("p", { class: "hint" }, "What each release's own assembler makes. ", rules.documents.deprecations.join("; "), ".")),
      element("div", { class: "card" }, element("h2", {}, "GPUs"), cards(rules)));
  };

  const range = ({ min, max }) => (min === null && max === null ? "any" : min === null ? `up to ${max}` : max === null ? `from ${min}` : `${min} to ${max}`);

  const compilers = (rules, system) => axle.scroller("CUDA releases by compiler and driver",
    element("table", { class: "plain-table" },
      element("caption", { class: "sr" }, `Compilers and drivers of each CUDA release on ${system}`),
      element("thead", {}, element("tr", {}, ["CUDA", "gcc", "clang", "glibc headers", "Driver: all of it", "Driver: no PTX", "PTX"].map((name) =>
        element("th", { scope: "col" }, name)))),
      element("tbody", {}, rules.releases.map((release) => {
        const host = release.systems[system];
        return element("tr", {},
          element("th", { scope: "row", title: `ptxas ${release.assembler}: ${release.source}` }, release.cuda),
          host
            ? [element("td", { title: host.source }, range(host.gcc)), element("td", { title: host.source }, range(host.clang)),
              element("td", {}, host.glibc_headers_below ? `below ${host.glibc_headers_below}` : "any")]
            : element("td", { colspan: "3" }, "not for this system"),
          element("td", {}, release.driver?.own ?? "unknown"),
          element("td", {}, release.driver?.compatible ?? "unknown"),
          element("td", {}, release.ptx_isa));
      }))));

  const targets = (rules) => axle.scroller("CUDA releases by compute capability",
    element("table", { class: "grid" },
      element("caption", { class: "sr" }, "What each CUDA release makes code for"),
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "CUDA"),
        rules.capabilities.map(({ capability, names }) => element("th", { scope: "col", class: "cc", title: names.join(", ") }, capability)))),
      element("tbody", {}, rules.releases.map((release) => element("tr", {},
        element("th", { scope: "row" }, release.cuda),
        [...release.targets].map((letter, place) => {
          const [kind, words] = LETTERS[letter];
          return element("td", { class: `square ${kind}`, title: `${rules.capabilities[place].capability}: ${words}` }, element("span", { class: "sr" }, words));
        }))))));

  const cards = (rules, oldest = rules.releases.at(-1).cuda) => axle.scroller("GPUs by compute capability",
    element("table", { class: "plain-table gpus" },
      element("caption", { class: "sr" }, "GPUs by compute capability, with the releases that make code for them"),
      element("thead", {}, element("tr", {}, ["Capability", "First CUDA", "Last CUDA", "Last driver", "GPUs"].map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, [...rules.capabilities].reverse().map(({ capability, first, last, driver, names }) => element("tr", {},
        element("th", { scope: "row" }, capability),
        element("td", {}, first === oldest ? `${first} or earlier` : first ?? "none"), element("td", {}, last ?? ""), element("td", {}, driver ? String(driver) : ""),
        element("td", {}, names.join(", ")))))));

  axle.views.toolkits = { title: "Toolkits", show };
})();
