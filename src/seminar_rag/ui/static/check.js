// Puts the text of a file into the box of the check. A text is read in the browser; a PDF, DOCX, page
// or RTF is sent to the server, which answers with its text and keeps nothing.
seminar.readFile = (text, largest) => new Promise((resolve) => {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = ".md,.markdown,.txt,.pdf,.docx,.odt,.rtf,.html,.htm,.mhtml,.epub,.tex,text/plain,text/markdown";
  const button = document.getElementById("check-open");
  const refuse = (why) => { alert(why); resolve(text); };
  input.addEventListener("cancel", () => resolve(text));
  input.addEventListener("change", async () => {
    const file = input.files[0];
    if (!file) return resolve(text);
    if (file.size > largest) return refuse("The file is too large; check it in parts.");
    const head = await file.slice(0, 1024).text();
    if (!/\u0000|%PDF-|^PK|^\{\\rtf|^\s*<(!doctype html|html)|^mime-version:/i.test(head))
      return resolve(await file.text());
    button.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch("check/text", { method: "POST", body: file });
      const content = await answer.text();
      answer.ok ? resolve(content) : refuse(content);
    } catch {
      refuse("The file could not be read: the server does not answer. Try again.");
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
  input.click();
});

// The text to check is kept for this tab, so that a reload loses nothing.
(() => {
  "use strict";
  const KEY = `seminar:${document.title}${location.pathname}:manuscript`;
  const box = () => document.querySelector("#manuscript textarea");
  document.addEventListener("input", (event) => {
    if (event.target !== box()) return;
    try {
      sessionStorage.setItem(KEY, event.target.value);
    } catch { /* too long, or forbidden: it is not kept */ }
  });
  let back = false;
  new MutationObserver(() => {
    if (back || !box()) return;
    back = true;
    let text = "";
    try {
      text = sessionStorage.getItem(KEY) ?? "";
    } catch { /* nothing was kept */ }
    if (text && !box().value) seminar.put(box(), text);
  }).observe(document.documentElement, { childList: true, subtree: true });
})();

// A sentence of the marked text opens what was found on it. What is open stays so while the report
// grows, which draws it anew.
(() => {
  "use strict";
  const open = new Set();
  const row = (id) => document.querySelector(`#report #${id} > details`);
  document.addEventListener("toggle", (event) => {
    const id = event.target.closest?.("#report .item")?.id;
    if (id) event.target.open ? open.add(id) : open.delete(id);
  }, true);
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#check")) open.clear();
    const link = event.target.closest?.("#report .marked-text a");
    if (!link) return;
    event.preventDefault();
    const found = row(link.getAttribute("href").slice(1));
    if (!found) return;
    found.open = true;
    found.parentElement.scrollIntoView();
    found.firstElementChild.focus({ preventScroll: true });
  });
  new MutationObserver((changes) => {
    if (!changes.some((one) => one.target.closest?.("#report"))) return;
    for (const id of open) if (row(id)?.open === false) row(id).open = true;
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
