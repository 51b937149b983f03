"use strict";
// Sorting, filtering and paging with DataTables. Cells from JSON are rendered as text.
(() => {
  DataTable.ext.errMode = "throw";
  // Numbers, with what is missing last whichever way they are sorted.
  const present = (sign) => (a, b) => {
    if (a === b) return 0;
    if (a === "" || a === null) return 1;
    if (b === "" || b === null) return -1;
    return sign * (Number(a) - Number(b));
  };
  DataTable.type("present", {
    className: "dt-type-numeric",
    detect: () => false,
    order: { asc: present(1), desc: present(-1) },
  });
  const common = {
    autoWidth: false,
    order: [],
    columnDefs: [{ targets: "number", type: "present" }],
    language: { search: "", lengthMenu: "_MENU_ rows", emptyTable: "Nothing to show" },
    layout: { topStart: "search", topEnd: "pageLength", bottomStart: "info", bottomEnd: "paging" },
  };
  // What scrolls is the table alone: its search stays in sight.
  const named = (table) => {
    const outer = table.closest(".scroll");
    const inner = table.closest(".dt-layout-table");
    for (const name of ["tabindex", "role", "aria-label"]) {
      inner.setAttribute(name, outer.getAttribute(name));
      outer.removeAttribute(name);
    }
    const search = table.closest(".dt-container").querySelector("input[type=search]");
    search?.setAttribute("aria-label", table.dataset.filter);
    search?.setAttribute("placeholder", table.dataset.filter);
  };

  const boards = [...document.querySelectorAll("table.board")].map((table) => {
    const nothing = { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null };
    const made = new DataTable(table, { ...common, paging: false, layout: nothing });
    named(table);
    return made;
  });
  const filter = document.getElementById("board-filter");
  filter?.addEventListener("input", () => boards.forEach((board) => board.search(filter.value).draw()));
  const costs = document.getElementById("costs");
  const showCosts = () => boards.forEach((board) => board.columns(".cost").visible(costs.checked));
  costs?.addEventListener("change", showCosts);
  if (costs) showCosts();

  const runs = document.getElementById("all-runs");
  if (runs) {
    new DataTable(runs, { ...common, pageLength: 25 });
    named(runs);
  }

  const predictions = document.getElementById("prediction-table");
  if (predictions) {
    const rows = JSON.parse(document.getElementById("prediction-data").textContent);
    const text = DataTable.render.text();
    const withSound = rows.some((row) => row.sound);
    const player = (cell, _, row) => {
      cell.textContent = "";
      if (!row.sound) return;
      const audio = document.createElement("audio");
      audio.controls = true;
      audio.preload = "none";
      audio.src = `../${row.sound}`;
      audio.setAttribute("aria-label", `Sound of ${row.id}`);
      cell.append(audio);
    };
    const columns = [
      { data: "id", render: text },
      { data: "reference", render: text },
      { data: "hypothesis", render: text },
      { data: "right", render: (right) => (right ? "yes" : "no") },
      {
        data: "score",
        className: "number",
        render: (score, kind) => (score === null ? "" : kind === "display" ? score.toFixed(3) : score),
      },
    ];
    if (withSound) {
      columns.push({
        data: "sound",
        type: "string",
        render: (sound) => (sound ? "1" : "0"),
        createdCell: player,
        searchable: false,
      });
    }
    const table = new DataTable(predictions, {
      ...common,
      data: rows,
      columns,
      createdRow: (row, answer) => row.classList.toggle("wrong", !answer.right),
      deferRender: true,
      pageLength: 25,
    });
    named(predictions);
    document.getElementById("only-wrong").addEventListener("change", (event) => {
      table.column(3).search(event.target.checked ? "no" : "", { exact: true }).draw();
    });
  }
})();
