/* The frame: which page is on, theme, language, small toggles. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});
  const root = document.documentElement;
  const cookie = (name) => (document.cookie.match("(?:^|; )" + name + "=([^;]*)") || [])[1] || "";
  const keep = (name, value) => { document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`; };

  function readWords() {
    const shell = document.getElementById("shell");
    if (!shell || twin.words) return;
    twin.words = JSON.parse(shell.dataset.words);
    twin.lang = shell.dataset.lang;
    if (twin.paint) twin.paint();
  }

  function theme(name) {
    if (root.dataset.theme === name) return;
    root.dataset.theme = name;
    document.dispatchEvent(new CustomEvent("twin:theme", { detail: name }));
  }

  /** Called by the frame's own callback when another page is shown. */
  twin.onRoute = function (route) {
    readWords();
    if (!route) return null;
    root.dataset.scale = route.scale;
    theme(route.scale === "wall" ? route.theme : cookie("theme") || route.theme);
    document.title = route.title;
    for (const item of document.querySelectorAll(".nav-i")) {
      const on = item.dataset.path === route.path;
      item.classList.toggle("on", on);
      on ? item.setAttribute("aria-current", "page") : item.removeAttribute("aria-current");
    }
    return route.path;
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-set-lang],[data-set-theme],[data-toggle]");
    if (!button) return;
    if (button.dataset.setLang) {
      keep("lang", button.dataset.setLang);
      const address = new URL(location.href);
      address.searchParams.delete("lang");
      location.assign(address);
    } else if (button.dataset.setTheme) {
      const next = button.dataset.setTheme === "next" ? (root.dataset.theme === "dark" ? "light" : "dark") : button.dataset.setTheme;
      keep("theme", next);
      theme(next);
    } else {
      const target = document.getElementById(button.dataset.toggle);
      if (target) {
        target.hidden = !target.hidden;
        button.setAttribute("aria-expanded", String(!target.hidden));
        window.dispatchEvent(new Event("resize"));
      }
    }
  });

  new MutationObserver(readWords).observe(root, { childList: true, subtree: true });
})();
