// What the small buttons do: copy, link, export, feedback, retry; and the list on a phone.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);

  async function copy(button, text) {
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Pages that came over plain HTTP have no clipboard; a selection can be copied anyway.
      const area = Object.assign(document.createElement("textarea"), { value: text });
      area.style.cssText = "position:fixed;opacity:0";
      document.body.append(area);
      area.select();
      done = document.execCommand("copy");
      area.remove();
    }
    const before = button.dataset.says ?? button.textContent;
    button.dataset.says = before;
    button.textContent = done ? "Copied" : "Not copied";
    setTimeout(() => { button.textContent = before; }, 1500);
  }

  seminar.copy = copy;

  // The answer as text: paragraphs, marks as [1], and the sources that they name.
  function plain(number) {
    const answer = document.querySelector(`#exchange-${number} .answer`)?.cloneNode(true);
    if (!answer) return "";
    for (const badge of answer.querySelectorAll(".badge")) badge.remove();
    for (const mark of answer.querySelectorAll(".mark")) mark.replaceWith(` [${mark.textContent}]`);
    for (const item of answer.querySelectorAll("li")) item.prepend("- ");
    const blocks = [...answer.querySelectorAll("p, li, h3, pre, tr")];
    const lines = (blocks.length ? blocks : [answer]).map((one) => one.textContent.trim());
    const cards = [...document.querySelectorAll(`#sources-${number} .source`)];
    const sources = cards.map((card) => {
      const text = (part) => card.querySelector(part)?.textContent.trim() ?? "";
      const title = text(".title").replace(/^\d+\s*/, "");
      const parts = [text(".by"), title, text(".meta"), card.querySelector(".original a")?.href];
      return `[${text(".number")}] ${parts.filter(Boolean).join(". ")}`;
    });
    return [...lines, ...(sources.length ? ["", "Sources", ...sources] : [])].join("\n");
  }

  async function save(kind) {
    const record = seminar.record();
    if (!record) return;
    const answer = await fetch(`export.${kind}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ record, title: seminar.title() }),
    }).catch(() => null);
    if (!answer?.ok) {
      const reason = answer ? await answer.text() : "The server cannot be reached.";
      tell(`The file could not be made. ${reason.slice(0, 200)}`);
      return;
    }
    const name = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "")?.[1];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = name ?? `conversation.${kind}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  function tell(text) {
    const line = document.createElement("p");
    Object.assign(line, { className: "problem", textContent: text });
    line.setAttribute("role", "alert");
    byId("composer")?.querySelector(".problem")?.remove();
    byId("composer")?.prepend(line);
    setTimeout(() => line.remove(), 8000);
  }

  const acts = {
    copy: (button) => copy(button, plain(button.dataset.copy)),
    bibtex: (button) => copy(button, button.dataset.bibtex),
    link: (button) => {
      const { origin, pathname } = location;
      copy(button, `${origin}${pathname}${button.dataset.link}`);
    },
    export: (button) => save(button.dataset.export),
    retry: () => byId("retry")?.click(),
    new: () => seminar.open(""),
    leaveEditing: () => {
      seminar.fill("");
      seminar.tell({ do: "leave editing" });
    },
    feedback: (button) => {
      const { feedback, of } = button.dataset;
      const comment = button.parentElement.querySelector(".words")?.value ?? "";
      const record = seminar.record();
      seminar.tell({ do: "feedback", exchange: Number(of), says: feedback, comment, record });
    },
    openRail: () => {
      byId("rail")?.classList.add("open");
      byId("new")?.focus();
    },
    closeRail: () => byId("rail")?.classList.remove("open"),
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button");
    const act = button && Object.keys(acts).find((name) => name in button.dataset);
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target) || act) menu.open = false;
    }
    if (act) acts[act](button);
    else if (!event.target.closest?.("#rail")) byId("rail")?.classList.remove("open");
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches?.(".words") && event.target.value.trim()) {
      event.target.parentElement.querySelector("[data-feedback=other]")?.click();
    }
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary")?.focus();
    }
    byId("rail")?.classList.remove("open");
  });
})();
