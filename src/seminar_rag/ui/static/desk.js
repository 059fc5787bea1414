// What the desk does by itself: folds stay as they were when Gradio patches the HTML they are in,
// the dialog to rename opens, and a session that has ended leads back to the password.
(() => {
  "use strict";
  const folds = new Map();
  try {
    localStorage.setItem("seminar:desk", "yes"); // the chat then shows this browser the way here
  } catch { /* nothing is kept */ }

  document.addEventListener(
    "toggle",
    (event) => {
      const key = event.target.dataset?.key;
      if (key) folds.set(key, event.target.open);
    },
    true,
  );
  new MutationObserver(() => {
    for (const fold of document.querySelectorAll("details[data-key]")) {
      const open = folds.get(fold.dataset.key);
      if (open !== undefined && fold.open !== open) fold.open = open;
    }
  }).observe(document.documentElement, { childList: true, subtree: true });

  // The reading list and the page's text lead to each other: an entry that is opened shows its lines,
  // and a line opens its entry.
  document.addEventListener(
    "toggle",
    ({ target: fold }) => {
      const id = fold.open && fold.matches?.(".listed > details") && fold.querySelector("form").dataset.reading;
      const text = document.querySelector(".page-text");
      if (!id || !text) return;
      const lines = [...text.querySelectorAll("[data-of]")];
      const own = lines.filter((line) => line.dataset.of.split(" ").includes(id));
      for (const line of lines) line.classList.toggle("here", own.includes(line));
      if (own.length) text.scrollTop += own[0].getBoundingClientRect().top - text.getBoundingClientRect().top - 80;
    },
    true,
  );
  document.addEventListener("click", ({ target }) => {
    const [id] = target.closest?.(".page-text [data-of]")?.dataset.of.split(" ") ?? [];
    const fold = id && document.querySelector(`form[data-reading="${CSS.escape(id)}"]`)?.closest(".listed > details");
    if (!fold) return;
    const only = document.getElementById("only-doubtful");
    if (only?.checked && !fold.closest(".doubtful")) only.checked = false;
    fold.open = true;
    fold.scrollIntoView({ block: "center" });
  });

  // An entry's list of sessions is filled when it is needed: all of all entries would be thousands.
  document.addEventListener("focusin", (event) => {
    const choice = event.target.closest?.(".entry-form [name='session']");
    const options = document.getElementById("session-options");
    if (!choice || choice.options.length > 1 || !options) return;
    const now = choice.value;
    choice.replaceChildren(options.content.cloneNode(true));
    choice.value = now;
  });

  // A part of the page sends what a button of it says and its form holds: a `Form`.
  window.desk = {
    listen(element, trigger) {
      const send = ({ act, what, other }, form) => {
        const said = Object.entries({ act, what, other }).filter(([, value]) => value !== undefined);
        trigger("submit", { ...(form && Object.fromEntries(new FormData(form))), ...Object.fromEntries(said) });
      };
      element.addEventListener("click", (event) => {
        const button = event.target.closest("button[type='button'][data-act]");
        if (button) send(button.dataset);
      });
      element.addEventListener("submit", (event) => {
        const form = event.target;
        if (form.method !== "dialog") event.preventDefault();
        // Enter presses the first button of the form, also in the field for the second of two readings.
        const entered = event.submitter === form.querySelector("[type='submit']");
        const splits = entered && form.elements.second === document.activeElement;
        const button = splits ? form.querySelector("[data-act='split']") : event.submitter;
        if (button?.dataset.act) send(button.dataset, form);
      });
    },
  };

  const open_dialog = (id, title, what) => {
    const dialog = document.getElementById(id);
    if (!dialog) return;
    const [named, input] = ["what", "title"].map((name) => dialog.querySelector(`[name='${name}']`));
    if (named) named.value = what;
    input.value = title;
    dialog.showModal();
    input.focus();
    input.setSelectionRange(0, title.length, "backward"); // its beginning is in sight
  };
  // The session of a line is that of the entry that stands before it on the page.
  const session_before = (line) => {
    for (let at = line; at; at = at.previousElementSibling) {
      const id = at.dataset.of?.split(" ").at(-1);
      const form = id && document.querySelector(`form[data-reading="${CSS.escape(id)}"]`);
      if (form) return form.elements.session.value;
    }
  };
  document.addEventListener("click", (event) => {
    const rename = event.target.closest?.("[data-rename]")?.dataset;
    const line = event.target.closest?.("[data-line]");
    if (rename) open_dialog("rename-dialog", rename.title, rename.rename);
    if (!line) return;
    open_dialog("line-dialog", line.dataset.line.slice(0, 400));
    const session = session_before(line.closest("li"));
    if (session) document.querySelector("#line-dialog [name='session']").value = session;
  });

  document.addEventListener("click", ({ target }) => {
    const tab = target.closest?.("[data-open]")?.dataset.open;
    const tabs = [...document.querySelectorAll("#desk-views [role='tab']")];
    if (tab) tabs.find((one) => one.textContent.trim() === tab)?.click();
    // What the model takes for the title is put into the field; the instructor saves it, or does not.
    const title = target.closest?.("[data-title-of]")?.dataset.titleOf;
    const field = title && target.closest("form").elements.title;
    if (!field) return;
    field.value = title;
    field.focus();
  });

  // Messages: the last one alone is shown. What was done goes by itself, what went wrong stays until
  // it is closed.
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-dismiss], .toast [data-act]")) event.target.closest(".toast").remove();
  });
  new MutationObserver(() => {
    const said = document.querySelector(".toast:not([data-seen])");
    if (!said) return;
    document.querySelectorAll(".toast[data-seen]").forEach((one) => one.remove());
    said.dataset.seen = "";
    if (said.matches(".fine")) setTimeout(() => said.remove(), 20_000);
  }).observe(document.documentElement, { childList: true, subtree: true });
  function tell(text, bad, undo = "") {
    const [line, close] = [document.createElement("p"), document.createElement("button")];
    Object.assign(line, { id: "told", className: `toast ${bad ? "problem" : "fine"}` });
    line.setAttribute("role", bad ? "alert" : "status");
    line.append(Object.assign(document.createElement("span"), { textContent: text }), close);
    if (undo) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "act", textContent: "Undo" });
      button.addEventListener("click", () => {
        const form = new FormData();
        form.append("what", undo);
        send("undo", form);
      });
      close.before(button);
    }
    Object.assign(close, { type: "button", className: "act", textContent: "✕", ariaLabel: "Close this message" });
    close.dataset.dismiss = "";
    (document.querySelector("#desk-views") ?? document.body).append(line);
  }

  // Files: dropped on a reading or chosen for it, they are its text; dropped elsewhere, each goes to
  // the reading that it is.
  async function send(path, form) {
    const doing = { files: "Adding the files …", page: "Reading the file …", place: "Putting it into the session …", undo: "Undoing …" };
    tell(doing[path], false);
    try {
      const answer = await fetch(path, { method: "POST", body: form });
      const told = await answer.json();
      tell(told.said, told.bad, told.undo);
    } catch {
      tell("The server did not answer. Try again.", true);
    }
    document.getElementById("refresh")?.click();
  }
  function add(files, reading, session = "") {
    const form = new FormData();
    for (const file of files) form.append("files", file);
    form.append("reading", reading);
    form.append("session", session);
    send("files", form);
  }
  // Asks for the session, where the course has any.
  function ask_session(then, needed) {
    const dialog = document.getElementById("place-dialog");
    if (!dialog || dialog.querySelectorAll("option").length < 2) return then("");
    const choice = dialog.querySelector("select");
    dialog.querySelector("[data-none]").hidden = needed;
    choice.value = needed ? choice.options[1].value : "";
    dialog.querySelector("form").onsubmit = () => then(choice.value);
    dialog.showModal();
  }
  function take(files, reading) {
    if (!files.length) return;
    if (reading) add(files, reading);
    else ask_session((session) => add(files, "", session), false);
  }
  document.addEventListener("click", (event) => {
    const chosen = event.target.closest?.("[data-attach]")?.dataset.attach;
    const loose = event.target.closest?.("[data-place]")?.dataset.place;
    if (event.target.closest?.("[data-close]")) event.target.closest("dialog").close();
    if (chosen !== undefined) {
      const input = document.createElement("input");
      Object.assign(input, { type: "file", multiple: true, accept: ".pdf,.docx,.pptx,.odt,.epub,.rtf,.html,.htm,.mhtml,.md,.txt,.tex,.ipynb,.zip" });
      input.addEventListener("change", () => take([...input.files], chosen));
      input.click();
    }
    if (event.target.closest?.("[data-page]")) {
      const input = document.createElement("input");
      Object.assign(input, { type: "file", accept: ".docx,.pdf,.html,.htm,.md,.markdown,.txt,.bib,.bibtex,.ris" });
      input.addEventListener("change", () => {
        const form = new FormData();
        for (const file of input.files) form.append("files", file);
        send("page", form);
      });
      input.click();
    }
    if (!loose) return;
    ask_session((session) => {
      const form = new FormData();
      form.append("reading", loose);
      form.append("session", session);
      send("place", form);
    }, true);
  });
  const holds_files = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const place_of = (event) => event.target.closest?.("[data-reading]");
  const clear = () => {
    document.body.classList.remove("dropping");
    document.querySelector(".drop-here")?.classList.remove("drop-here");
  };
  document.addEventListener("dragover", (event) => {
    if (!holds_files(event)) return;
    event.preventDefault();
    clear();
    document.body.classList.add("dropping");
    place_of(event)?.classList.add("drop-here");
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) clear(); });
  document.addEventListener("drop", (event) => {
    if (!holds_files(event)) return;
    event.preventDefault();
    clear();
    take([...event.dataTransfer.files], place_of(event)?.dataset.reading ?? "");
  });

  const plain = window.fetch;
  window.fetch = async (...given) => {
    const response = await plain(...given);
    if (response.status === 401) location.assign("login");
    return response;
  };
})();
