// Sources that show themselves: a card the strip of its page, a mark its sentence when it is
// pointed at or has the focus.
(() => {
  "use strict";
  const SOON = 250; // milliseconds that a mark is pointed at before it shows its sentence
  const byId = (id) => document.getElementById(id);
  const opener = (card) => card?.querySelector("[data-view]");

  // Cards --------------------------------------------------------------------------------------
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      fill(target);
    }
  });
  async function fill(card) {
    const found = await seminar.view(opener(card).dataset.view);
    const strip = found && seminar.strip(found);
    if (strip && !card.querySelector(".strip")) card.querySelector("blockquote")?.before(strip);
  }
  new MutationObserver(() => {
    for (const card of document.querySelectorAll("#sources-past .source[data-paged]")) {
      if (!card.querySelector(".strip") && opener(card)) seen.observe(card);
    }
  }).observe(document.documentElement, { childList: true, subtree: true });

  // Marks --------------------------------------------------------------------------------------
  let bubble = null;
  let shown = null; // the mark
  let timer = 0;

  function build() {
    bubble = Object.assign(document.createElement("div"), { id: "preview", hidden: true });
    bubble.setAttribute("role", "tooltip");
    bubble.addEventListener("mouseenter", () => clearTimeout(timer));
    bubble.addEventListener("mouseleave", () => later(hide));
    bubble.addEventListener("click", () => shown?.click());
    (document.querySelector("main") ?? document.body).append(bubble);
  }
  const part = (className, text) =>
    Object.assign(document.createElement("p"), { className, textContent: text });
  const later = (act) => {
    clearTimeout(timer);
    timer = setTimeout(act, SOON);
  };

  async function show(mark) {
    const card = byId(`source-${mark.dataset.source}`);
    if (!card || !mark.isConnected) return;
    if (!bubble) build();
    hide();
    shown = mark;
    const text = (name) => card.querySelector(name)?.textContent.trim() ?? "";
    const address = opener(card) && seminar.ownFirst(opener(card).dataset.view, mark);
    const quote = new URLSearchParams(address?.split("?")[1]).get("quote") ?? text("blockquote");
    bubble.replaceChildren(
      part("title", text(".title").replace(/^\d+\s*/, "")), part("meta", text(".meta")), part("quote", quote),
    );
    bubble.hidden = false;
    mark.setAttribute("aria-describedby", "preview");
    place(mark);
    const found = "paged" in card.dataset && address ? await seminar.view(address) : null;
    const strip = found && shown === mark && seminar.strip(found);
    if (!strip) return;
    bubble.querySelector(".quote").replaceWith(strip, Object.assign(part("quote heard", quote)));
    place(mark);
  }

  // Below the mark, or above it where there is more room.
  function place(mark) {
    const at = mark.getBoundingClientRect();
    const left = Math.min(Math.max(12, at.left - 24), innerWidth - bubble.offsetWidth - 12);
    const below = innerHeight - at.bottom > bubble.offsetHeight + 16 || at.top < innerHeight / 2;
    bubble.style.left = `${left}px`;
    bubble.style.top = below ? `${at.bottom + 6}px` : "auto";
    bubble.style.bottom = below ? "auto" : `${innerHeight - at.top + 6}px`;
  }

  function hide() {
    clearTimeout(timer);
    if (!shown) return;
    shown.removeAttribute("aria-describedby");
    shown = null;
    bubble.hidden = true;
  }

  const mark_of = (event) => event.target.closest?.("#conversation .mark[data-source]");
  document.addEventListener("mouseover", (event) => {
    const mark = matchMedia("(hover: hover)").matches && mark_of(event);
    if (mark && mark !== shown) later(() => show(mark));
    else if (mark) clearTimeout(timer);
  });
  document.addEventListener("mouseout", (event) => {
    if (mark_of(event)) later(hide);
  });
  document.addEventListener("focusin", (event) => {
    const mark = mark_of(event);
    if (mark?.matches(":focus-visible")) show(mark);
    else if (shown && !bubble.contains(event.target)) hide();
  });
  document.addEventListener("click", hide, true);
  document.addEventListener("scroll", hide, { passive: true });
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
})();
