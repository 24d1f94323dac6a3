/* The desk's sheets: Escape closes the one that is open, and gives the focus back to the button that opened it. */
(function () {
  "use strict";
  document.addEventListener("keydown", (event) => {
    const sheet = event.key === "Escape" && !event.defaultPrevented && document.querySelector(".em-sheet:not([hidden])");
    // what was opened last closes first: a note, the tour, a list of choices
    if (!sheet || document.querySelector("#about-note:not([hidden]), #guide:not([hidden]), [data-radix-popper-content-wrapper]")) return;
    const tools = [...document.querySelectorAll(".em-tools .btn")], n = [...document.querySelectorAll(".em-sheet")].indexOf(sheet);
    sheet.querySelector(".em-x").click();
    if (tools[n]) tools[n].focus();
  }, true);
})();
