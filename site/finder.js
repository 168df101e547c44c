"use strict";

// The Finder: a question in the address, an answer from `axle.ask`. Nothing is decided here.
(() => {
  const axle = window.axle;
  const { element } = axle;

  /** What is asked where the address asks nothing. */
  const EXAMPLE = new URLSearchParams([["gpu", "RTX 3090"], ["python", "3.12"], ["cuda", "any"], ["p", "torch"], ["p", "transformers"], ["p", "bitsandbytes"]]);
  const CAPABILITY = /^\d+\.\d+$/;
  const OPTIONS = ["compiler", "prefer", "torch", "driver", "glibc", "system"];

  let form = null;
  let asked = 0;
  /** What is shown: the question as a text, its answer, and which release's. */
  let shown = null;

  /** The question that an address asks, as `axle.ask` takes it. */
  const question = (query) => {
    const cuda = query.get("cuda") ?? "any";
    const gpus = cuda === "cpu" ? [] : query.getAll("gpu");
    const one = (key) => query.get(key) || null;
    return {
      system: one("system") ?? "x86_64-linux",
      python: query.get("python") ?? "3.12",
      cuda,
      compute_capabilities: gpus.filter((gpu) => CAPABILITY.test(gpu)),
      gpus: gpus.filter((gpu) => !CAPABILITY.test(gpu)),
      packages: query.getAll("p"),
      compiler: one("compiler"),
      prefer: one("prefer"),
      only_audited: query.has("audited"),
      only_wheels: query.has("wheels"),
      publishers: query.getAll("publisher"),
      glibc: one("glibc"),
      driver: one("driver"),
      torch: one("torch"),
    };
  };

  /** The query that asks what a command line asks; null where it asks what a page cannot. */
  const ofCommand = (command) => {
    const words = [...command.matchAll(/'((?:[^']|'\\'')*)'|(\S+)/g)].map(([, quoted, plain]) =>
      quoted === undefined ? plain : quoted.replaceAll("'\\''", "'"));
    if (words.splice(0, 2).join(" ") !== "axle concretise") return null;
    const query = new URLSearchParams();
    const keys = {
      "--python": "python", "--cuda": "cuda", "--cc": "gpu", "--gpu": "gpu", "--torch": "torch", "--driver": "driver",
      "--glibc": "glibc", "--system": "system", "--prefer": "prefer",
      "--publisher": "publisher",
    };
    while (words.length) {
      const word = words.shift();
      if (word === "--cpu") query.set("cuda", "cpu");
      else if (word === "--gcc" || word === "--clang") query.set("compiler", word.slice(2) + words.shift());
      else if (word === "--only-wheels") query.set("wheels", "1");
      else if (word === "--only-audited") query.set("audited", "1");
      else if (word in keys) {
        const value = words.shift() ?? "";
        if (word === "--prefer" && value.includes("=")) return null;
        query.append(keys[word], value);
      } else if (word.startsWith("--")) return null;
      else query.append("p", word);
    }
    return query;
  };

  const change = (changes) => {
    const { query } = axle.address();
    const changed = new URLSearchParams(query.size ? query : EXAMPLE);
    for (const [key, value] of Object.entries(changes)) ask(changed, key, [value].flat());
    axle.go(axle.link("finder", "", changed));
  };

  const build = async (section) => {
    const [base, packages] = await Promise.all([axle.load("base"), axle.load("packages")]);
    const order = base.order.flat();
    const rank = new Map(order.map((name, place) => [name, place]));
    const known = [...packages].sort((one, other) =>
      (rank.get(one.name) ?? order.length) - (rank.get(other.name) ?? order.length));
    const cards = base.gpus.flatMap(({ capability, names }) => names.map((name) => ({ name, capability }))).reverse();
    const capabilityOf = new Map(cards.map(({ name, capability }) => [name, capability]));
    const place = (field) => section.querySelector(`[data-field="${field}"]`);
    /** What is called like a text, whatever stands between its words: what begins so first, of these the shortest. */
    const best = (text, all, name) => {
      const bare = (text) => text.toLowerCase().replace(/[\s_-]+/g, "");
      const wanted = bare(text);
      const found = all.filter((one) => bare(name(one)).includes(wanted));
      const begins = (one) => bare(name(one)).startsWith(wanted);
      const length = (one) => (wanted ? bare(name(one)).length : 0);
      return found.sort((one, other) => begins(other) - begins(one) || length(one) - length(other)).slice(0, 40);
    };
    /** A capability as compilers spell it: `sm_86` is 8.6. */
    const dotted = (text) => text.replace(/^(?:sm|compute)_?(\d+)(\d)[af]?$/i, "$1.$2");
    /** Words of a name that no GPU is told by: `RTX 4090 Laptop GPU`, `H100 SXM5 80GB`. */
    const plain = (text) => text.replace(/^nvidia\s+/i, "").replace(/^geforce\s+/i, "")
      .replace(/(\s*(laptop( gpu)?|sxm\d?|pcie|\d+\s?gb))+$/i, "");

    const gpus = axle.chooser({
      label: "GPU",
      hint: "A name or a compute capability; several where all must be served.",
      placeholder: "RTX 4090, H100, 8.6 …",
      describe: (value) => capabilityOf.get(value) ?? "",
      options: (text) => {
        const wanted = dotted(plain(text));
        const capabilities = base.capabilities.filter((one) => one.startsWith(wanted)).map((value) => ({
          value,
          note: `compute capability${capabilityNames(base, value)}`,
        }));
        const named = best(wanted, cards, ({ name }) => name).map(({ name, capability }) => ({ value: name, note: capability }));
        const found = /^\d/.test(wanted) && capabilities.length ? [...capabilities, ...named] : [...named, ...capabilities];
        return found.length ? found : [{ value: text, label: `Ask for “${text}”` }];
      },
      onchange: (values) => change({ gpu: values }),
    });
    const cpu = element("input", { type: "checkbox", onchange: () => change({ cuda: cpu.checked ? "cpu" : "any" }) });
    place("gpus").append(gpus.root, element("label", { class: "check" }, cpu, " no GPU: CPU only"));

    place("python").append(element("div", { class: "choices" },
      axle.segments("python", base.pythons.map((value) => ({ value, label: value })), (python) => change({ python }))));
    const cudas = ["any", ...base.cudas.filter((cuda) => cuda !== "cpu")];
    place("cuda").append(element("div", { class: "choices" },
      axle.segments("cuda", cudas.map((value) => ({ value, label: value })), (cuda) => change({ cuda }))));

    const split = (text) => text.match(/^([A-Za-z0-9._-]*)(.*)$/s).slice(1);
    /** Several requirements in one text: what begins with a letter begins another, but for the words of a marker. */
    const several = (text) => (text.includes(";") ? [text] : text.split(/[\s,]+(?=[A-Za-z])/)).filter(Boolean);
    const choosePackages = axle.chooser({
      label: "Packages",
      hint: "With a version if need be: flash-attn>=2.8",
      placeholder: "torch, vllm, flash-attn …",
      options: (text) => {
        const many = several(text);
        if (many.length > 1) return [{ value: many, label: `Ask for ${many.join(" and ")}` }];
        const [name, rest] = split(text);
        // A version is asked of what is named, and of nothing that begins alike.
        const called = rest ? known.filter((one) => one.name === name.toLowerCase().replaceAll("_", "-")) : best(name, known, (one) => one.name);
        const found = called.map((one) => ({ value: one.name + rest.trim(), note: one.summary }));
        return found.length ? found : [{ value: text, label: `Ask for “${text}”` }];
      },
      onchange: (values) => change({ p: values }),
    });
    place("packages").append(choosePackages.root);

    const field = (name) => section.querySelector(`[name="${name}"]`);
    for (const value of base.compilers) {
      const [, name, major] = value.match(/^(\D+)(\d+)$/);
      field("compiler").append(element("option", { value }, `${name} ${major}`));
    }
    for (const value of base.systems) field("system").append(element("option", { value }, value));
    field("system").closest("label").hidden = base.systems.length === 1;
    field("glibc").placeholder = base.glibc;
    for (const name of OPTIONS) {
      field(name).addEventListener("change", () => change({ [name]: field(name).value.trim() }));
    }
    for (const name of ["audited", "wheels"]) {
      field(name).addEventListener("change", () => change({ [name]: field(name).checked ? "1" : null }));
    }
    section.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    section.querySelector("[data-action=clear]").addEventListener("click", () => {
      axle.go(axle.link("finder", "", new URLSearchParams([["python", "3.12"], ["cuda", "any"]])));
      gpus.input.focus();
    });

    // On a narrow screen the answer lies below the question: this leads there.
    const answer = section.querySelector(".answer");
    const lead = element("button", {
      type: "button", class: "lead-on", hidden: true,
      onclick: () => {
        answer.scrollIntoView({ block: "start" });
        answer.focus({ preventScroll: true });
      },
    });
    section.append(lead);
    new IntersectionObserver(([{ isIntersecting }]) => lead.classList.toggle("there", isIntersecting)).observe(answer);

    return {
      base,
      known,
      capabilityOf,
      lead: (kind, words) => {
        lead.hidden = false;
        lead.replaceChildren(
          element("span", { class: kind }, element("span", { class: "mark", "aria-hidden": "true" }, kind === "yes" ? "✓" : "✕")),
          element("span", {}, words), element("span", { "aria-hidden": "true" }, "↓"));
      },
      sync: (query) => {
        const without = query.get("cuda") === "cpu";
        gpus.set(query.getAll("gpu"), without);
        cpu.checked = without;
        place("cuda").disabled = without;
        choosePackages.set(query.getAll("p"));
        for (const name of ["python", "cuda"]) {
          const value = query.get(name) ?? (name === "python" ? "3.12" : "any");
          const choices = place(name).querySelector(".choices");
          choices.querySelector(".odd")?.remove();
          // What an address asks for and no button does is shown as what it is.
          if (value !== "cpu" && !(name === "python" ? base.pythons : cudas).includes(value)) {
            const [odd] = axle.segments(name, [{ value, label: `${value}: unknown` }], () => {});
            odd.classList.add("odd");
            choices.append(odd);
          }
          for (const radio of choices.querySelectorAll("input")) radio.checked = radio.value === value;
        }
        for (const name of OPTIONS) field(name).value = query.get(name) ?? (name === "system" ? base.systems[0] : "");
        for (const name of ["audited", "wheels"]) field(name).checked = query.has(name);
        const more = section.querySelector(".more");
        more.open ||= [...OPTIONS, "audited", "wheels"].some((name) => query.has(name));
      },
    };
  };

  const capabilityNames = (base, capability) => {
    const names = base.gpus.find((gpus) => gpus.capability === capability)?.names ?? [];
    return names.length ? `: ${names.slice(-3).reverse().join(", ")} …` : "";
  };

  const show = async (section, _, given) => {
    form ??= await build(section);
    const isExample = given.size === 0;
    const query = isExample ? EXAMPLE : given;
    form.sync(query);
    const answer = section.querySelector(".answer");
    const number = (asked += 1);
    const wanted = question(query);
    const key = JSON.stringify(wanted);
    document.title = `${wanted.packages.join(", ") || axle.views.finder.title} · axle`;
    if (shown?.key === key && shown.isExample === isExample && shown.release === query.get("show")) return;
    shown = null;
    if (wanted.packages.length === 0) return answer.replaceChildren(...start(wanted));
    if (wanted.cuda !== "cpu" && wanted.gpus.length + wanted.compute_capabilities.length === 0) {
      return answer.replaceChildren(element("div", { class: "card empty" },
        element("h2", {}, "For which GPU?"),
        element("p", {}, "Choose a GPU by its name or its compute capability, or tick CPU only.")));
    }
    answer.setAttribute("aria-busy", "true");
    const late = setTimeout(() => {
      if (number !== asked) return;
      axle.say("Working it out …");
      answer.prepend(element("p", { class: "working" }, "Working it out …"));
    }, 200);
    let told;
    try {
      told = await axle.ask(wanted);
    } catch (error) {
      told = { error: error.message ?? String(error) };
    }
    clearTimeout(late);
    // Another question was asked in the meantime.
    if (number !== asked) return;
    answer.setAttribute("aria-busy", "false");
    if (told.error) {
      const words = told.gpu ? `“${told.gpu}” is not a GPU that axle knows.` : told.error;
      axle.say(words);
      form.lead("no", "This cannot be answered");
      return answer.replaceChildren(element("div", { class: "card refusal" },
        element("h2", {}, "This cannot be answered"), element("p", {}, words),
        told.gpu && instead(query, told)));
    }
    shown = { key, isExample, release: query.get("show") };
    // Who has chosen a suggestion goes on reading where it was.
    const wasInside = answer.contains(document.activeElement);
    answer.replaceChildren(...(isExample ? [example()] : []), ...answers(told.answers, query));
    if (wasInside) answer.focus({ preventScroll: true });
    const fits = told.answers.filter(({ plan }) => plan);
    const words = fits.length ? `It fits with ${fits.map(({ cuda }) => cudaName(cuda)).join(", ")}` : "Nothing fits";
    axle.say(words);
    form.lead(fits.length ? "yes" : "no", words);
  };

  /** Has a query ask for some values of a key, and no others. */
  const ask = (query, key, values) => {
    query.delete(key);
    for (const value of values) if (value) query.append(key, value);
  };

  /** A query that asks for other values of a key. */
  const asking = (query, key, values) => {
    const other = new URLSearchParams(query);
    ask(other, key, values);
    return other;
  };

  /** A link to another question. */
  const suggestion = (words, query) =>
    element("a", { class: "suggestion", href: axle.link("finder", "", query) }, words, element("span", { "aria-hidden": "true" }, "→"));

  /** GPUs that are called like one that is unknown, and another way to say it. */
  const instead = (query, { gpu, nearest = [] }) => [
    nearest.length > 0 && element("ul", { class: "suggestions" }, nearest.map((name) =>
      element("li", {}, suggestion(`with ${name}`, asking(query, "gpu", query.getAll("gpu").map((one) => (one === gpu ? name : one))))))),
    element("p", {}, "Or choose its compute capability in the place of its name."),
  ].filter(Boolean);

  /** What to ask first. */
  const start = (wanted) => [element("div", { class: "card empty" },
    element("h2", {}, "Which packages?"),
    element("p", {}, "Type a name, or begin with one of these:"),
    element("ul", { class: "picks" }, form.base.order.slice(0, 2).flat().map((name) =>
      element("li", {}, element("button", { type: "button", onclick: () => change({ p: [...wanted.packages, name] }) }, name)))))];

  const example = () => element("p", { class: "example" },
    element("strong", {}, "An example. "), "Change anything in the question, or start empty.");

  const cudaName = (cuda) => (cuda === null || cuda === "cpu" ? "CPU only" : `CUDA ${cuda}`);

  const answers = (all, query) => {
    if (all.length === 1) return [element("div", { class: "card" }, one(all[0], query))];
    const items = all.map((answer) => ({
      key: answer.cuda ?? "cpu",
      class: answer.plan ? "yes" : "no",
      label: [
        element("span", { class: "mark", "aria-hidden": "true" }, answer.plan ? "✓" : "✕"),
        element("span", {}, cudaName(answer.cuda)),
        element("small", {}, answer.plan ? `torch ${answer.plan.torch.split("+")[0]}` : "does not fit"),
      ],
      content: () => one(answer, query),
    }));
    const choose = (release) => {
      document.querySelector(".answer .example")?.remove();
      shown = { ...shown, isExample: false, release };
      const chosen = new URLSearchParams(query);
      chosen.set("show", release);
      axle.go(axle.link("finder", "", chosen), { replace: true });
    };
    const releases = element("div", { class: "card by-cuda" }, axle.tabs("CUDA releases", items, query.get("show"), choose));
    return all.some(({ plan }) => plan) ? [releases] : [withoutAny(all, query), releases];
  };

  /** What is true of every release, where nothing fits with any: what would work, each change once. */
  const withoutAny = (all, query) => {
    const suggested = new Map(all.flatMap(({ refusal }) => refusal.suggestions).map((one) => [one.change, one]));
    const packages = query.getAll("p");
    const fewer = packages.length > 1 ? packages.map((name) =>
      element("li", {}, suggestion(`ask without ${name}`, asking(query, "p", packages.filter((other) => other !== name))))) : [];
    return element("div", { class: "card" },
      element("h2", { class: "verdict no" }, element("span", { class: "mark", "aria-hidden": "true" }, "✕"), " Nothing fits with any CUDA"),
      element("p", {}, "Below stands why, for each release."),
      suggested.size > 0 && [element("h3", {}, "What would work"), suggestions([...suggested.values()], query)],
      suggested.size === 0 && fewer.length > 0 && [element("h3", {}, "What may help"), element("ul", { class: "suggestions" }, fewer)]);
  };

  const one = (answer, query) => (answer.plan ? plan(answer) : refusal(answer, query));

  /** How the last plan was taken: who looks at another one takes it in the same way. */
  let how = null;

  const plan = ({ plan, rows, download, command, flake, pip }) => {
    const askedFor = rows.filter((row) => row.asked);
    const others = rows.filter((row) => !row.asked);
    const compiled = rows.filter(({ kind }) => kind === "source").length;
    const unsized = rows.some((row) => row.size === null);
    const { compute_capabilities: capabilities, compiler, cuda, python } = plan.target;
    const facts = [
      `torch ${plan.torch.split("+")[0]}`, `Python ${python}`, cudaName(cuda),
      capabilities.length ? `for ${capabilities.join(", ")}` : null,
      compiler && compiled ? `compiled with ${Object.entries(compiler)[0].join(" ")}` : null,
    ].filter(Boolean);
    return [
      element("h2", { class: "verdict yes" }, element("span", { class: "mark", "aria-hidden": "true" }, "✓"), " It fits"),
      element("p", { class: "facts" }, facts.join(" · ")),
      element("dl", { class: "figures" },
        figure("to download", download === null ? (unsized ? "unknown" : "nothing") : `${unsized ? "over " : ""}${axle.size(download)}`),
        figure("packages", String(rows.length)),
        figure("compiled", compiled ? String(compiled) : "none")),
      ...table("What was asked for", askedFor),
      others.length > 0 && element("details", {},
        element("summary", {}, `and ${axle.count(others.length, "package")} that they require`),
        table("What they require", others)),
      element("h3", {}, "Take it with you"),
      axle.tabs("How to take it", [
        { key: "command", label: "Command line", content: () => axle.copyable("Command line", command) },
        { key: "flake", label: "Nix", content: () => axle.copyable("Nix", flake) },
        { key: "pip", label: "pip", content: () => axle.copyable("pip", pip) },
      ], how, (key) => { how = key; }),
    ].filter(Boolean);
  };

  const figure = (name, value) => element("div", {}, element("dt", {}, name), element("dd", {}, value));

  /** A version that may be broken where its local part begins. */
  const breakable = (version) => {
    const [release, ...local] = version.split("+");
    return local.length ? [`${release}`, element("wbr"), `+${local.join("+")}`] : release;
  };

  const KINDS = { wheel: "wheel", source: "compiled" };
  const HINTS = {
    audited: "audited: read out of the bytes of this file",
    sibling: "sibling: read out of the same version's file for another Python",
    declared: "declared: published, but not read",
  };

  /** The words of a table that need some, in a line below it. */
  const hint = (rows) => {
    const used = Object.keys(HINTS).filter((word) => rows.some(({ provenance }) => provenance === word));
    return used.length > 0 && element("p", { class: "hint" }, `${used.map((word) => HINTS[word]).join("; ")}.`);
  };

  const table = (caption, rows) => [element("table", { class: "rows" },
    element("caption", { class: "sr" }, caption),
    element("thead", {}, element("tr", {}, ["Package", "Taken as", "Size", "Facts"].map((name) => element("th", { scope: "col" }, name)))),
    element("tbody", {}, rows.flatMap((row) => [
      element("tr", { class: row.why ? "explained" : null },
        element("th", { scope: "row" }, row.name, " ", element("span", { class: "version" }, breakable(row.version))),
        element("td", { title: row.filename ?? null }, KINDS[row.kind] ?? row.kind),
        element("td", { class: "number" }, axle.size(row.size)),
        element("td", {}, axle.provenance(row.provenance))),
      ...(row.why ? [element("tr", { class: "why" }, element("td", { colspan: "4" }, row.why))] : []),
    ]))), hint(rows)];

  /** A rule's code is for who looks it up in the book; here its sentence stands by itself. */
  const sentence = (message) => message.replace(/^AX\d+: /, "");

  const refusal = ({ refusal, command }, query) => [
    element("h2", { class: "verdict no" }, element("span", { class: "mark", "aria-hidden": "true" }, "✕"), " Nothing fits"),
    element("ul", { class: "reasons" }, refusal.reasons.map(({ kind, message, torch }) => element("li", {},
      element("span", { class: "badge kind" }, kind.replaceAll("-", " ")), " ", sentence(message),
      torch?.length ? element("small", {}, `rules out torch ${torch.join(", ")}`) : null))),
    refusal.suggestions.length > 0 && element("h3", {}, "What would work"),
    refusal.suggestions.length > 0 && suggestions(refusal.suggestions, query),
    element("h3", {}, "Ask the command line"),
    axle.copyable("Command line", command),
  ].filter(Boolean);

  const suggestions = (all, query) => element("ul", { class: "suggestions" }, all.map(({ change, command }) => {
    const other = ofCommand(command);
    if (other) named(other, query);
    return element("li", {}, other
      ? suggestion(change, other)
      : [element("p", {}, change), axle.copyable(change, command)]);
  }));

  /** Calls the GPUs of a command as the question did, where they are the same, and keeps them where none is asked for. */
  const named = (other, query) => {
    const gpus = query.getAll("gpu");
    const capabilities = new Set(gpus.map((gpu) => form.capabilityOf.get(gpu) ?? gpu));
    const told = other.getAll("gpu");
    const isSame = told.length === capabilities.size && told.every((one) => capabilities.has(one));
    if (!isSame && other.get("cuda") !== "cpu") return;
    ask(other, "gpu", gpus);
  };

  axle.views.finder = { title: "Finder", show };
  axle.finder = { question, ofCommand };
})();
