// What the desk does by itself: folds stay as they were when Gradio patches the HTML they are in,
// the dialog to rename opens, and a session that has ended leads back to the password.
(() => {
  "use strict";
  const folds = new Map();
  try {
    localStorage.setItem("seminar:desk", "yes"); // the chat then shows this browser the way here
  } catch { /* nothing is kept */ }

  document.addEventListener(
    "toggle",
    (event) => {
      const key = event.target.dataset?.key;
      if (key) folds.set(key, event.target.open);
    },
    true,
  );
  new MutationObserver(() => {
    for (const fold of document.querySelectorAll("details[data-key]")) {
      const open = folds.get(fold.dataset.key);
      if (open !== undefined && fold.open !== open) fold.open = open;
    }
  }).observe(document.documentElement, { childList: true, subtree: true });

  // An entry's list of sessions is filled when it is needed: all of all entries would be thousands.
  document.addEventListener("focusin", (event) => {
    const choice = event.target.closest?.(".entry-form [name='session']");
    const options = document.getElementById("session-options");
    if (!choice || choice.options.length > 1 || !options) return;
    const now = choice.value;
    choice.replaceChildren(options.content.cloneNode(true));
    choice.value = now;
  });

  const open_dialog = (id, title, what = "") => {
    const dialog = document.getElementById(id);
    if (!dialog) return;
    dialog.dataset.what = what;
    dialog.querySelector("input").value = title;
    dialog.showModal();
    dialog.querySelector("input").select();
  };
  document.addEventListener("click", (event) => {
    const rename = event.target.closest?.("[data-rename]")?.dataset;
    const line = event.target.closest?.("[data-line]")?.dataset;
    if (rename) open_dialog("rename-dialog", rename.title, rename.rename);
    if (line) open_dialog("line-dialog", line.line.slice(0, 400));
  });

  const plain = window.fetch;
  window.fetch = async (...given) => {
    const response = await plain(...given);
    if (response.status === 401) location.assign("/desk/login");
    return response;
  };
})();
