// The course view: search in the list, ask about a reading, unfold its key sentences.
(() => {
  "use strict";
  const fold = (text) => text.toLocaleLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");

  function search(field) {
    const words = fold(field.value).split(/\s+/).filter(Boolean);
    const all = document.querySelectorAll("#course .session");
    let count = 0;
    for (const session of all) {
      const own = fold(session.dataset.words);
      let some = false;
      for (const entry of session.querySelectorAll(".entry")) {
        const text = `${own} ${fold(entry.dataset.words)}`;
        entry.hidden = !words.every((word) => text.includes(word));
        some ||= !entry.hidden;
        count += entry.hidden ? 0 : 1;
      }
      session.hidden = !some && words.length > 0;
    }
    const note = document.querySelector("#course .course-note");
    note.dataset.all ??= note.textContent;
    note.textContent = words.length ? `${count} found` : note.dataset.all;
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
      holder.innerHTML = (await answer.json()).html; // escaped by the server
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
    const key = event.target.closest?.("[data-key]");
    if (key) unfold(key);
  });
})();
