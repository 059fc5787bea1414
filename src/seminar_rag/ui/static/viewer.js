// The page view: a dialog over the sources that shows a passage on its page, or in its section.
// Anything with data-view opens it; a citation mark opens that of its source.
(() => {
  "use strict";
  const ZOOMS = [1, 1.25, 1.5, 2, 2.5, 3];
  const WIDTHS = [800, 1200, 1600, 2400];
  const NARROWEST = 340; // pixels that the page view is wide at least,
  const LEFT_ROOM = 60; // and that it leaves at its left
  const LEGIBLE = 15; // pixels that a marked line is tall at least, where it then fits
  const narrow = () => matchMedia("(max-width: 1023px)").matches;
  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };

  let root = null; // the dialog
  let parts = {};
  let shown = null; // what the server answered
  let page = 1;
  let zoom = 1;
  let wide = 0; // pixels, as the reader chose; 0 for as wide as the sources
  let back = null; // finds what had the focus before
  let asked = 0; // the newest request; late answers to earlier ones are dropped

  function build() {
    const button = (name, text, label) => {
      const one = make("button", { type: "button", textContent: text, title: label });
      one.dataset.do = name;
      one.setAttribute("aria-label", label);
      parts[name] = one;
      return one;
    };
    parts.title = make("h2", { id: "viewer-title", tabIndex: -1 });
    parts.about = make("p", { className: "viewer-about" });
    parts.number = make("input", { type: "text", inputMode: "numeric", autocomplete: "off", ariaLabel: "Page" });
    parts.of = make("span");
    parts.zoom = make("span", { className: "viewer-zoom" });
    parts.original = make("a", { target: "_blank", rel: "noopener noreferrer", textContent: "Open original" });
    parts.remark = make("p", { className: "viewer-remark", hidden: true });
    parts.status = make("p", { className: "viewer-status" });
    parts.status.setAttribute("role", "status");
    parts.body = make("div", { className: "viewer-body", tabIndex: 0 });
    parts.body.setAttribute("role", "region");
    const close = button("close", "Close", "Close the page view");
    const turn = make("div", { className: "viewer-turn" },
      button("previous", "‹", "Previous page"), parts.number, parts.of, button("next", "›", "Next page"));
    const size = make("div", { className: "viewer-size" },
      button("out", "−", "Zoom out"), parts.zoom, button("in", "+", "Zoom in"));
    parts.size = size;
    parts.edge = make("div", { className: "viewer-edge", tabIndex: 0, title: "Drag, or use the arrow keys, to change the width" });
    const said = { role: "separator", "aria-orientation": "vertical", "aria-label": "Width of the page view" };
    for (const [key, value] of Object.entries(said)) parts.edge.setAttribute(key, value);
    parts.edge.addEventListener("pointerdown", (event) => parts.edge.setPointerCapture(event.pointerId));
    parts.edge.addEventListener("pointermove", (event) => {
      if (parts.edge.hasPointerCapture(event.pointerId)) widen(room() - event.clientX);
    });
    root = make("div", { id: "viewer", hidden: true }, parts.edge,
      make("div", { className: "viewer-head" }, make("div", {}, parts.title, parts.about), close),
      make("div", { className: "viewer-bar" }, turn, size, button("notes", "Notes", "Notes and citation"), parts.original),
      parts.remark, parts.body, parts.status);
    root.setAttribute("role", "dialog");
    root.setAttribute("aria-labelledby", "viewer-title");
    root.addEventListener("click", act);
    root.addEventListener("keydown", type);
    parts.number.addEventListener("change", () => {
      const wanted = Number.parseInt(parts.number.value, 10);
      go(Number.isNaN(wanted) ? here() : wanted);
    });
    document.body.append(root);
    // On another tab the sources are not there, and what it would cover is something else.
    new ResizeObserver(() => { place(); settle(); }).observe(document.getElementById("sources") ?? root);
  }

  // Where it lies: over the sources; over all of it on a phone --------------------------------
  const room = () => document.documentElement.clientWidth; // innerWidth has the scroll bar too
  function place() {
    if (!root || root.hidden) return;
    const panel = document.getElementById("sources")?.getBoundingClientRect();
    const over = panel && panel.width > 0 && !narrow();
    const usual = over ? panel.left : room() - Math.min(room(), 620);
    const left = wide ? Math.max(LEFT_ROOM, room() - wide) : usual;
    parts.edge.setAttribute("aria-valuenow", String(Math.round(100 * (1 - left / room()))));
    root.style.left = narrow() ? "0" : `${Math.round(left)}px`;
    document.body.classList.add("viewing"); // what it would cover makes room
    document.body.style.setProperty("--viewer", `${room() - Math.round(left)}px`);
    document.body.style.setProperty("--sources", wide ? "0 0 var(--viewer)" : ""); // the answer makes room
    root.setAttribute("aria-modal", String(narrow()));
    document.querySelector("gradio-app")?.toggleAttribute("inert", narrow());
  }

  function widen(pixels) {
    wide = Math.min(Math.max(pixels, NARROWEST), room() - LEFT_ROOM);
    place();
    settle();
  }

  // Opening and closing -----------------------------------------------------------------------
  async function open(address, opener) {
    if (!root) build();
    back = finder(opener);
    root.hidden = false;
    shown = null;
    root.querySelector(".viewer-notes")?.remove();
    place();
    parts.title.textContent = "Opening";
    for (const one of [parts.about, parts.of, parts.zoom]) one.textContent = "";
    parts.body.replaceChildren();
    tell("");
    await show(address);
  }

  async function show(address) {
    const mine = (asked += 1);
    let found = null;
    try {
      const answer = await fetch(address, { headers: { accept: "application/json" } });
      found = await answer.json();
      if (!answer.ok) found = { title: "Not available", remark: found.remark };
    } catch {
      found = { title: "Not available", remark: "The server does not answer. Try again." };
    }
    if (mine !== asked || root.hidden) return;
    const first = shown === null;
    shown = { about: "", original: "", quotes: [], pages: null, text: null, ...found };
    parts.title.textContent = shown.title;
    parts.about.textContent = shown.about;
    lead();
    parts.original.hidden = !shown.original;
    tell(shown.remark);
    root.querySelector(".viewer-bar").hidden = !shown.pages && !shown.text;
    parts.size.hidden = !shown.pages;
    if (shown.pages) {
      page = shown.pages.page;
      zoom = fitting();
      draw(true);
    } else read();
    if (first) parts.title.focus({ preventScroll: true });
  }

  // The original is opened at the page that is shown, where it is a PDF.
  function lead() {
    const at = shown.original;
    const is_pdf = /\.pdf$|\/pdf\//.test(at.split("?")[0]);
    if (at) parts.original.href = shown.pages && is_pdf && !at.includes("#") ? `${at}#page=${page}` : at;
  }

  function close() {
    if (!root || root.hidden) return;
    root.hidden = true;
    asked += 1;
    document.body.classList.remove("viewing");
    document.body.style.removeProperty("--sources");
    document.querySelector("gradio-app")?.removeAttribute("inert");
    back?.()?.focus();
  }

  // Gradio draws its HTML anew, so what had the focus is found again by what it stands for.
  function finder(opener) {
    if (!opener) return null;
    const name = opener.dataset.source ? "source" : "view";
    const value = CSS.escape(opener.dataset[name] ?? "");
    const alike = () => [...document.querySelectorAll(`[data-${name}="${value}"]`)];
    const at = alike().indexOf(opener);
    return () => (opener.isConnected ? opener : (alike()[at] ?? alike()[0]));
  }

  const tell = (text) => {
    parts.remark.textContent = text;
    parts.remark.hidden = !text;
  };

  // Text: a section -----------------------------------------------------------------------------
  function read() {
    const { text } = shown;
    const holder = make("div", { className: "viewer-text" });
    holder.innerHTML = text?.html ?? ""; // escaped by the server
    parts.body.replaceChildren(holder);
    parts.body.setAttribute("aria-label", "Text of the section");
    name("section", text?.sections ?? 0);
    const mark = holder.querySelector("mark");
    parts.body.scrollTop = mark ? Math.max(0, mark.offsetTop - parts.body.clientHeight / 3) : 0;
    announce(text ? `Section ${text.section + 1} of ${text.sections}.` : "", Boolean(mark));
  }

  // Pages ---------------------------------------------------------------------------------------
  const boxes = () => shown.pages.boxes[page] ?? [];
  const across = () => parts.body.clientWidth - 24;

  // As large as the marked lines need to be read, but no wider than they fit.
  function fitting() {
    const marked = boxes();
    if (!marked.length) return 1;
    const tall = marked[0][3] * shown.pages.tall[page - 1] * across();
    const wide = Math.max(...marked.map((box) => box[2]));
    const wanted = Math.min(LEGIBLE / Math.max(tall, 1), 0.94 / Math.max(wide, 0.05));
    return ZOOMS.filter((one) => one <= Math.max(wanted, 1)).at(-1);
  }

  function draw(toMark) {
    const { document: id, title, pages: { tall, version } } = shown;
    const drawn = page; // the picture may come when another page is shown
    const count = tall.length;
    const width = Math.round(across() * zoom);
    const wanted = width * Math.min(devicePixelRatio || 1, 2);
    const pixels = WIDTHS.find((one) => one >= 0.9 * wanted) ?? WIDTHS.at(-1);
    const source = (number) => `view/${id}/${number}.jpg?width=${pixels}&v=${version}`;
    const sheet = make("div", { className: "sheet" });
    sheet.style.width = `${width}px`;
    sheet.style.aspectRatio = `1 / ${tall[page - 1]}`;
    const picture = make("img", { alt: `Page ${drawn} of ${title}`, src: source(drawn) });
    picture.addEventListener("error", () => {
      sheet.classList.add("undrawn");
      if (sheet.isConnected) tell("This page cannot be drawn. The original may show it.");
    });
    picture.addEventListener("load", () => {
      sheet.classList.add("drawn");
      if (drawn < count) new Image().src = source(drawn + 1); // so that turning is at once
    });
    const layer = make("div", { className: "marks" });
    sheet.append(picture, layer);
    for (const [left, top, wide, high, quote] of boxes()) {
      const mark = make("span", { className: quote ? "marked also" : "marked" });
      Object.assign(mark.style, {
        left: `${100 * left}%`, top: `${100 * top}%`, width: `${100 * wide}%`, height: `${100 * high}%`,
      });
      layer.prepend(mark); // those of the first quote last, on top
    }
    const keep = sheetPlace();
    parts.body.replaceChildren(sheet);
    seminar.words(sheet, `view/${id}/${drawn}.json?v=${version}`);
    parts.body.setAttribute("aria-label", `Page ${page} of ${count}`);
    name("page", count);
    parts.zoom.textContent = `${Math.round(100 * zoom)} %`;
    lead();
    parts.out.disabled = zoom === ZOOMS[0];
    parts.in.disabled = zoom === ZOOMS.at(-1);
    if (toMark) toFirst(sheet);
    else if (keep) scrollBack(keep);
    announce(`Page ${page} of ${count}.`, boxes().length > 0);
  }

  // What of the sheet is in the middle of the view, as shares, so that zooming keeps it there.
  function sheetPlace() {
    const sheet = parts.body.querySelector(".sheet");
    if (!sheet) return null;
    return [
      (parts.body.scrollLeft + parts.body.clientWidth / 2) / sheet.offsetWidth,
      (parts.body.scrollTop + parts.body.clientHeight / 2) / sheet.offsetHeight,
    ];
  }
  function scrollBack([x, y]) {
    const sheet = parts.body.querySelector(".sheet");
    parts.body.scrollLeft = x * sheet.offsetWidth - parts.body.clientWidth / 2;
    parts.body.scrollTop = y * sheet.offsetHeight - parts.body.clientHeight / 2;
  }

  function toFirst(sheet) {
    const marked = boxes();
    if (!marked.length) {
      parts.body.scrollTo(0, 0);
      return;
    }
    const own = marked.filter((box) => box[4] === marked[0][4]);
    const left = Math.min(...own.map((box) => box[0])) * sheet.offsetWidth;
    const right = Math.max(...own.map((box) => box[0] + box[2])) * sheet.offsetWidth;
    const top = marked[0][1] * sheet.offsetHeight;
    const room = parts.body.clientWidth;
    parts.body.scrollLeft = right - left > room ? left - 12 : (left + right - room) / 2 + 12;
    parts.body.scrollTop = top - parts.body.clientHeight / 3;
  }

  // Both ----------------------------------------------------------------------------------------
  const here = () => (shown?.pages ? page : (shown?.text?.section ?? 0) + 1);
  const last = () => (shown?.pages ? shown.pages.tall.length : (shown?.text?.sections ?? 0));

  function name(what, count) {
    parts.number.value = String(here());
    parts.number.setAttribute("aria-label", what === "page" ? "Page" : "Section");
    parts.of.textContent = `of ${count}`;
    for (const [way, word] of [["previous", "Previous"], ["next", "Next"]]) {
      parts[way].setAttribute("aria-label", `${word} ${what}`);
      parts[way].title = `${word} ${what}`;
    }
    parts.previous.disabled = here() <= 1;
    parts.next.disabled = here() >= count;
  }

  function announce(where, marked) {
    const quotes = shown.quotes.map((one) => `“${one}”`).join(" ");
    parts.status.textContent = marked && quotes ? `${where} Marked: ${quotes}` : where;
  }

  function go(number) {
    if (!shown) return;
    const wanted = Math.min(Math.max(number, 1), last());
    if (wanted === here()) {
      parts.number.value = String(here());
      return;
    }
    if (shown.pages) {
      page = wanted;
      draw(boxes().length > 0);
      if (!boxes().length) parts.body.scrollTop = 0;
      return;
    }
    const query = new URLSearchParams({ section: String(wanted - 1) });
    for (const one of shown.quotes) query.append("quote", one);
    show(`view/${shown.document}?${query}`);
  }

  function scale(step) {
    const at = ZOOMS.indexOf(zoom) + step;
    if (!shown?.pages || at < 0 || at >= ZOOMS.length) return;
    zoom = ZOOMS[at];
    draw(false);
  }

  const DEEDS = {
    close,
    previous: () => go(here() - 1),
    next: () => go(here() + 1),
    in: () => scale(1),
    out: () => scale(-1),
    notes: () => shown && seminar.notes(root, shown, here()),
  };

  function act(event) {
    event.stopPropagation(); // a click here is none beside the sources
    const wanted = event.target.closest("[data-do]");
    if (!wanted) return;
    DEEDS[wanted.dataset.do]();
    if (wanted.disabled && !root.hidden) parts.body.focus({ preventScroll: true });
  }

  function type(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input, textarea")) return;
    const more = { ArrowLeft: 40, ArrowRight: -40 }[event.key];
    if (event.target === parts.edge && more) {
      event.preventDefault();
      widen(root.offsetWidth + more);
      return;
    }
    const deed = { ArrowLeft: "previous", ArrowRight: "next", "+": "in", "=": "in", "-": "out" }[event.key];
    if (!deed) return;
    event.preventDefault();
    DEEDS[deed]();
  }

  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !root || root.hidden) return;
    event.stopImmediatePropagation();
    close();
  }, true);

  // Once the width stays as it is, the page is drawn to it.
  let due = 0;
  function settle() {
    clearTimeout(due);
    due = setTimeout(() => {
      if (root && !root.hidden && shown?.pages) draw(true);
    }, 150);
  }
  addEventListener("resize", () => {
    place();
    settle();
  });

  // What opens it -------------------------------------------------------------------------------
  // On a phone a mark first brings up its source, which fits the screen; that opens the page.
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-view]");
    if (opener) {
      open(opener.dataset.view, opener);
      return;
    }
    const mark = event.target.closest?.(".mark[data-source]");
    if (mark) {
      const see = document.querySelector(`#source-${CSS.escape(mark.dataset.source)} [data-view]`);
      // The source of a passage that is gone shows all that is left of it.
      if (see && !narrow() && !mark.classList.contains("gone")) open(seminar.ownFirst(see.dataset.view, mark), mark);
      return;
    }
    const card = event.target.closest?.(".source");
    const see = card?.querySelector("[data-view]");
    if (see && !event.target.closest("a, button, summary") && !String(getSelection())) {
      open(see.dataset.view, see);
    }
  });

  // A link from elsewhere, as the answers at /v1 have them, opens a sentence in its place.
  function from_link() {
    const where = /^#open=(.+)$/.exec(location.hash)?.[1];
    const address = where ? decodeURIComponent(where) : "";
    if (/^view\/[^/?]+(\?|$)/.test(address)) open(address, document.body);
  }
  addEventListener("hashchange", from_link);
  if (document.readyState === "complete") from_link();
  else addEventListener("load", from_link);
})();
