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
    told();
  }

  function theme(name) {
    if (root.dataset.theme === name) return;
    root.dataset.theme = name;
    document.dispatchEvent(new CustomEvent("twin:theme", { detail: name }));
  }

  /** The id of the button that rang the present callback, null where none was clicked: as `pages.clicked`. */
  twin.clicked = function () {
    const { triggered, triggered_id: id } = window.dash_clientside.callback_context;
    return triggered.length && triggered[0].value ? id : null;
  };

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
    dispatchEvent(new Event("twin:route"));
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

  /* Another version of the park. A wall, which nobody touches, loads itself again; whoever works at a desk keeps
     what is typed and open: the map is drawn anew, and a line says so until it is closed. */
  const SAY = "park-renewed";
  function renewed(version) {
    const note = document.getElementById("park-note");
    if (!note || !twin.words) return;
    const text = document.createElement("span"), again = document.createElement("button"), close = document.createElement("button");
    text.textContent = twin.fill(twin.words["park.new"], { v: version });
    again.textContent = twin.words["park.again"];
    again.className = "btn s";
    again.onclick = () => location.reload();
    close.textContent = "×";
    close.className = "icon-btn";
    close.title = twin.words["park.close"];
    close.onclick = () => note.replaceChildren();
    note.replaceChildren(text, ...(root.dataset.scale === "wall" ? [] : [again, close]));
    if (root.dataset.scale === "wall") setTimeout(() => note.replaceChildren(), 60000);
  }
  function told() {
    const version = twin.words && document.getElementById("park-note") && sessionStorage.getItem(SAY);
    if (!version) return;
    sessionStorage.removeItem(SAY);
    renewed(version);
  }
  if (twin.live) twin.live.on((kind, message) => {
    if (kind !== "park") return;
    if (root.dataset.scale !== "wall") return renewed(message.now);
    sessionStorage.setItem(SAY, message.now);
    location.reload();
  });

  new MutationObserver(readWords).observe(root, { childList: true, subtree: true });
})();
