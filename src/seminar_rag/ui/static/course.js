// The course view: search in the list, ask about a reading, unfold its key sentences.
(() => {
  "use strict";
  const fold = (text) => text.toLocaleLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");

  // Titles and authors at once; the texts when the server has looked into them.
  let texts = {}; // reading → the sentence with the words
  let asked = "";
  let timer = 0;
  function search(field) {
    const typed = field.value.trim();
    if (typed !== asked) {
      asked = typed;
      texts = {};
      clearTimeout(timer);
      if (typed.length > 2) timer = setTimeout(() => look(field, typed), 300);
    }
    show(field);
  }
  async function look(field, typed) {
    try {
      const answer = await fetch(`find?${new URLSearchParams({ words: typed })}`);
      const { found } = await answer.json();
      if (typed !== asked || !found) return;
      texts = found;
      show(field);
    } catch { /* the titles are searched all the same */ }
  }

  function show(field) {
    const words = fold(field.value).split(/\s+/).filter(Boolean);
    const all = document.querySelectorAll("#course .session");
    let count = 0;
    for (const session of all) {
      const own = fold(session.dataset.words);
      let some = false;
      for (const entry of session.querySelectorAll(".entry")) {
        const text = `${own} ${fold(entry.dataset.words)}`;
        const titled = words.every((word) => text.includes(word));
        const said = words.length && !titled ? texts[entry.dataset.id] : "";
        entry.hidden = !titled && !said;
        quote(entry, said);
        some ||= !entry.hidden;
        count += entry.hidden ? 0 : 1;
      }
      session.hidden = !some && words.length > 0;
    }
    const note = document.querySelector("#course .course-note");
    note.dataset.all ??= note.textContent;
    note.textContent = words.length ? `${count} found` : note.dataset.all;
    document.querySelector("#course .nothing-found").hidden = count > 0;
  }
  function quote(entry, said) {
    let line = entry.querySelector(".where-found");
    if (!said) {
      line?.remove();
      return;
    }
    if (!line) {
      line = Object.assign(document.createElement("p"), { className: "where-found" });
      entry.querySelector(".state").after(line);
    }
    line.textContent = `“${said}”`;
  }

  async function unfold(button) {
    const entry = button.closest(".entry");
    const known = entry.querySelector(".key");
    if (known) {
      known.remove();
      button.setAttribute("aria-expanded", "false");
      return;
    }
    const holder = document.createElement("div");
    holder.className = "key";
    holder.setAttribute("role", "status");
    holder.textContent = "Reading";
    entry.append(holder);
    button.setAttribute("aria-expanded", "true");
    try {
      const answer = await fetch(`key/${encodeURIComponent(button.dataset.key)}`);
      const { html, remark } = await answer.json();
      if (html) holder.innerHTML = html; // escaped by the server
      else holder.textContent = remark;
    } catch {
      holder.textContent = "The server does not answer. Try again.";
    }
  }

  document.addEventListener("input", (event) => {
    if (event.target.id === "find-reading") search(event.target);
  });
  document.addEventListener("click", (event) => {
    const about = event.target.closest?.("[data-about]");
    if (about) seminar.askAbout(about.dataset.about);
    const question = event.target.closest?.("[data-question]")?.dataset;
    if (question) seminar.askAbout(question.of, question.question);
    const session = event.target.closest?.("[data-session]")?.dataset.session;
    if (session) {
      event.preventDefault(); // the address is for questions
      document.getElementById(`session-${session}`)?.scrollIntoView();
    }
    const key = event.target.closest?.("[data-key]");
    if (key) unfold(key);
  });
})();
