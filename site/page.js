"use strict";

// What all views share: elements, the address, tables, lists to type ahead in.
(() => {
  const axle = (window.axle ??= {});
  axle.views = Object.create(null);

  /** The text with what steers or hides spelled out, as the command line does: marks of direction, characters that nobody sees. */
  axle.visible = (text) =>
    text.replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, (character) =>
      `\\u{${character.codePointAt(0).toString(16)}}`);

  /** An element. Text is always text: what comes from the catalogue is never read as HTML. */
  axle.element = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else if (["value", "checked", "disabled", "hidden"].includes(key)) element[key] = value;
      else element.setAttribute(key, value === true ? "" : axle.visible(String(value)));
    }
    const shown = children.flat().filter((child) => child !== null && child !== undefined && child !== false);
    element.append(...shown.map((child) => (typeof child === "string" ? axle.visible(child) : child)));
    return element;
  };
  const element = axle.element;

  /** Says something to who listens instead of looking. */
  axle.say = (text) => {
    document.getElementById("live").textContent = text;
  };

  axle.size = (bytes) => {
    if (bytes === null || bytes === undefined) return "unknown";
    const units = ["B", "kB", "MB", "GB", "TB"];
    const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), 4);
    const number = bytes / 1000 ** power;
    return `${power > 1 && number < 10 ? number.toFixed(1) : Math.round(number)} ${units[power]}`;
  };

  /** 1 package, 2 packages. */
  axle.count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

  /** A CUDA release as a number, to sort by; "cpu" comes before all. */
  axle.rank = (cuda) => (cuda === "cpu" ? -1 : cuda.split(".").reduce((sum, part) => sum * 1000 + Number(part), 0));

  let identity = 0;
  axle.identity = (prefix) => `${prefix}-${(identity += 1)}`;

  // The address: `#view/path?key=value`. It is the only state there is.

  axle.address = () => {
    const [place, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
    const [view, ...path] = place.split("/").map(decode);
    return { view: view in axle.views ? view : "finder", path: path.join("/"), query: new URLSearchParams(query) };
  };

  const decode = (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };

  axle.link = (view, path = "", query = new URLSearchParams()) => {
    const place = [view, ...(path ? [encodeURIComponent(path)] : [])].join("/");
    const text = query.toString();
    return `#${place}${text ? `?${text}` : ""}`;
  };

  /** Goes to an address. What is only about how something is shown leaves no trace in the history. */
  axle.go = (address, { replace = false } = {}) => {
    if (location.hash === address) return;
    if (replace) location.replace(address);
    else location.hash = address;
  };

  /** The address that a view is shown for, with some of its query changed; null removes a key. */
  axle.changed = (changes) => {
    const { view, path, query } = axle.address();
    for (const [key, value] of Object.entries(changes)) {
      query.delete(key);
      for (const one of [value].flat()) if (one !== null && one !== "") query.append(key, one);
    }
    return axle.link(view, path, query);
  };

  /** Radio buttons that look like one control. `onchange` hears of the value. */
  axle.segments = (name, options, onchange) =>
    options.map(({ value, label }) =>
      element("label", { class: "segment" },
        element("input", { type: "radio", name, value, onchange: () => onchange(value) }),
        element("span", {}, label)));

  /** A list to type ahead in, of which several are chosen. `options(text)` gives what fits. */
  axle.chooser = ({ label, hint, placeholder, options, onchange, describe }) => {
    const id = axle.identity("chooser");
    const chips = element("ul", { class: "chips", "aria-label": `${label}: chosen` });
    const input = element("input", {
      id, type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", autocapitalize: "off", placeholder,
      "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": `${id}-list`, "aria-describedby": `${id}-hint`,
    });
    const list = element("ul", { id: `${id}-list`, role: "listbox", "aria-label": label, hidden: true });
    const root = element("div", { class: "chooser" },
      element("label", { for: id }, label), chips, input, list,
      element("p", { id: `${id}-hint`, class: "hint" }, hint));
    let chosen = [];
    let shown = [];
    let active = -1;

    const mark = (place) => {
      active = place;
      [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === place)));
      const option = list.children[place];
      if (option) {
        input.setAttribute("aria-activedescendant", option.id);
        option.scrollIntoView({ block: "nearest" });
      } else input.removeAttribute("aria-activedescendant");
    };
    const close = () => {
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
      mark(-1);
    };
    const open = () => {
      const text = input.value.trim();
      shown = options(text).filter(({ value }) => !chosen.includes(value));
      list.replaceChildren(...shown.map((option, place) =>
        element("li", {
          id: `${id}-${place}`, role: "option", "aria-selected": "false",
          onmousedown: (event) => event.preventDefault(),
          onclick: () => take(place),
        }, element("span", {}, option.label ?? option.value), element("small", {}, option.note ?? ""))));
      list.hidden = shown.length === 0;
      input.setAttribute("aria-expanded", String(shown.length > 0));
      mark(text && shown.length ? 0 : -1);
    };
    const take = (place) => {
      const option = shown[place];
      if (!option) return;
      input.value = "";
      close();
      onchange([...new Set([...chosen, ...[option.value].flat()])]);
    };
    /** Who leaves a text behind asks for what is called so, or for the one thing that it can be. */
    const leave = () => {
      const text = input.value.trim().toLowerCase();
      const exact = shown.findIndex(({ value }) => String(value).toLowerCase() === text);
      if (text && (exact >= 0 || shown.length === 1)) take(Math.max(exact, 0));
      else close();
    };
    input.addEventListener("input", open);
    input.addEventListener("click", open);
    input.addEventListener("blur", leave);
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) open();
        if (shown.length) {
          const step = event.key === "ArrowDown" ? 1 : -1;
          mark((Math.max(active, step > 0 ? -1 : 0) + step + shown.length) % shown.length);
        }
      } else if (event.key === "Enter") {
        event.preventDefault();
        if (list.hidden && input.value.trim()) open();
        if (!list.hidden) take(Math.max(active, 0));
      } else if (event.key === "Escape") {
        // Nothing is offered any more: who goes on leaves the text, and asks for nothing.
        shown = [];
        close();
      } else if (event.key === "Backspace" && input.value === "" && chosen.length) {
        onchange(chosen.slice(0, -1));
      }
    });
    return {
      root,
      input,
      set: (values, disabled = false) => {
        chosen = values;
        input.disabled = disabled;
        root.classList.toggle("off", disabled);
        chips.replaceChildren(...values.map((value, place) =>
          element("li", { class: "chip" },
            element("span", {}, value), element("small", {}, describe?.(value) ?? ""),
            element("button", {
              type: "button", "aria-label": `Remove ${value}`, disabled,
              onclick: () => {
                onchange(values.filter((_, at) => at !== place));
                input.focus();
              },
            }, "×"))));
        chips.hidden = values.length === 0;
      },
    };
  };

  /** Tabs. `items`: `{key, label, content()}`; `onchange` hears of a key that was chosen. */
  axle.tabs = (label, items, selected, onchange) => {
    const id = axle.identity("tabs");
    const panel = element("div", { id: `${id}-panel`, role: "tabpanel", class: "panel" });
    const tabs = items.map((item, place) =>
      element("button", {
        type: "button", role: "tab", id: `${id}-${place}`, "aria-controls": `${id}-panel`, class: item.class,
        onclick: () => {
          show(place);
          onchange?.(item.key);
        },
        onkeydown: (event) => {
          const steps = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: items.length - 1 };
          if (!(event.key in steps)) return;
          event.preventDefault();
          const next = (steps[event.key] + items.length) % items.length;
          show(next);
          tabs[next].focus();
          onchange?.(items[next].key);
        },
      }, item.label));
    const show = (place) => {
      tabs.forEach((tab, at) => {
        tab.setAttribute("aria-selected", String(at === place));
        tab.tabIndex = at === place ? 0 : -1;
      });
      panel.setAttribute("aria-labelledby", `${id}-${place}`);
      panel.replaceChildren(...[items[place].content()].flat());
    };
    show(Math.max(items.findIndex(({ key }) => key === selected), 0));
    return element("div", { class: "tabs" }, element("div", { role: "tablist", "aria-label": label }, tabs), panel);
  };

  /** A text to copy. */
  axle.copyable = (label, text) => {
    const button = element("button", { type: "button", class: "copy", "aria-label": `Copy: ${label}` }, "Copy");
    const block = element("pre", { class: text.includes("\n") ? null : "line", tabindex: "0", role: "region", "aria-label": label }, element("code", {}, text));
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        // Where there is no clipboard for pages, the old way selects and copies.
        getSelection().selectAllChildren(block);
        document.execCommand("copy");
      }
      button.textContent = "Copied";
      axle.say(`${label} copied`);
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    return element("div", { class: "copyable" }, block, button);
  };

  /** A region that scrolls sideways in itself, and so never the page. */
  axle.scroller = (label, ...children) =>
    element("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": label }, children);

  /** What the squares mean: `[class, name]`. */
  axle.legend = (entries) =>
    element("ul", { class: "legend", "aria-label": "What the squares mean" },
      entries.map(([kind, name]) => element("li", {}, element("span", { class: `square ${kind}`, "aria-hidden": "true" }), name)));

  axle.failed = (error) => element("p", { class: "failed", role: "alert" }, `This does not work: ${error.message ?? error}`);

  /** A badge that says how facts are known. */
  axle.provenance = (provenance) => {
    const words = {
      audited: "Read out of the bytes of this very file",
      sibling: "Read out of the bytes of the same version's file for another Python",
      declared: "Published, but the bytes were not read",
    };
    return provenance && element("span", { class: `badge ${provenance}`, title: words[provenance] }, provenance);
  };
})();
