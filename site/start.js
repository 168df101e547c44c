"use strict";

// Shows the view that the address names, now and whenever it changes.
(() => {
  const axle = window.axle;
  let shown = null;

  const show = async () => {
    const { view, path, query } = axle.address();
    for (const link of document.querySelectorAll("nav [data-view]")) {
      if (link.dataset.view === view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    for (const name of Object.keys(axle.views)) document.getElementById(name).hidden = name !== view;
    const section = document.getElementById(view);
    if (shown !== null && shown !== view) {
      section.querySelector("h1").focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    shown = view;
    document.title = `${axle.views[view].title} · axle`;
    try {
      await axle.views[view].show(section, path, query);
    } catch (error) {
      section.querySelector("[data-content], .answer, .holding, .matrix, .toolkits").replaceChildren(axle.failed(error));
    }
  };

  // The address is taken for what is shown: this link must not change it.
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("main").focus();
  });
  addEventListener("hashchange", show);
  show();
})();
