// What is drawn over the picture of a page: the marked lines, its words, and a strip of it.
Object.assign(window.seminar, (() => {
  "use strict";
  const NARROWEST = 0.42; // of a page's width: a strip of less would be larger than print
  const TALLEST = 0.3; // of a page's height
  const views = new Map(); // address → what the server answers

  const make = (tag, className, style = {}) => {
    const node = Object.assign(document.createElement(tag), { className });
    Object.assign(node.style, style);
    return node;
  };
  const share = (number) => `${100 * number}%`;

  function view(address) {
    if (!views.has(address)) {
      const answer = fetch(address, { headers: { accept: "application/json" } })
        .then((one) => (one.ok ? one.json() : null))
        .catch(() => null);
      views.set(address, answer);
      answer.then((found) => { if (!found) views.delete(address); });
    }
    return views.get(address);
  }

  // The lines around the first quote, as wide as they are, with all marks on them; null where the
  // document has no pages or the quote is on none.
  function strip({ document: id, pages }) {
    const boxes = pages?.boxes[pages.page] ?? [];
    if (!boxes.length) return null;
    const own = boxes.filter((box) => box[4] === boxes[0][4]);
    const line = Math.min(...own.map((box) => box[3]));
    let left = Math.min(...own.map((box) => box[0])) - 0.012;
    let right = Math.max(...own.map((box) => box[0] + box[2])) + 0.012;
    const more = Math.max(0, NARROWEST - (right - left)) / 2;
    left = Math.max(0, Math.min(left - more, 1 - NARROWEST));
    right = Math.min(1, Math.max(right + more, left + NARROWEST));
    const top = Math.max(0, Math.min(...own.map((box) => box[1])) - 1.3 * line);
    const bottom = Math.min(1, top + TALLEST, Math.max(...own.map((box) => box[1] + box[3])) + 1.3 * line);
    const [wide, high] = [right - left, bottom - top];
    const out = make("div", "strip", { aspectRatio: `${wide} / ${high * pages.tall[pages.page - 1]}` });
    const picture = make("img", "", { width: share(1 / wide), left: share(-left / wide), top: share(-top / high) });
    picture.alt = "";
    picture.src = `view/${id}/${pages.page}.jpg?width=1200&v=${pages.version}`;
    picture.addEventListener("error", () => out.remove());
    const layer = make("div", "marks");
    for (const [x, y, width, height, quote] of boxes) {
      layer.prepend(make("span", quote === boxes[0][4] ? "lit" : "lit also", {
        left: share((x - left) / wide), top: share((y - top) / high),
        width: share(width / wide), height: share(height / high),
      }));
    }
    out.append(picture, layer);
    out.setAttribute("aria-hidden", "true"); // the text below says the same
    return out;
  }

  // The words of a page over its picture, unseen, so that they can be selected, found and heard.
  async function words(sheet, address) {
    const found = await view(address);
    if (!found || !sheet.isConnected) return;
    const layer = make("div", "words");
    const rows = found.lines.map(([text, left, top, width, height]) => {
      const row = make("div", "", {
        left: share(left), top: share(top), fontSize: `${0.86 * height * sheet.offsetHeight}px`,
      });
      row.textContent = text;
      layer.append(row);
      return [row, width];
    });
    sheet.append(layer);
    const stretched = rows.map(([row, width]) => [row, (width * sheet.offsetWidth) / (row.offsetWidth || 1)]);
    for (const [row, by] of stretched) row.style.transform = `scaleX(${by})`;
  }

  // The sentence of a mark is the first of its source's quotes, where marks and quotes agree.
  function ownFirst(address, mark) {
    const [path, query] = address.split("?");
    const pairs = new URLSearchParams(query);
    const quotes = pairs.getAll("quote");
    const alike = `.mark[data-source="${CSS.escape(mark.dataset.source)}"]`;
    const marks = [...(mark.closest(".exchange")?.querySelectorAll(alike) ?? [])];
    const at = marks.indexOf(mark);
    if (marks.length !== quotes.length || at <= 0) return address;
    pairs.delete("quote");
    for (const one of [quotes[at], ...quotes.toSpliced(at, 1)]) pairs.append("quote", one);
    return `${path}?${pairs}`;
  }

  return { view, strip, words, ownFirst };
})());
