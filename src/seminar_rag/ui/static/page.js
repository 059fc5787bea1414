// What the page does by itself: marks open their source, examples ask, the answer stays in view.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const narrow = () => window.matchMedia("(max-width: 1023px)").matches;
  const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  const toBox = () => document.querySelector("#question textarea")?.focus({ preventScroll: true });

  // The chosen source ("3-1") and exchange ("3"). The newest exchange shows while none is chosen.
  // Gradio patches the HTML it shows and drops classes that are not in it: `dress` puts them back.
  let chosen = null;
  let exchange = null;
  let newest = null;
  let viewed = null; // the exchange that the reader has scrolled to
  let opener = null;

  function dress() {
    const sections = [...document.querySelectorAll("#sources .sources")];
    const cited = sections.at(-1)?.dataset.exchange ?? null;
    // An answer without sources shows none; until it is known, those of the one before stay.
    const answered = [...document.querySelectorAll("#past .exchange")].at(-1)?.id.split("-")[1];
    const last = Number(answered ?? 0) > Number(cited ?? 0) ? answered : cited;
    if (last !== newest) {
      newest = last;
      chosen = exchange = viewed = null;
    }
    const shown = exchange ?? viewed ?? newest;
    for (const section of sections) {
      section.classList.toggle("current", section.dataset.exchange === shown);
    }
    byId("sources")?.classList.toggle("filled", sections.some((one) => one.dataset.exchange === shown));
    for (const entry of document.querySelectorAll("#sources .source")) {
      entry.classList.toggle("chosen", entry.id === `source-${chosen}`);
    }
    for (const mark of document.querySelectorAll("#conversation .mark")) {
      const on = mark.dataset.source === chosen;
      mark.classList.toggle("chosen", on);
      if (on) mark.setAttribute("aria-current", "true");
      else mark.removeAttribute("aria-current");
    }
  }

  function openSources(link) {
    opener = link;
    chosen = link.dataset.source ?? null;
    exchange = chosen ? chosen.split("-")[0] : link.dataset.sources;
    const panel = byId("sources");
    panel?.classList.add("open");
    dress();
    const entry = chosen && byId(`source-${chosen}`);
    if (!panel) return;
    if (!entry) {
      panel.scrollTop = 0;
      byId(`sources-${exchange}`)?.querySelector(".source")?.focus({ preventScroll: true });
      return;
    }
    const quote = entry.querySelector("mark") ?? entry;
    const frame = panel.getBoundingClientRect();
    const head = panel.querySelector(".panel-head")?.offsetHeight ?? 0;
    // The entry's head at the top, unless its quote would then lie below the panel's edge.
    const room = panel.clientHeight - head - 24;
    const reach = quote.getBoundingClientRect().bottom - entry.getBoundingClientRect().top;
    const top = (reach > room ? quote : entry).getBoundingClientRect().top - frame.top - head - 12;
    panel.scrollBy({ top, behavior: calm() ? "auto" : "smooth" });
    entry.focus({ preventScroll: true });
  }

  function closeSources() {
    const panel = byId("sources");
    if (!panel?.classList.contains("open")) return;
    panel.classList.remove("open");
    chosen = null;
    dress();
    if (opener?.isConnected) opener.focus();
  }

  // Asks the whole course. A scope is dropped first, and gone when its chip is.
  function ask(question, tries = 100) {
    if (tries && document.querySelector("[data-whole]")) {
      if (tries === 100) widen();
      setTimeout(() => ask(question, tries - 1), 50);
      return;
    }
    seminar.fill(question);
    setTimeout(() => byId("send")?.click(), 60);
  }
  // Gradio gives each radio a group of its own, in which arrow keys do nothing, again and again, and
  // names the button of a chosen session or reading by its number in the list.
  function name_choices() {
    for (const radio of document.querySelectorAll("#kind input[type=radio]")) {
      if (radio.name !== "kind") radio.name = "kind";
    }
    for (const button of document.querySelectorAll("#scope-lists .token .token-remove")) {
      const title = `Remove ${button.parentElement.querySelector("span")?.textContent.trim()}`;
      if (button.title !== title) button.title = title;
    }
  }

  // Gradio says nothing of a list that its Clear button or the Backspace key emptied.
  function cleared(event) {
    const inside = event.target.closest?.("#scope-lists");
    const emptied = event.key === "Backspace" || event.target.closest?.(".remove-all");
    if (inside && emptied) setTimeout(() => byId("read-scope")?.click(), 80);
  }
  document.addEventListener("click", cleared, true); // before the button is gone
  document.addEventListener("keyup", cleared, true);
  const widen = () => seminar.tell({ do: "scope", scope: {} });

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-source], [data-sources]");
    if (link) {
      event.preventDefault();
      openSources(link);
      return;
    }
    const chip = event.target.closest?.("[data-ask]");
    if (chip) ask(chip.dataset.ask);
    else if (event.target.closest?.("[data-whole]")) {
      widen();
      toBox();
    }
    else if (event.target.closest?.(".skip")) {
      event.preventDefault();
      toBox();
    }
    else if (event.target.closest?.("[data-close-sources]")) closeSources();
    else if (narrow() && !event.target.closest?.("#sources")) closeSources();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeSources();
  });

  const exchanges = () => [...document.querySelectorAll("#conversation .exchange")];
  const underHead = () => (narrow() ? 0 : (byId("head")?.offsetHeight ?? 0));

  // Follow the answer while it grows, unless the reader scrolled up; the sources are those of the
  // answer in view.
  let following = true;
  const atEnd = () => innerHeight + scrollY >= document.documentElement.scrollHeight - 80;
  addEventListener("scroll", () => {
    following = atEnd();
    const seen = exchanges().filter((one) => {
      const { top, bottom } = one.getBoundingClientRect();
      return bottom > underHead() && top < 0.6 * innerHeight;
    });
    const number = (following ? null : seen.at(-1)?.id.split("-")[1]) ?? null;
    const left = exchange && !seen.some((one) => one.id === `exchange-${exchange}`);
    if (number === viewed && !left) return;
    viewed = number;
    if (left && !byId("sources")?.classList.contains("open")) chosen = exchange = null;
    dress();
  }, { passive: true });

  // Retry and Edit change the last exchange, wherever the reader has scrolled to.
  function toLast() {
    const last = exchanges().at(-1);
    if (!last) return;
    following = true;
    scrollTo({ top: last.getBoundingClientRect().top + scrollY - underHead() - 16 });
  }
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest?.("#retry, #edit, [data-retry]");
    if (pressed) toLast();
    if (pressed?.id === "edit") toBox();
  });

  let last = 0; // exchanges on the page
  function follow() {
    const count = exchanges().length;
    if (count > last) following = true;
    last = count;
    if (!count || !following) return;
    // Down with the answer, but never past its question: reading begins at the top.
    const top = exchanges().at(-1).getBoundingClientRect().top + scrollY - underHead() - 16;
    scrollTo({ top: Math.min(top, document.documentElement.scrollHeight - innerHeight) });
  }

  const within = (change, parts) => {
    const node = change.target;
    return (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement)?.closest(parts);
  };
  let begun = false; // the page shows what it was opened for
  let listed = null; // where the conversations were listed
  let due = false;
  let grown = false;
  new MutationObserver((changes) => {
    if (byId("conversations") !== listed) {
      listed = byId("conversations");
      seminar.list();
    }
    if (changes.some((change) => within(change, "#scope"))) name_choices();
    // The way to the desk comes after the tabs, in the order of the Tab key as on the screen.
    const desk = document.querySelector("#head .to-desk");
    const tabs = desk && document.querySelector("#views > .tab-wrapper");
    if (tabs) {
      tabs.querySelector(".to-desk")?.remove();
      tabs.append(desk);
    }
    if (!begun && document.querySelector(".welcome, #past .exchange")) {
      begun = true;
      // Of a page around the chat the focus is not taken away.
      if (document.activeElement === document.body && !narrow() && parent === window) toBox();
    }
    if (!changes.some((change) => within(change, "#conversation, #sources"))) return;
    grown ||= changes.some((c) => c.type !== "attributes" && within(c, "#conversation"));
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      dress();
      seminar.draft(); // the box is emptied when a question is taken
      if (grown) follow();
      due = grown = false;
    });
  }).observe(document.documentElement, {
    childList: true, subtree: true, characterData: true,
    attributes: true, attributeFilter: ["class", "name"],
  });
})();
