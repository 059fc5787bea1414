// A server that is lost is told of where its answer would be, and asked again once it is back.
(() => {
  "use strict";
  const LOST = "No connection. Trying again"; // the style sheet adds …
  const AGAIN = "seminar:again"; // when, and what to do once the page is loaded anew
  const EVERY = 2_500; // milliseconds
  const OLD = 15 * 60_000;
  const byId = (id) => document.getElementById(id);
  const waiting = () => document.querySelector("#now .exchange[aria-busy]");
  const box = () => document.querySelector("#question textarea");
  let lost = false;
  let leaving = false; // what is asked while the page goes is broken off by the browser
  addEventListener("beforeunload", () => {
    leaving = true;
    setTimeout(() => { leaving = false; }, 3_000);
  });

  // A server that answers late is busy, not lost. Where there are several, the one counts that
  // answers the question, until it is known to be lost.
  async function reached() {
    const server = lost ? "" : waiting()?.dataset.server;
    const address = server ? `health?of=${server}` : "health";
    try {
      const said = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(8_000) });
      return ![410, 502, 504].includes(said.status);
    } catch (error) {
      return leaving || error.name === "TimeoutError";
    }
  }

  const line = () => {
    const said = document.createElement("p");
    Object.assign(said, { className: "status lost", textContent: LOST });
    said.setAttribute("role", "status");
    return said;
  };

  function tell(act) {
    lost = true;
    document.documentElement.classList.add("lost"); // hides what Gradio says of it
    try {
      const text = box()?.value.trim();
      sessionStorage.setItem(AGAIN, JSON.stringify({ act, text, at: Date.now() }));
    } catch { /* the question stays in its box */ }
    const place = waiting() ?? byId("composer");
    const said = place?.querySelector(".status");
    if (said) said.textContent = LOST;
    else if (place === byId("composer")) place.prepend(line());
    else place?.append(line());
  }

  // Only a page that is loaded anew knows a server that was started anew.
  async function look() {
    if (!lost && !waiting()) return;
    const here = await reached();
    if (here && lost) location.reload();
    else if (!here) tell(waiting() ? "retry" : "send");
  }
  setInterval(look, EVERY);
  addEventListener("offline", look);

  async function pressed() {
    const text = box()?.value.trim();
    if (text && !lost && !(await reached()) && !waiting()) tell("send");
  }
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#send")) pressed();
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && event.target === box()) pressed();
  }, true);

  // After the reload: ask what had no answer.
  function resume(act, text, tries = 75) {
    const same = text && box()?.value.trim() === text;
    const ready = act === "retry" ? document.querySelector("#past [data-retry]") : same && byId("send");
    if (ready?.offsetParent) ready.click();
    else if (tries) setTimeout(() => resume(act, text, tries - 1), 200);
  }
  try {
    const { act, text, at } = JSON.parse(sessionStorage.getItem(AGAIN) ?? "{}");
    sessionStorage.removeItem(AGAIN);
    if (Date.now() - at < OLD) resume(act, text);
  } catch { /* nothing was kept */ }
})();
