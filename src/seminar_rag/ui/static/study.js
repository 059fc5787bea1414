// The study view: opens a session's guide and quiz, and tells whether an answer is right.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const say = (text) => { byId("study-state").textContent = text; };
  let asked = 0; // the newest request; late answers to earlier ones are dropped

  async function fetched(address) {
    try {
      const answer = await fetch(address);
      const told = await answer.json();
      return answer.ok ? told : { remark: told.remark ?? "Something went wrong. Try again." };
    } catch {
      return { remark: "The server does not answer. Try again." };
    }
  }

  seminar.openStudy = async () => {
    const select = byId("study-session");
    if (!select) return;
    seminar.listNotes();
    const { sessions, now, remark } = await fetched("study/sessions");
    if (!sessions) {
      say(remark);
      return;
    }
    const before = select.value;
    select.replaceChildren(...sessions.map(([number, title]) =>
      Object.assign(document.createElement("option"), { value: number, textContent: `${number} · ${title}` })));
    byId("study-choice").hidden = !sessions.length;
    const numbers = sessions.map(([number]) => String(number));
    select.value = [before, String(now), numbers[0]].find((one) => numbers.includes(one)) ?? "";
    if (!sessions.length) say("The instructor has not opened anything to study yet.");
    else if (select.value !== before) open(select.value);
  };

  async function open(number) {
    const mine = ++asked;
    say("Opening");
    const { guide = "", items = [], remark = "" } = await fetched(`study/session/${number}`);
    if (mine !== asked) return;
    say(remark);
    byId("study-guide").innerHTML = guide; // escaped by the server, as are the items
    byId("study-quiz").hidden = !items.length;
    byId("study-quiz").querySelector("ol").innerHTML = items.join("");
    byId("study-saves").hidden = Boolean(remark);
    for (const link of byId("study-saves").querySelectorAll("a")) link.href = `study/${number}.${link.dataset.save}`;
    score();
  }

  function score() {
    const all = [...document.querySelectorAll("#study .quiz")].filter((one) => one.querySelector("fieldset"));
    const done = all.filter((one) => one.dataset.said);
    const right = done.filter((one) => one.dataset.said === "right");
    byId("study-score").textContent = done.length ? `${right.length} of ${done.length} right, ${all.length - done.length} to go.` : "";
  }

  function answer(quiz, chosen) {
    const right = chosen === undefined || chosen === quiz.dataset.answer;
    const box = quiz.querySelector(".quiz-answer");
    box.hidden = false;
    if (quiz.dataset.said) return;
    quiz.dataset.said = right ? "right" : "wrong";
    const told = chosen === undefined ? quiz.dataset.answer : right ? "Right." : `Not quite: ${quiz.dataset.answer}`;
    box.querySelector(".quiz-told").textContent = told;
    for (const one of quiz.querySelectorAll("input")) one.disabled = true;
    quiz.querySelector("[data-turn]")?.remove();
    score();
  }

  document.addEventListener("change", (event) => {
    if (event.target.id === "study-session") open(event.target.value);
  });
  // Arrow keys move through options and would answer, so a choice counts by click or Enter.
  let keyed = false;
  document.addEventListener("keydown", (event) => {
    const option = event.target.closest?.("#study .quiz input");
    keyed = Boolean(option) && event.key.startsWith("Arrow");
    if (option && event.key === "Enter") answer(option.closest(".quiz"), option.value);
  }, true);
  document.addEventListener("click", (event) => {
    const turn = event.target.closest?.("#study [data-turn]");
    if (turn) answer(turn.closest(".quiz"));
    const option = event.target.closest?.("#study .quiz input");
    if (option && !keyed) answer(option.closest(".quiz"), option.value);
    keyed = false;
  });
})();
