// What the desk does by itself: folds stay as they were when Gradio patches the HTML they are in,
// the dialog to rename opens, and a session that has ended leads back to the password.
(() => {
  "use strict";
  const folds = new Map();

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

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-rename]");
    const dialog = document.getElementById("rename-dialog");
    if (!button || !dialog) return;
    dialog.dataset.what = button.dataset.rename;
    dialog.querySelector("input").value = button.dataset.title;
    dialog.showModal();
    dialog.querySelector("input").select();
  });

  const plain = window.fetch;
  window.fetch = async (...given) => {
    const response = await plain(...given);
    if (response.status === 401) location.assign("/desk/login");
    return response;
  };
})();
