/* Question marks of panels, and the guided first visit: who has not been here is invited, never covered up. */
(function () {
  "use strict";
  const root = document.documentElement;
  const seen = () => /(?:^|; )guide=1/.test(document.cookie);
  let open = null, step = 0;

  /* what a panel shows: one note at a time, beside its question mark */
  function note() {
    let it = document.getElementById("about-note");
    if (!it) {
      it = document.createElement("p");
      it.id = "about-note";
      it.className = "about-note";
      it.setAttribute("role", "note");
      document.body.append(it);
    }
    return it;
  }
  function close() {
    if (!open) return;
    open.setAttribute("aria-expanded", "false");
    note().hidden = true;
    open = null;
  }
  function tell(button) {
    const again = button === open;
    close();
    if (again) return;
    const it = note(), at = button.getBoundingClientRect();
    it.textContent = button.dataset.about;
    it.hidden = false;
    const left = Math.max(8, Math.min(at.left, innerWidth - it.offsetWidth - 8));
    const below = at.bottom + 6 + it.offsetHeight < innerHeight;
    it.style.left = left + "px";
    it.style.top = (below ? at.bottom + 6 : Math.max(8, at.top - it.offsetHeight - 6)) + "px";
    button.setAttribute("aria-expanded", "true");
    button.setAttribute("aria-describedby", it.id);
    open = button;
  }

  /* the tour */
  const card = () => document.getElementById("guide");
  function light(selector) {
    for (const lit of document.querySelectorAll(".guide-lit")) lit.classList.remove("guide-lit");
    const target = selector && [...document.querySelectorAll(selector)].find((e) => e.offsetParent !== null);
    if (target) target.classList.add("guide-lit");
  }
  function show(to) {
    const it = card();
    if (!it) return;
    const steps = [...it.querySelectorAll(".guide-step")];
    step = Math.max(0, Math.min(to, steps.length - 1));
    it.hidden = false;
    steps.forEach((s, i) => { s.hidden = i !== step; });
    it.querySelector(".guide-n").textContent = `${step + 1} / ${steps.length}`;
    it.querySelector('[data-guide="back"]').disabled = step === 0;
    const next = it.querySelector('[data-guide="next"]');
    next.textContent = step === steps.length - 1 ? next.dataset.done : next.dataset.on;
    it.querySelector(".guide-keys").hidden = step !== steps.length - 1;
    light(steps[step].dataset.at);
  }
  function leave() {
    const it = card();
    if (it) it.hidden = true;
    light("");
    document.cookie = "guide=1; path=/; max-age=31536000; samesite=lax";
    root.classList.remove("first-visit");
  }
  function press(way) {
    const it = card();
    if (!it) return;
    if (way === "") return it.hidden ? show(0) : leave();
    if (way === "back") return show(step - 1);
    if (way === "next" && step < it.querySelectorAll(".guide-step").length - 1) return show(step + 1);
    leave();
  }

  document.addEventListener("click", (event) => {
    const about = event.target.closest("[data-about]"), guide = event.target.closest("[data-guide]");
    if (about) { event.stopPropagation(); return tell(about); }
    close();
    if (guide) press(guide.dataset.guide);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { close(); if (card() && !card().hidden) leave(); return; }
    if (event.key !== "?" || root.dataset.scale === "wall") return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable) return;
    event.preventDefault();
    press("");
  });
  addEventListener("scroll", close, true);
  addEventListener("resize", close);
  addEventListener("twin:route", () => {
    close();
    light("");
    root.classList.toggle("first-visit", !seen());
    if (root.dataset.scale === "wall" && card()) card().hidden = true;
  });
})();
