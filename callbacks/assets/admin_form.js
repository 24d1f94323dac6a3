/* Fields and buttons of the administration tabs, and files on their way to the server.

   <div data-pick="list-id" data-name="role" data-value="node">   a native select; its options are the JSON
                                                                  [[value, word], ...] of #list-id's data-options,
                                                                  or of the element's own data-options
   <div data-box="text|password|number" data-name=".." data-value=".." data-hint="..">   a native input
   <button data-act="read" data-value="..">    in a [data-form="store-id"]: sends {act, value, fields, at} to that
                                               store, fields being every pick and box of the form by its name
   [data-now]                                  a pick that sends its form's act at once when it changes
   [data-drop]                                 in a [data-form]: files let go here go to data-drop, one by one */
(function () {
  "use strict";
  const mountPick = (box) => {
    const list = box.dataset.options || (document.getElementById(box.dataset.pick) || { dataset: {} }).dataset.options;
    const select = document.createElement("select");
    select.className = "field";
    select.setAttribute("aria-label", box.dataset.label || box.dataset.name);
    for (const [value, word] of JSON.parse(list || "[]")) {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = word;
      option.selected = value === (box.dataset.value || "");
      select.append(option);
    }
    box.append(select);
  };
  const mountBox = (box) => {
    const input = document.createElement("input");
    input.className = "field";
    input.type = box.dataset.box;
    if (input.type === "number") input.step = "any";
    input.value = box.dataset.value || "";
    input.placeholder = box.dataset.hint || "";
    input.autocomplete = "off";
    input.spellcheck = false;
    input.setAttribute("aria-label", box.dataset.label || box.dataset.name);
    box.append(input);
  };
  const mount = () => {
    for (const box of document.querySelectorAll("[data-pick]:empty")) mountPick(box);
    for (const box of document.querySelectorAll("[data-box]:empty")) mountBox(box);
  };
  new MutationObserver(mount).observe(document.documentElement, { childList: true, subtree: true });

  function send(element, act, value) {
    const form = element.closest("[data-form]"), signed = element.closest("[data-enter]"), fields = {};
    // a signature is read from beside its own button: a form may hold several
    for (const box of form.querySelectorAll("[data-pick],[data-box]")) {
      const input = box.querySelector("select,input"), near = box.closest("[data-enter]");
      if (input && (!near || near === signed)) fields[box.dataset.name] = input.value;
    }
    window.dash_clientside.set_props(form.dataset.form, { data: { act, value: value || "", fields, at: Date.now() } });
    for (const box of form.querySelectorAll('[data-box="password"] input')) box.value = "";
  }

  document.addEventListener("click", (event) => {
    const it = event.target.closest("[data-act]");
    if (!it || it.disabled || !it.closest("[data-form]")) return;
    if (it.tagName === "SUMMARY" || it.dataset.act === "files") return;
    send(it, it.dataset.act, it.dataset.value);
  });
  document.addEventListener("change", (event) => {
    const it = event.target.closest("[data-now]");
    if (it && it.closest("[data-form]")) send(it, it.dataset.now, it.dataset.name);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const row = event.target.closest && event.target.closest("tr[data-act]");
    if (row) { send(row, row.dataset.act, row.dataset.value); return; }
    const form = event.target.matches && event.target.matches("input") && event.target.closest("[data-form]");
    const button = form && event.target.closest("[data-enter]") && event.target.closest("[data-enter]").querySelector(".btn.p");
    if (button && !button.disabled) button.click();
  });

  /* ---- files ---- */
  const entries = async (items) => {
    const found = [];
    const walk = async (entry, path) => {
      if (entry.isFile) found.push([path + entry.name, await new Promise((ok, no) => entry.file(ok, no))]);
      else {
        const reader = entry.createReader();
        for (;;) {
          const part = await new Promise((ok, no) => reader.readEntries(ok, no));
          if (!part.length) break;
          for (const it of part) await walk(it, path + entry.name + "/");
        }
      }
    };
    const roots = [...items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
    for (const root of roots) await walk(root, "");
    return found;
  };

  function put(url, name, file, line) {
    return new Promise((done) => {
      const call = new XMLHttpRequest();
      call.open("PUT", `${url}?name=${encodeURIComponent(name)}&changed=${file.lastModified || 0}`);
      call.upload.onprogress = (e) => { line.querySelector("i").style.width = `${(100 * e.loaded) / Math.max(e.total, 1)}%`; };
      const end = (text) => { if (text) { line.classList.add("no"); line.querySelector("em").textContent = text; } else line.remove(); done(!text); };
      call.onload = () => {
        if (call.status === 200) { end(""); return; }
        let said = {};
        try { said = JSON.parse(call.responseText); } catch { /* a proxy's own page */ }
        end(said[document.documentElement.lang.startsWith("en") ? "en" : "zh"] || `HTTP ${call.status}`);
      };
      call.onerror = () => end("×");
      line.querySelector("button").onclick = () => { call.abort(); end("×"); line.remove(); };
      call.send(file);
    });
  }

  async function take(zone, files) {
    const form = zone.closest("[data-form]"), list = form.querySelector("[data-coming]");
    list.replaceChildren();
    const waiting = files.filter(([name]) => !name.split("/").some((p) => p.startsWith(".") || p === "__MACOSX"));
    for (const [name, file] of waiting) {
      const line = document.createElement("li");
      line.innerHTML = "<b></b><span class='bar'><i></i></span><em></em><button type='button' class='x'>×</button>";
      line.querySelector("b").textContent = name;
      list.append(line);
      await put(zone.dataset.drop, name, file, line);
    }
    send(zone, "uploaded", String(waiting.length));
  }

  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!input.matches || !input.matches("[data-drop] input[type=file]")) return;
    take(input.closest("[data-drop]"), [...input.files].map((f) => [f.webkitRelativePath || f.name, f]));
    input.value = "";
  });
  const zoneOf = (event) => event.target.closest && event.target.closest("[data-drop]");
  document.addEventListener("dragover", (event) => {
    const zone = zoneOf(event);
    if (!zone) return;
    event.preventDefault();
    zone.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => { const zone = zoneOf(event); if (zone) zone.classList.remove("over"); });
  document.addEventListener("drop", async (event) => {
    const zone = zoneOf(event);
    if (!zone) return;
    event.preventDefault();
    zone.classList.remove("over");
    take(zone, await entries(event.dataTransfer.items));
  });
  const chooser = () => {
    for (const zone of document.querySelectorAll("[data-drop] [data-choose]:empty")) {
      const input = document.createElement("input");
      input.type = "file";
      input.multiple = true;
      if (zone.dataset.choose === "folder") input.webkitdirectory = true;
      input.setAttribute("aria-label", zone.dataset.label);
      const word = document.createElement("span");
      word.textContent = zone.dataset.label;
      zone.append(word, input);
    }
    // Dash's own upload gives its input no name.
    for (const input of document.querySelectorAll("input[type=file]:not([aria-label])")) {
      const around = input.parentElement;
      input.setAttribute("aria-label", (around.querySelector("button") || around).textContent.trim());
    }
  };
  new MutationObserver(chooser).observe(document.documentElement, { childList: true, subtree: true });
})();
