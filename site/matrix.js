"use strict";

// The Matrix: cells by packages. A letter stands in the overview, all that is behind it in the files of the cells.
(() => {
  const axle = window.axle;
  const { element } = axle;

  const HELD = {
    a: ["full", "a wheel whose bytes were read"],
    s: ["sibling", "a wheel, known by the one for another Python"],
    d: ["declared", "a wheel, known by what is declared of it"],
    c: ["source", "compiled, given a compiler"],
  };
  const ABSENT = {
    P: "no wheel for this Python", C: "made for another CUDA", G: "covers no GPU", K: "no compiler compiles it",
    L: "needs a newer glibc", D: "needs a newer driver", R: "requirements contradict each other", T: "made for another torch",
    U: "a fact that decides it is not known", M: "not in the catalogue",
  };
  const PYTHON = "3.12";

  const meaning = (letter) => HELD[letter] ?? (letter === "-" ? ["none", "not asked for in this cell"] : ["absent", ABSENT[letter]]);

  /** What the groups of packages are called, in their order. */
  const GROUPS = ["torch and its companions", "extensions", "libraries", "serving and training", "building"];
  /** What is loaded when it is asked for. */
  const MORE = { rest: "what these require", all: "everything" };

  const show = async (section, _, query) => {
    const group = query.get("packages") ?? "";
    const { targets, order } = await axle.load(Object.hasOwn(MORE, group) ? "matrix/all" : "matrix");
    // Another address was gone to in the meantime.
    if (axle.address().query.toString() !== query.toString()) return;
    const root = section.querySelector(".matrix");
    const unique = (key) => [...new Set(targets.map((target) => target[key]))];
    const asked = (key, values, usual) => (values.includes(query.get(key)) ? query.get(key) : usual);
    const python = asked("python", ["all", ...unique("python")], PYTHON);
    const cuda = asked("cuda", unique("cuda"), "");
    const torch = asked("torch", targets.flatMap((target) => target.torch), "");
    const text = query.get("name") ?? "";
    const cudas = unique("cuda").sort((one, other) => axle.rank(other) - axle.rank(one));
    const torches = [...new Set(targets.flatMap((target) => target.torch))].sort((one, other) =>
      other.localeCompare(one, "en", { numeric: true }));
    const replace = (changes) => axle.go(axle.changed(changes), { replace: true });
    const select = (label, value, options, key) => element("label", {}, `${label} `,
      element("select", { "data-key": key, onchange: (event) => replace({ [key]: event.target.value }) },
        options.map(([option, words]) => element("option", { value: option, selected: option === value }, words))));
    const columns = targets
      .filter((target) => (python === "all" || target.python === python) && (!cuda || target.cuda === cuda))
      .sort((one, other) => axle.rank(other.cuda) - axle.rank(one.cuda))
      .flatMap((target) => target.torch.map((torch, place) => ({ target, torch, letters: target.cells[place] })))
      .filter((column) => !torch || column.torch === torch);
    const names = order.flat();
    const chosen = group === "rest" ? order.at(-1) : (/^\d+$/.test(group) && order[group]) || null;
    const starts = new Set(order.map((group) => group[0]));
    const rows = names
      .map((name, place) => ({ name, place }))
      .filter(({ name }) => (!chosen || chosen.includes(name)) && name.includes(text.toLowerCase()));
    const side = element("div", { class: "card cell-detail", role: "region", "aria-label": "The chosen square", tabindex: "-1" });
    const active = document.activeElement?.closest?.(".filters") ? document.activeElement : null;
    const [focused, caret] = [active?.dataset.key, active?.selectionStart];
    const filter = element("input", {
      type: "search", value: text, placeholder: "name", "data-key": "name", autocomplete: "off", spellcheck: "false",
      oninput: () => {
        clearTimeout(typed);
        typed = setTimeout(() => replace({ name: filter.value.trim() }), 150);
      },
    });
    root.replaceChildren(
      element("div", { class: "card" },
        element("div", { class: "filters" },
          select("Python", python, [["all", "all"], ...unique("python").map((one) => [one, one])], "python"),
          select("CUDA", cuda, [["", "all"], ...cudas.map((one) => [one, one === "cpu" ? "CPU only" : one])], "cuda"),
          select("torch", torch, [["", "all"], ...torches.map((one) => [one, one])], "torch"),
          select("Packages", group, [["", "those that are asked for"], ...order.slice(0, Object.hasOwn(MORE, group) ? -1 : undefined).map((names, at) => [String(at), GROUPS[at] ?? names[0]]), ...Object.entries(MORE)], "packages"),
          element("label", {}, "Filter ", filter)),
        axle.legend([...Object.values(HELD), ["absent", "absent, with the reason"]]),
        columns.length && rows.length
          ? grid(columns, rows, starts, side, query)
          : element("p", { class: "hint" }, "No cell is like that."),
        element("p", { class: "hint" }, `${axle.count(columns.length, "cell")}, ${axle.count(rows.length, "package")}`)),
      side);
    const control = focused && root.querySelector(`[data-key="${focused}"]`);
    control?.focus();
    if (control?.type === "search") control.setSelectionRange(caret, caret);
    const square = find(columns, query.get("cell"));
    if (square && query.get("of")) await detail(side, square, query.get("of"));
    else side.replaceChildren(element("h2", {}, "Choose a square"), element("p", {}, "It says which version the cell has, what it covers and why it is not newer, or why there is none."),
      ...(columns.length ? [element("h3", {}, "Which torch there is, and why not the others"), rest(columns)] : []));
  };

  /** The wait for the end of a word that is typed. */
  let typed = 0;

  const identify = ({ target, torch }) => `${target.system} ${target.python} ${target.cuda} ${torch}`;
  const find = (columns, id) => columns.find((column) => identify(column) === id);

  /** Runs of columns that have something in common, for the rows of the head. */
  const runs = (columns, key) => {
    const found = [];
    for (const column of columns) {
      const value = key(column);
      if (found.at(-1)?.value === value) found.at(-1).count += 1;
      else found.push({ value, count: 1 });
    }
    return found;
  };

  /** As many rows are drawn at once: a thousand of them take seconds. */
  const AT_ONCE = 24;

  const grid = (columns, rows, starts, side, query) => {
    const wide = ({ value, count }) => element("th", { scope: "colgroup", colspan: String(count), class: "run" }, value);
    const pythons = new Set(columns.map(({ target }) => target.python));
    const cells = columns.map((column) => ({ column, id: identify(column), where: `torch ${column.torch}, ${column.target.cuda === "cpu" ? "CPU" : `CUDA ${column.target.cuda}`}, Python ${column.target.python}` }));
    const body = element("tbody", {});
    const row = ({ name, place }) => element("tr", { class: starts.has(name) ? "first" : null },
      element("th", { scope: "row" }, name),
      cells.map(({ column, id, where }) => {
        const letter = column.letters[place];
        const [kind, words] = meaning(letter);
        const isChosen = id === query.get("cell") && name === query.get("of");
        return element("td", { class: "holds" }, element("button", {
          type: "button", class: `square ${kind}`, tabindex: "-1", "data-letter": kind === "absent" ? letter : null,
          title: `${name}: ${words}`, "aria-label": `${name}, ${where}: ${words}`, "aria-pressed": isChosen ? "true" : null,
        }));
      }));
    const table = element("table", { class: "grid cells" },
      element("caption", { class: "sr" }, "Packages by cell. Arrow keys move from square to square."),
      element("thead", {},
        element("tr", {}, element("td", {}),
          runs(columns, ({ target }) => `${target.cuda === "cpu" ? "CPU" : target.cuda}${pythons.size > 1 ? ` · ${target.python}` : ""}`).map(wide)),
        element("tr", {}, element("th", { scope: "col" }, "torch"),
          columns.map(({ torch }) => element("th", { scope: "col", class: "torch" }, torch)))),
      body);
    // The first rows are there at once, the others follow while the page can be used.
    let drawn = 0;
    const draw = () => {
      const next = rows.slice(drawn, drawn + AT_ONCE).map(row);
      body.append(...next);
      drawn += AT_ONCE;
      const chosen = next.map((row) => row.querySelector("[aria-pressed]")).find(Boolean);
      if (chosen) stopAt(chosen);
      const more = drawn < rows.length && (drawn === AT_ONCE || body.isConnected);
      table.setAttribute("aria-busy", String(more));
      if (more) requestAnimationFrame(draw);
    };
    // One stop of the tab key for all squares; arrows go from one to the next.
    let stop = null;
    const stopAt = (square) => {
      if (stop) stop.tabIndex = -1;
      stop = square;
      stop.tabIndex = 0;
    };
    const square = (row, column) => body.rows[row]?.cells[column + 1]?.firstChild;
    draw();
    if (!stop && rows.length && columns.length) stopAt(square(0, 0));
    table.addEventListener("click", (event) => {
      const button = event.target.closest(".square");
      if (!button) return;
      stopAt(button);
      const cell = button.parentElement;
      choose(button, columns[cell.cellIndex - 1], rows[cell.parentElement.sectionRowIndex].name, side);
    });
    table.addEventListener("keydown", (event) => {
      const button = event.target.closest(".square");
      if (!button) return;
      const cell = button.parentElement;
      const [row, column] = [cell.parentElement.sectionRowIndex, cell.cellIndex - 1];
      const last = columns.length - 1;
      const next = {
        ArrowRight: [row, Math.min(column + 1, last)], ArrowLeft: [row, Math.max(column - 1, 0)],
        ArrowDown: [Math.min(row + 1, rows.length - 1), column], ArrowUp: [Math.max(row - 1, 0), column],
        Home: [row, 0], End: [row, last],
      }[event.key];
      if (!next) return;
      event.preventDefault();
      const target = square(...next);
      // The last rows may not be drawn yet.
      if (!target) return;
      stopAt(target);
      target.focus();
    });
    return axle.scroller("Packages by cell", table);
  };

  const choose = async (button, column, name, side) => {
    for (const other of document.querySelectorAll(".square[aria-pressed]")) other.removeAttribute("aria-pressed");
    button.setAttribute("aria-pressed", "true");
    quiet = axle.changed({ cell: identify(column), of: name });
    axle.go(quiet, { replace: true });
    try {
      await detail(side, column, name);
    } catch (error) {
      side.replaceChildren(axle.failed(error));
    }
    axle.say(`${name}: ${side.querySelector("p")?.textContent ?? ""}`);
    if (matchMedia("(max-width: 64rem)").matches) side.scrollIntoView({ block: "nearest" });
  };

  /** The address of what was just shown without drawing the table anew. */
  let quiet = null;

  /** A file of cells, as the catalogue has it: the engine reads the same. */
  const cellFile = async ({ system, python, cuda }) => {
    const name = `cells/${system}/${python}-${cuda}`;
    const files = await axle.load(`engine/${name}`);
    return JSON.parse(files[`${name}.json`]);
  };

  /** The sentences of the same target: its file of cells has causes alone. */
  const sentencesOf = ({ system, python, cuda }) => axle.load(`sentences/${system}/${python}-${cuda}`);

  const detail = async (side, { target, torch }, name) => {
    const [file, sentences] = await Promise.all([cellFile(target), sentencesOf(target)]);
    const cell = file.torch[torch];
    const held = (pool, key) => (Object.hasOwn(cell[key], name) ? pool[name]?.[cell[key][name]] : undefined);
    const one = held(file.packages, "packages");
    const absence = sentences.cells[torch].absent[name];
    const newer = cell.newer && file.newer ? held(file.newer, "newer") : undefined;
    const where = `${target.cuda === "cpu" ? "CPU only" : `CUDA ${target.cuda}`} · Python ${target.python} · torch ${torch}`;
    const fact = (key, value) => value && [element("dt", {}, key), element("dd", {}, value)];
    const children = [element("h2", {}, name)];
    if (one) {
      const { wheel, source } = one;
      children.push(element("p", {}, element("strong", {}, one.version), wheel ? " as a wheel " : " compiled ", wheel && axle.provenance(wheel.provenance)),
        element("dl", {},
          fact("cell", where),
          wheel && [fact("file", element("code", {}, wheel.filename)), fact("size", axle.size(wheel.size)), fact("glibc", wheel.glibc ?? "none needed"),
            target.cuda !== "cpu" && fact("covers", wheel.covers.length === file.capabilities.length ? "every GPU that is known" : wheel.covers.join(", "))],
          source && [fact("source", element("code", {}, source.filename)), fact("compiles for", source.capabilities.join(", "))],
          newer && fact("why not newer", `${newer.version} is out, but ${sentences.cells[torch].newer[name]}`),
          fact("requires", one.requires.join(", "))));
    } else {
      children.push(element("p", {}, absence ? absence.message : "Nothing in this cell asks for it."),
        element("dl", {}, fact("cell", where), absence && fact("kind", absence.kind.replaceAll("-", " "))));
    }
    const ask = new URLSearchParams([["python", target.python], ["cuda", target.cuda], ["torch", torch], ["p", name]]);
    if (target.cuda !== "cpu") ask.append("gpu", "RTX 3090");
    children.push(element("p", {}, element("a", { class: "ask", href: axle.link("finder", "", ask) }, "Ask the Finder"), " ",
      element("a", { class: "ask", href: axle.link("atlas", name) }, "See it in the Atlas")));
    side.replaceChildren(...children);
  };

  /** Torch versions without a cell, and the other packages of one: on demand. */
  const rest = (columns) => {
    const targets = [...new Set(columns.map(({ target }) => target))];
    return element("div", {}, targets.slice(0, 12).map((target) => {
      const body = element("div", {});
      return element("details", {
        ontoggle: async (event) => {
          if (!event.target.open || body.firstChild) return;
          try {
            const [file, sentences] = await Promise.all([cellFile(target), sentencesOf(target)]);
            const counts = file.order.map((torch) => `${torch}: ${Object.keys(file.torch[torch].packages).length} packages`);
            body.append(element("ul", { class: "plain-list" }, counts.map((text) => element("li", {}, text)),
              Object.entries(sentences.absent).map(([torch, message]) => element("li", {}, element("strong", {}, torch), `: ${message}`))));
          } catch (error) {
            body.replaceChildren(axle.failed(error));
          }
        },
      }, element("summary", {}, `${target.cuda === "cpu" ? "CPU only" : `CUDA ${target.cuda}`}, Python ${target.python}: ${target.torch.length} of ${axle.count(target.torch.length + target.absent, "torch", "torch versions")}`), body);
    }));
  };

  axle.views.matrix = {
    title: "Matrix",
    show: (section, path, query) => {
      if (location.hash === quiet) return undefined;
      quiet = null;
      return show(section, path, query);
    },
  };
})();
