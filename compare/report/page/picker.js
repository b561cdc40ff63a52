"use strict";
// The matrices of the step that the reader picks. Everything is set as text, nothing as markup.
(() => {
  const { deltas, sides } = JSON.parse(document.getElementById("numbers").textContent);
  const steps = Object.keys(deltas).map(Number).sort((a, b) => a - b);
  const input = document.getElementById("step"), output = document.getElementById("picked"), place = document.getElementById("matrices");

  const element = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  };

  const table = (caption, rows, isShare, header) => {
    const made = element("table");
    made.append(element("caption", caption));
    if (header) {
      const head = element("tr");
      for (const text of header) { const cell = element("th", text); cell.scope = "col"; head.append(cell); }
      made.append(element("thead"));
      made.tHead.append(head);
    }
    const body = element("tbody");
    for (const row of rows) {
      const line = element("tr");
      row.forEach((text, at) => line.append(element("td", text, (header ? at === row.length - 1 : isShare) && !(Number(text) <= 1) ? "beyond" : "")));
      body.append(line);
    }
    made.append(body);
    const place = element("div", undefined, "scroll");      // a wide matrix scrolls by itself, also by keyboard
    place.tabIndex = 0;
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", caption);
    place.append(made);
    return place;
  };

  const show = () => {
    const step = steps[Number(input.value)];
    output.textContent = step;
    input.setAttribute("aria-valuetext", `step ${step}`);
    place.replaceChildren();
    for (const { name, shape, rows, entries } of deltas[step]) {
      const group = element("div", undefined, "matrices");
      if (rows) {
        [...sides, "share"].forEach((title, at) => group.append(table(`Δ ${name} ${shape.join(" × ")}: ${title}`, rows[at], title === "share")));
      } else {
        const lines = entries.map(([index, ...values]) => [index.join(", "), ...values]);
        group.append(table(`Δ ${name} ${shape.join(" × ")}: the entries nearest to their bounds`, lines, false, ["index", ...sides, "share"]));
      }
      place.append(group);
    }
  };

  input.addEventListener("input", show);
  show();
})();
