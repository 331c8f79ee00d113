"use strict";
(function () {
  const byId = (id) => document.getElementById(id);

  const table = byId("asset-table");
  if (table) {
    const rows = Array.from(table.tBodies[0].rows, (row) => ({ row, text: row.textContent.toLowerCase() }));
    const words = byId("words"), outcome = byId("outcome"), found = byId("found");
    const narrow = () => {
      const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
      const cells = wanted.filter((word) => word.startsWith("#"));
      const parts = wanted.filter((word) => !word.startsWith("#"));
      let shown = 0;
      for (const { row, text } of rows) {
        const fits = (!outcome.value || row.dataset.outcome === outcome.value)
          && parts.every((word) => text.includes(word))
          && cells.every((word) => row.cells[3].textContent === word);
        row.hidden = !fits;
        shown += fits;
      }
      found.textContent = shown.toLocaleString("en") + " of " + rows.length.toLocaleString("en");
    };
    words.addEventListener("input", narrow);
    outcome.addEventListener("change", narrow);
    byId("search").addEventListener("submit", (event) => event.preventDefault());
    byId("search").hidden = false;
    narrow();
  }

  const chart = byId("chart");
  if (chart) {
    const drawing = chart.querySelector("svg"), names = drawing.querySelectorAll(".slot");
    const labels = Array.from(drawing.querySelectorAll(".bar > text"),
      (text) => ({ text, long: text.dataset.long, short: text.textContent }));
    let zoom = 1;
    const label = () => {
      const widths = labels.map(({ text }) => text.parentNode.querySelector("rect").getBoundingClientRect().width);
      labels.forEach(({ text, long, short }, at) => {
        const fits = (word) => word.length * 7 + 3 <= widths[at];
        text.textContent = fits(long) ? long : fits(short) ? short : "";
      });
    };
    const keepNames = () => names.forEach((name) => name.setAttribute("x", chart.scrollLeft + 4));
    const zoomTo = (wanted, at) => {
      const next = Math.min(64, Math.max(1, wanted));
      const middle = at === undefined ? chart.clientWidth / 2 : at;
      const held = (chart.scrollLeft + middle) / drawing.clientWidth;
      zoom = next;
      drawing.style.setProperty("--zoom", zoom);
      drawing.dataset.level = zoom >= 16 ? 2 : zoom >= 4 ? 1 : 0;
      chart.scrollLeft = held * drawing.clientWidth - middle;
      byId("zoom-at").textContent = zoom + " ×";
      keepNames();
      label();
    };
    byId("zoom").hidden = false;
    byId("zoom").addEventListener("click", (event) => {
      const how = event.target.dataset.zoom;
      if (how) zoomTo(how === "in" ? zoom * 2 : how === "out" ? zoom / 2 : 1);
    });
    chart.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "+" || event.key === "=") zoomTo(zoom * 2);
      else if (event.key === "-") zoomTo(zoom / 2);
      else if (event.key === "0") zoomTo(1);
      else return;
      event.preventDefault();
    });
    chart.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoomTo(event.deltaY < 0 ? zoom * 2 : zoom / 2, event.clientX - chart.getBoundingClientRect().left);
    }, { passive: false });
    chart.addEventListener("scroll", keepNames, { passive: true });
    addEventListener("resize", label, { passive: true });
    keepNames();
    label();
  }

  addEventListener("beforeprint", () => document.querySelectorAll("details:not([open])").forEach((each) => {
    each.open = true;
    each.dataset.closed = "";
  }));
  addEventListener("afterprint", () => document.querySelectorAll("[data-closed]").forEach((each) => {
    each.open = false;
    delete each.dataset.closed;
  }));
})();
