/* What this page asks its server, and what is done when no answer comes, or a refusal. A person who pressed something
   is told; what is shown is asked for again as soon as the link is up. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});
  const NOTE = "asked-note", BY_ITSELF = /^(revision\.data|[^.]+\.n_intervals|)$/, AGAIN_MS = 5000;
  const SLOW_MS = 2500, LONGEST_MS = 120e3; // said from here on; given up
  const fetched = window.fetch.bind(window);
  let lost = false, unshown = false, rung = 0;

  /** What rang a callback, and whether its answer is the content of a page. */
  function about(options) {
    try {
      const body = JSON.parse(options.body), rang = body.changedPropIds || [];
      return { person: rang.some((prop) => !BY_ITSELF.test(prop)), page: body.output.includes("content.children") };
    } catch {
      return { person: false, page: false };
    }
  }

  window.fetch = function (what, options) {
    const url = typeof what === "string" ? what : what.url || String(what);
    if (!url.includes("_dash-update-component")) return fetched(what, options);
    const it = about(options || {});
    return patiently(what, options, it.person).then(
      (answer) => {
        if (answer.status === 401) say("signin");
        else if (answer.status >= 500) missed(it);
        else if (it.person) say("");
        return answer;
      },
      () => {
        missed(it);
        // as if nothing were to change: of a request that failed Dash forgets to undo what it set meanwhile, and a
        // form that was made busy would stay so
        return new Response(null, { status: 204 });
      },
    );
  };

  /** Ask, and say how long a person has been waiting. */
  function patiently(what, options, person) {
    const stop = new AbortController(), begun = performance.now();
    const slow = setInterval(() => {
      const gone = performance.now() - begun;
      if (gone > LONGEST_MS) stop.abort();
      else if (person && gone > SLOW_MS) say("pending", { n: Math.floor(gone / 1000) });
    }, 1000);
    return fetched(what, { ...options, signal: stop.signal }).finally(() => clearInterval(slow));
  }

  /* Files: a browser would save the sign-in page, or an error, under the file's name, and say nothing. */
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[download][href^="/"], a[href^="/export/"]');
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    file(link.getAttribute("href")).catch(() => say("unanswered"));
  });

  async function file(address) {
    const answer = await patiently(address, { headers: { accept: "*/*" } }, true);
    if (answer.status === 401) return say("signin");
    if (answer.status >= 500) return say("unanswered");
    if (!answer.ok) return say("refused", { why: (await answer.json().catch(() => ({}))).error || answer.status });
    const save = document.createElement("a"), named = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") || "");
    save.href = URL.createObjectURL(await answer.blob());
    save.download = named ? named[1] : address.split("/").pop().split("?")[0];
    save.click();
    setTimeout(() => URL.revokeObjectURL(save.href), 60000);
    say("");
  }

  function missed({ person, page }) {
    lost = true;
    unshown = unshown || page;
    if (person && document.documentElement.dataset.scale !== "wall") say("unanswered");
  }

  function say(key, values) {
    const note = document.getElementById(NOTE);
    if (!note || !twin.words || (!key && !note.firstChild)) return;
    if (!key) return note.replaceChildren();
    const text = document.createElement("span");
    text.textContent = twin.fill(twin.words[key], values || {});
    note.replaceChildren(text, ...(key === "signin" ? [way()] : key === "pending" ? [] : [closing(note)]));
  }
  twin.say = say;

  function way() {
    const link = document.createElement("a");
    link.className = "btn s";
    link.textContent = twin.words["signin.go"];
    link.href = "/login?next=" + encodeURIComponent(location.pathname + location.search);
    return link;
  }

  function closing(note) {
    const close = document.createElement("button");
    close.textContent = "×";
    close.className = "icon-btn";
    close.title = twin.words["park.close"];
    close.onclick = () => note.replaceChildren();
    return close;
  }

  /** Ask for what is shown again. */
  function again() {
    if (!window.dash_clientside || !document.getElementById("shell")) return;
    rung = Date.now();
    lost = false;
    const { live } = twin;
    window.dash_clientside.set_props("revision", { data: { revision: live.kpi && live.kpi.revision, incidents: live.incidents, again: rung } });
  }

  /** Load a page that was asked for and never came; nothing on it can be lost. Not while nobody is there to load from. */
  function load() {
    rung = Date.now();
    fetched("/healthz", { cache: "no-store" }).then((answer) => { if (answer.ok) location.reload(); }).catch(() => {});
  }

  setInterval(() => {
    if (!twin.live || twin.live.stale || Date.now() - rung < AGAIN_MS) return;
    if (lost && unshown) load();
    else if (lost || document.querySelector("[data-again]")) again();
  }, 1000);
})();
