"use strict";

// The Atlas: what the wheels of a package hold and cover. The letters come from the catalogue's own judgement.
(() => {
  const axle = window.axle;
  const { element } = axle;

  /** What is shown where the address names no package. */
  const FIRST = "torch";
  const SYSTEM = "x86_64-linux";
  const LETTERS = {
    s: ["full", "all of it, as machine code"],
    m: ["mixed", "all of it, some as PTX that the driver compiles"],
    p: ["ptx", "all of it, as PTX that the driver compiles"],
    h: ["half", "a part of it"],
    n: ["none", "nothing"],
    u: ["unknown", "unknown"],
    ".": ["free", "nothing that this CUDA loads"],
  };

  let picker = null;
  /** The rows that are open, by what they show, of the package that is shown. */
  let opened = { name: null, rows: new Set() };

  const build = async (section) => {
    const [base, packages] = await Promise.all([axle.load("base"), axle.load("packages")]);
    const order = base.order.flat();
    const rank = new Map(order.map((name, place) => [name, place]));
    const sorted = [...packages].sort((one, other) =>
      (rank.get(one.name) ?? order.length) - (rank.get(other.name) ?? order.length));
    const list = element("ul", { tabindex: "-1" });
    const count = element("p", { class: "hint", role: "status" });
    const filter = element("input", { type: "search", placeholder: "Filter", "aria-label": "Filter packages", autocomplete: "off", spellcheck: "false" });
    const all = element("input", { type: "checkbox" });
    let current = FIRST;
    const fill = () => {
      const text = filter.value.trim().toLowerCase();
      const found = sorted.filter(({ name, summary, code }) =>
        (all.checked || code || text) && (name.includes(text) || summary.toLowerCase().includes(text)));
      count.textContent = axle.count(found.length, "package");
      list.replaceChildren(...found.map(({ name, summary, newest }) => element("li", {},
        element("a", { href: axle.link("atlas", name, kept()), title: summary, "aria-current": name === current ? "page" : null },
          element("span", {}, name), element("small", {}, newest)))));
    };
    filter.addEventListener("input", fill);
    all.addEventListener("change", fill);
    const details = element("details", { open: !matchMedia("(max-width: 52rem)").matches },
      element("summary", {}, "Packages"), filter,
      element("label", { class: "check" }, all, " those without code for GPUs too"), count, list);
    section.querySelector(".picker").append(details);
    return {
      base,
      names: new Map(packages.map((one) => [one.name, one])),
      sync: (name) => {
        current = name;
        all.checked ||= picker.names.get(name)?.code === false;
        fill();
        if (matchMedia("(max-width: 52rem)").matches) details.open = false;
      },
    };
  };

  /** What of a view goes along to the next package. */
  const kept = () => {
    const { query } = axle.address();
    return new URLSearchParams([...query].filter(([key]) => key === "cuda" || key === "system"));
  };

  /** CUDA releases in words: from one to another where `known`, in their order, has none between them that is not among them. */
  const releases = (cudas, known) => {
    const toolkits = cudas.filter((cuda) => cuda !== "cpu").sort((one, other) => axle.rank(one) - axle.rank(other));
    const all = picker.base.cudas.filter((cuda) => cuda !== "cpu");
    if (toolkits.length === 0) return cudas.length ? "CPU only" : "none known";
    if (all.every((cuda) => toolkits.includes(cuda))) return "any";
    const runs = [];
    for (const cuda of toolkits) {
      if (runs.length && known.indexOf(cuda) === known.indexOf(runs.at(-1).at(-1)) + 1) runs.at(-1).push(cuda);
      else runs.push([cuda]);
    }
    return runs.map((run) => (run.length > 1 ? `${run[0]} to ${run.at(-1)}` : run[0])).join(", ");
  };

  const show = async (section, path, query) => {
    picker ??= await build(section);
    const name = path.toLowerCase().replaceAll("_", "-") || FIRST;
    const holding = section.querySelector(".holding");
    if (opened.name !== name) opened = { name, rows: new Set() };
    picker.sync(name);
    if (!picker.names.has(name)) {
      return holding.replaceChildren(element("div", { class: "card empty" },
        element("h2", {}, "No such package"), element("p", {}, `${name} is not in the catalogue.`)));
    }
    document.title = `${name} · axle`;
    const atlas = await axle.load(`atlas/${name}`);
    if (axle.address().view !== "atlas" || axle.address().path !== path) return;
    const focused = holding.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    holding.replaceChildren(...contents(atlas, query));
    if (focused) holding.querySelector(`[data-key="${focused}"]`)?.focus();
  };

  const contents = (atlas, query) => {
    const rows = atlas.versions.flatMap(({ version, rows }) => rows.map((row) => ({ version, ...row })));
    const systems = [...new Set(rows.map(({ system }) => system))].sort().reverse();
    const usual = systems.includes(SYSTEM) ? SYSTEM : systems[0] ?? SYSTEM;
    const system = systems.includes(query.get("system")) ? query.get("system") : usual;
    const cudas = picker.base.cudas.filter((cuda) => rows.some((row) => row.cudas.includes(cuda)));
    const cuda = cudas.includes(query.get("cuda")) ? query.get("cuda") : "";
    const known = [...new Set(rows.flatMap((row) => row.cudas))].filter((cuda) => cuda !== "cpu").sort((one, other) => axle.rank(one) - axle.rank(other));
    const shown = rows.filter((row) => row.system === system && (!cuda || row.cudas.includes(cuda)));
    const newestOf = ({ cudas }) => Math.max(-1, ...cudas.map(axle.rank));
    const place = new Map(atlas.versions.map(({ version }, at) => [version, at]));
    const wheels = shown.filter(({ wheel }) => wheel).sort((one, other) =>
      place.get(one.version) - place.get(other.version) || newestOf(other) - newestOf(one));
    const unfit = atlas.versions.filter(({ unfit }) => unfit);
    const replace = (changes) => axle.go(axle.link("atlas", atlas.name, merged(query, changes)), { replace: true });
    const select = (label, value, options, key) => element("label", {}, `${label} `,
      element("select", { "data-key": key, onchange: (event) => replace({ [key]: event.target.value }) },
        options.map(([option, text]) => element("option", { value: option, selected: option === value }, text))));
    return [element("div", { class: "card" },
      element("h2", {}, atlas.name),
      element("p", { class: "summary" }, atlas.summary),
      element("div", { class: "filters" },
        systems.length > 1 && select("System", system, systems.map((one) => [one, one]), "system"),
        cudas.length > 1 && select("CUDA", cuda, [["", "all"], ...cudas.map((one) => [one, one === "cpu" ? "CPU only" : one])], "cuda"),
        element("a", { class: "ask", href: axle.link("finder", "", new URLSearchParams([["gpu", "RTX 3090"], ["python", "3.12"], ["cuda", cuda || "any"], ["p", atlas.name]])) }, "Ask the Finder")),
      axle.legend(Object.values(LETTERS).slice(0, 6)),
      wheels.some(({ files, covers }) => covers && strongest(files) === "declared") && element("p", { class: "hint" }, "Dashed: declared by who published it, and not read."),
      wheels.length ? grid(atlas, wheels, known) : element("p", { class: "hint" }, "There is no wheel of it for this system."),
      sources(shown),
      unfit.length > 0 && element("details", {},
        element("summary", {}, `${axle.count(unfit.length, "version")} that cannot be taken`),
        element("ul", { class: "plain-list" }, unfit.map(({ version, unfit }) => element("li", {}, element("strong", {}, version), `: ${unfit}`)))))];
  };

  const merged = (query, changes) => {
    const all = new URLSearchParams(query);
    for (const [key, value] of Object.entries(changes)) {
      if (value) all.set(key, value);
      else all.delete(key);
    }
    return all;
  };

  const grid = (atlas, rows, known) => {
    const { capabilities } = picker.base;
    const columns = capabilities.length + 4;
    let before = null;
    const body = rows.flatMap((row) => {
      const isFirst = row.version !== before;
      before = row.version;
      const id = axle.identity("row");
      const key = [row.version, row.system, ...row.cudas].join(" ");
      const detail = element("tr", { id, class: "detail", hidden: true });
      const open = (isOpen) => {
        detail.hidden = !isOpen;
        toggle.setAttribute("aria-expanded", String(isOpen));
        opened.rows[isOpen ? "add" : "delete"](key);
        if (isOpen && !detail.firstChild) detail.append(element("td", { colspan: String(columns) }, facts(row)));
      };
      const toggle = element("button", {
        type: "button", class: "toggle", "aria-expanded": "false", "aria-controls": id, onclick: () => open(detail.hidden),
      }, element("span", { class: isFirst ? "" : "again" }, row.version), element("small", {}, releases(row.cudas, known)));
      if (opened.rows.has(key)) open(true);
      const isTold = strongest(row.files) === "declared";
      return [element("tr", { class: [isFirst && "first", isTold && "told"].filter(Boolean).join(" ") || null },
        element("th", { scope: "row" }, toggle),
        squares(row, capabilities),
        element("td", { class: "number" }, row.glibc ?? ""),
        element("td", { class: "number" }, axle.size(largest(row.files))),
        element("td", {}, axle.provenance(strongest(row.files)))), detail];
    });
    return axle.scroller(`${atlas.name}: versions by compute capability`,
      element("table", { class: "grid" },
        element("caption", { class: "sr" }, `What each version of ${atlas.name} covers, by compute capability`),
        element("thead", {}, element("tr", {},
          element("th", { scope: "col" }, "Version, CUDA"),
          capabilities.map((cc) => element("th", { scope: "col", class: "cc", title: cardsOf(cc) }, cc)),
          element("th", { scope: "col" }, "glibc"), element("th", { scope: "col" }, "Size"), element("th", { scope: "col" }, "Facts"))),
        element("tbody", {}, body)));
  };

  const cardsOf = (capability) => picker.base.gpus.find((gpus) => gpus.capability === capability)?.names.join(", ") ?? "";

  const squares = (row, capabilities) => {
    if (row.covers === null) {
      return element("td", { class: "wide", colspan: String(capabilities.length) },
        element("span", { class: "square unknown", "aria-hidden": "true" }), ` unknown: ${row.unknown ?? "nothing is told"}`);
    }
    if (row.covers === "" || /^\.*$/.test(row.covers)) {
      const words = row.covers === "" ? "made without CUDA" : row.code?.length ? "none of its code is for this CUDA" : "no code for GPUs";
      return element("td", { class: "wide", colspan: String(capabilities.length) }, words);
    }
    return [...row.covers].map((letter, place) => {
      const [kind, words] = LETTERS[letter];
      const cc = capabilities[place];
      const part = row.partial?.[cc];
      const text = part ? `${part[0]} of ${part[1]} pieces of code` : words;
      return element("td", { class: `square ${kind}`, title: `${cc}: ${text}` }, element("span", { class: "sr" }, text));
    });
  };

  const largest = (files) => files.reduce((size, file) => (file.size === null ? size : Math.max(size ?? 0, file.size)), null);

  const strongest = (files) => ["audited", "sibling", "declared"].find((one) => files.some(({ provenance }) => provenance === one));

  const TOLD = {
    name: "its name", requirement: "a requirement that pins it", images: "its device code", soname: "a CUDA library that it needs",
  };

  /** Everything about a row, each fact with where it is from. */
  const facts = (row) => {
    const read = row.files.some(({ provenance }) => provenance !== "declared");
    const fact = (name, value, source) => [element("dt", {}, name), element("dd", {}, value, source && element("small", {}, source))];
    const missing = Object.entries(row.missing ?? {});
    return element("div", { class: "facts-of" },
      element("dl", {},
        fact("CUDA", row.told.length ? [...new Set(row.told.map(([cuda]) => (cuda === "cpu" ? "none" : cuda)))].join(", ") : "nothing tells one",
          row.told.length ? `told by ${[...new Set(row.told.map(([, by]) => TOLD[by]))].join(" and ")}` : null),
        fact("goes with", row.cudas.length ? row.cudas.map((cuda) => (cuda === "cpu" ? "CPU only" : cuda)).join(", ") : "no release that is known"),
        fact("glibc", row.glibc ?? "none needed", read ? "audited: the newest symbol version that a member wants" : "declared: the wheel's tags"),
        fact("code", row.code === null ? "unknown" : row.code.length ? row.code.join(" ") : "none",
          row.document ? `declared: ${row.document}` : read ? "audited: all kinds of code in any of its files" : null),
        missing.length > 0 && fact("lacking", element("ul", { class: "plain-list" }, byMember(missing).map(([member, capabilities]) =>
          element("li", {}, `${capabilities.join(", ")}: ${member}`))))),
      element("ul", { class: "files" }, row.files.map((file) => element("li", {},
        element("code", {}, file.url ? element("a", { href: safe(file.url), rel: "noreferrer" }, file.filename) : file.filename),
        element("small", {}, `Python ${[...new Set(file.pythons)].join(", ")} · ${axle.size(file.size)} · `, axle.provenance(file.provenance),
          file.of ? ` of ${file.of.slice(0, 12)}…` : null)))));
  };

  /** Only a web address is followed. */
  const safe = (url) => (/^https?:\/\//.test(url) ? url : null);

  const byMember = (missing) => {
    const members = new Map();
    for (const [capability, [member, count]] of missing) {
      const words = count > 1 ? `${member} and ${count - 1} more` : member;
      members.set(words, [...(members.get(words) ?? []), capability]);
    }
    return [...members];
  };

  const sources = (rows) => {
    const sdists = rows.filter(({ wheel }) => !wheel);
    return sdists.length > 0 && element("p", { class: "hint" },
      `Can be compiled: ${[...new Set(sdists.map(({ version }) => version))].join(", ")}`);
  };

  axle.views.atlas = { title: "Atlas", show };
})();
