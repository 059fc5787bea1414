// Notes beside the pages of readings, kept in this browser alone, and citing a marked sentence.
(() => {
  "use strict";
  const KEY = `seminar:notes:${location.pathname}`;
  const MOST = 1000;
  const LONGEST = 5000; // characters of a note, and of the sentence that it is about
  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };
  const button = (text, act, css = "see") => {
    const one = make("button", { type: "button", className: css, textContent: text });
    one.addEventListener("click", (event) => act(event.currentTarget));
    return one;
  };
  function all() {
    try {
      const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
      return Array.isArray(found) ? found.filter((one) => typeof one?.text === "string") : [];
    } catch {
      return [];
    }
  }
  function keep(notes) {
    try {
      localStorage.setItem(KEY, JSON.stringify(notes.slice(-MOST)));
    } catch {
      return false;
    }
    list();
    return true;
  }

  // The sentence that was marked last in the page view: a click on a button takes the mark away.
  let marked = "";
  let draft = "";
  document.addEventListener("selectionchange", () => {
    const chosen = getSelection();
    const inside = chosen?.anchorNode && document.querySelector("#viewer .viewer-body")?.contains(chosen.anchorNode);
    const text = inside ? String(chosen).replace(/\s+/g, " ").trim() : "";
    if (text) marked = text.slice(0, LONGEST);
  });

  const place = (view, at) => (view.pages ? view.place.replace(/1$/, at) : "");
  const cited = (one) => {
    const from = [one.by, one.title, one.place].filter(Boolean).join(", ");
    return one.quote ? `“${one.quote}” (${from})` : `(${from})`;
  };

  // The panel in the page view -------------------------------------------------------------------
  // `view` is what the server told of the document, `at` the page that is shown.
  seminar.notes = (root, view, at) => {
    const old = root.querySelector(".viewer-notes");
    if (old) {
      old.remove();
      return;
    }
    const about = {
      document: view.document,
      reading: view.reading ?? "",
      title: view.title,
      by: view.by ?? "",
      place: place(view, at),
      quote: marked || view.quotes?.[0] || "",
    };
    const said = make("p", { className: "viewer-about" });
    said.setAttribute("role", "status");
    const text = make("textarea", { rows: 3, maxLength: LONGEST, value: draft, placeholder: "Your note" });
    text.setAttribute("aria-label", "Your note");
    text.addEventListener("input", () => { draft = text.value; });
    const save = button("Keep the note", () => {
      if (!text.value.trim()) return;
      const kept = keep([...all(), { ...about, text: text.value.trim(), at: Date.now() }]);
      said.textContent = kept ? "Kept in this browser, and listed under “Study”." : "This browser keeps nothing for this page.";
      if (kept) draft = text.value = "";
    });
    const forms = [["bib", "BibTeX"], ["ris", "RIS"], ["json", "CSL-JSON"]];
    const cites = make("p", { className: "viewer-cites" }, "Cite this: ",
      button("Copy as text", (one) => seminar.copy(one, cited(about))),
      ...forms.map(([ending, name]) => button(name, async (one) => {
        const answer = await fetch(`readings.${ending}?${new URLSearchParams({ reading: about.reading })}`).catch(() => null);
        if (answer?.ok) seminar.copy(one, await answer.text());
        else said.textContent = "There is no entry for this text.";
      })));
    const quote = make("blockquote", { textContent: about.quote || "Mark words on the page to write a note on them." });
    root.querySelector(".viewer-bar").after(make("section", { className: "viewer-notes", ariaLabel: "Notes and citation" },
      quote, text, make("p", {}, save), cites, said));
    marked = "";
    text.focus();
  };

  // The list in the study view -------------------------------------------------------------------
  function list() {
    const holder = document.getElementById("notes-list");
    if (!holder) return;
    const notes = all();
    const readings = Map.groupBy ? Map.groupBy(notes, (one) => one.title) : grouped(notes);
    const parts = [...readings].map(([title, own]) => make("section", {}, make("h4", { textContent: title }),
      make("ul", {}, ...own.map((one) => {
        const where = `view/${one.document}?${new URLSearchParams(one.quote ? { quote: one.quote } : {})}`;
        const open = make("button", { type: "button", className: "see", textContent: one.place || "Show in context" });
        open.dataset.view = where;
        open.setAttribute("aria-label", `${one.place || "Show in context"}: ${title}`);
        const gone = button("Delete", () => keep(all().filter((each) => each.at !== one.at)));
        gone.setAttribute("aria-label", `Delete the note: ${one.text.slice(0, 60)}`);
        return make("li", {}, ...(one.quote ? [make("blockquote", { textContent: one.quote })] : []),
          make("p", { textContent: one.text }), make("p", {}, open, " ", gone));
      }))));
    const save = make("a", { textContent: "Save my notes (Markdown)", download: "notes.md", href: file(readings) });
    const head = [make("h3", { textContent: "My notes" }), make("p", { className: "study-note", textContent: "Kept in this browser alone." })];
    holder.replaceChildren(...(notes.length ? [...head, make("p", { className: "saves" }, save), ...parts] : []));
  }
  function grouped(notes) {
    const out = new Map();
    for (const one of notes) out.set(one.title, [...(out.get(one.title) ?? []), one]);
    return out;
  }
  function file(readings) {
    const line = (text) => text.replace(/\s+/g, " ").replace(/([\\`*_{}[\]<>|#])/g, "\\$1");
    const text = [...readings].map(([title, own]) => [`## ${line(title)}`, ...own.map((one) =>
      `${line(one.text)}\n\n> ${line(cited(one))}`)].join("\n\n")).join("\n\n");
    return `data:text/markdown;charset=utf-8,${encodeURIComponent(`# Notes\n\n${text}\n`)}`;
  }
  seminar.listNotes = list;
})();
