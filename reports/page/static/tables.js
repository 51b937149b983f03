"use strict";
// Sorting, filtering and paging with DataTables. Cells from JSON are rendered as text.
(() => {
  DataTable.ext.errMode = "throw";
  const named = (table) => {
    const search = table.closest(".dt-container")?.querySelector("input[type=search]");
    search?.setAttribute("aria-label", table.dataset.filter);
    search?.setAttribute("placeholder", table.dataset.filter);
  };
  const common = {
    autoWidth: false,
    order: [],
    language: { search: "", lengthMenu: "_MENU_ rows", emptyTable: "Nothing to show" },
    layout: { topStart: "search", topEnd: null, bottomStart: "info", bottomEnd: "paging" },
  };
  for (const table of document.querySelectorAll("table.board")) {
    new DataTable(table, { ...common, paging: false, info: false, layout: { ...common.layout, bottomStart: null, bottomEnd: null } });
    named(table);
  }
  const runs = document.getElementById("all-runs");
  if (runs) {
    new DataTable(runs, { ...common, pageLength: 25, layout: { ...common.layout, topEnd: "pageLength" } });
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
      { data: "score", render: text, className: "number", defaultContent: "" },
    ];
    if (withSound) {
      columns.push({ data: "sound", render: (sound) => (sound ? "1" : "0"), createdCell: player, searchable: false });
    }
    const table = new DataTable(predictions, {
      ...common,
      data: rows,
      columns,
      createdRow: (row, answer) => row.classList.toggle("wrong", !answer.right),
      pageLength: 25,
      layout: { ...common.layout, topEnd: "pageLength" },
    });
    named(predictions);
    document.getElementById("only-wrong").addEventListener("change", (event) => {
      table.column(3).search(event.target.checked ? "no" : "", { exact: true }).draw();
    });
  }
})();
