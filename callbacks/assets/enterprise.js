/* The enterprise table: how its cells are drawn, and what a choice of a row does. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});
  const cells = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});
  const words = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});
  const make = (...args) => window.React.createElement(...args);

  cells.EnLevel = (props) =>
    make("i", { className: "lv", "data-lv": props.data.word, role: "img", "aria-label": props.data.says, title: props.data.says });

  cells.EnLoad = function (props) {
    const value = props.value;
    if (value === null || value === undefined) return make("span", { className: "en-none" }, props.data.none);
    const width = Math.min(value / 130, 1) * 100 + "%";
    return make("span", { className: "en-ld" },
      make("span", { className: "en-bar" },
        make("i", { className: "b-" + props.data.codLevel, style: { width } }), make("s", null)),
      make("b", null, twin.number(value, 0)));
  };

  words.EnShow = (value, decimals) => (value === null || value === undefined ? "—" : twin.number(value, decimals || 0));

  const narrow = matchMedia("(max-width: 1279px)"), finger = matchMedia("(pointer: coarse)");
  const WIDE_ONLY = ["trade", "sent"]; // columns for which a tablet has no room

  function look() {
    return {
      rowHeight: finger.matches ? 44 : 31, headerHeight: finger.matches ? 44 : 30,
      backgroundColor: "var(--surface-1)", foregroundColor: "var(--text-1)", headerBackgroundColor: "var(--surface-2)",
      headerTextColor: "var(--text-3)", borderColor: "var(--line-1)", rowHoverColor: "var(--surface-2)",
      selectedRowBackgroundColor: "var(--accent-soft)", fontFamily: "inherit", fontSize: 13, headerFontSize: 12,
      headerFontWeight: 400, wrapperBorder: false, columnBorder: false, spacing: 5, cellHorizontalPadding: 7,
      accentColor: "var(--accent)", browserColorScheme: "inherit", headerColumnResizeHandleColor: "transparent",
      rowBorder: { color: "var(--line-1)" }, wrapperBorderRadius: 0,
    };
  }
  words.EnLook = look;

  function fit(grid) {
    const api = grid.querySelector(".ag-row") && window.dash_ag_grid && window.dash_ag_grid.getApi(grid.id);
    if (!api) return;
    api.setColumnsVisible(WIDE_ONLY, !narrow.matches);
    grid.dataset.narrow = narrow.matches;
  }

  /* The row of the enterprise on screen, however it came there. The table builds its rows anew as it scrolls. */
  setInterval(function () {
    const grid = document.querySelector(".en-grid"), shown = document.querySelector(".eh");
    if (grid && grid.dataset.narrow !== String(narrow.matches)) fit(grid);
    if (!grid || !shown) return;
    for (const row of grid.querySelectorAll(".ag-row"))
      row.classList.toggle("is-shown", row.getAttribute("row-id") === shown.dataset.id);
  }, 300);

  twin.enterprise = {
    view(name) {
      const at = new URL(location.href);
      if (name === "all") at.searchParams.set("view", "all");
      else at.searchParams.delete("view");
      history.replaceState(history.state, "", at.pathname + at.search);
      return name;
    },
    pick(rows) {
      if (!rows || !rows.length) return window.dash_clientside.no_update;
      const id = rows[0].id, shown = document.querySelector(".eh");
      if (shown && shown.dataset.id === id) return window.dash_clientside.no_update;
      history.replaceState(history.state, "", "/enterprise/" + id + location.search);
      return id;
    },
  };
})();
