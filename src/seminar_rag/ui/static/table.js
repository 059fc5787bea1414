// The table over readings: asks the server for one cell after the other, sorts, filters, saves.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };
  const ORDER = ["says", "supports", "perhaps", "similar", "qualifies", "differs", "contradicts", "speaks", "silent", "no text"];
  let session = null; // whose readings the table has; null before it has any
  let rows = [];
  let questions = [];
  let cells = new Map(); // reading and question → what the server answered
  let order = { by: -1, down: false }; // a column; -1 for the order of the course
  let run = 0; // the table that is being filled; another number stops it
  const key = (row, question) => JSON.stringify([row.reading, question]);
  const known = (row, question) => cells.get(key(row, question));
  const say = (text) => { byId("table-state").textContent = text; };

  async function fetched(address) {
    let answer = null;
    try {
      answer = await fetch(address);
    } catch {
      throw new Error("The server does not answer. Try again.");
    }
    const told = await answer.json().catch(() => ({}));
    if (answer.ok) return told;
    const error = new Error(told.remark ?? "Something went wrong. Try again.");
    error.later = Number(answer.headers.get("retry-after") ?? 0);
    throw error;
  }

  seminar.openTable = async () => {
    const select = byId("table-session");
    if (!select || select.dataset.filled) return;
    try {
      const { sessions, now, kept } = await fetched("table/rows?session=0");
      select.dataset.filled = "yes";
      for (const [number, title] of sessions) {
        select.append(make("option", { value: number, textContent: `${number} · ${title}` }));
      }
      select.value = String(now ?? sessions[0]?.[0] ?? "");
      showKept(kept);
      fill([]); // what the instructor keeps of the session shows without a question
    } catch (error) {
      say(error.message);
    }
  };
  function showKept(kept) {
    const holder = byId("table-kept");
    holder.hidden = !kept.length;
    holder.replaceChildren(make("p", { textContent: "Kept by the instructor:" }), make("ul", {},
      ...kept.map(([number, asked]) => {
        const text = `Session ${number}: ${asked.join(" · ")}`;
        const button = make("button", { type: "button", className: "see", textContent: text });
        button.addEventListener("click", () => {
          byId("table-session").value = String(number);
          clear();
          fill(asked);
        });
        return make("li", {}, button);
      })));
  }

  function clear() {
    run += 1;
    questions = [];
    cells = new Map();
    session = null;
    draw();
    byId("table-differences").replaceChildren();
    say("");
  }

  // Adds columns, and asks for the cells that are not known.
  async function fill(asked) {
    const wanted = byId("table-session").value;
    const mine = ++run;
    try {
      if (wanted !== session) {
        const found = await fetched(`table/rows?session=${wanted}`);
        if (mine !== run) return;
        if (session !== null) questions = [];
        [session, rows, cells] = [wanted, found.rows, new Map()];
        byId("table-differences").innerHTML = found.differences; // escaped by the server
        if (found.left) say(`The first ${rows.length} readings; ${found.left} more are left out. Choose a session.`);
      }
      const most = Number(document.querySelector(".compare").dataset.most);
      questions = [...new Set([...questions, ...asked])];
      if (questions.length > most) {
        questions = questions.slice(0, most);
        say(`A table has at most ${most} questions.`);
      }
      if (questions.length) await ask(mine);
    } catch (error) {
      if (mine === run) say(error.message);
    }
    if (mine === run) busy(false);
  }
  async function ask(mine) {
    const open = questions.flatMap((question) => rows.filter((row) => !known(row, question)).map((row) => [row, question]));
    busy(true);
    draw();
    for (const [at, [row, question]] of open.entries()) {
      say(`Asking reading ${at + 1} of ${open.length}`);
      const place = new URLSearchParams({ reading: row.reading, question });
      const told = await patient(`table/cell?${place}`, mine);
      if (mine !== run) return;
      cells.set(key(row, question), told);
      show(row, question);
    }
    draw();
    const said = rows.filter((row) => questions.some((one) => known(row, one)?.html.includes("<blockquote")));
    say(`${said.length} of ${rows.length} readings say something.`);
  }
  async function patient(address, mine, tries = 5) {
    try {
      return await fetched(address);
    } catch (error) {
      if (!error.later || tries < 1 || mine !== run) throw error;
      await new Promise((then) => setTimeout(then, Math.min(error.later, 20) * 1000));
      return patient(address, mine, tries - 1);
    }
  }
  function busy(yes) {
    byId("table-stop").hidden = !yes;
    byId("table-holder").setAttribute("aria-busy", String(yes));
  }

  // Drawing -------------------------------------------------------------------------------------
  function sorted() {
    if (order.by < 0 || !questions[order.by]) return order.down ? [...rows].reverse() : rows;
    const worth = (row) => {
      const cell = known(row, questions[order.by]);
      return cell ? ORDER.indexOf(cell.said) - cell.likely / 2 : 9;
    };
    const found = [...rows].sort((a, b) => worth(a) - worth(b));
    return order.down ? found.reverse() : found;
  }
  function head(text, by) {
    const button = make("button", { type: "button", textContent: text, title: "Sort by this column" });
    button.dataset.sort = by;
    const cell = make("th", { scope: "col" }, button);
    const on = order.by === by;
    cell.setAttribute("aria-sort", on ? (order.down ? "descending" : "ascending") : "none");
    if (by >= 0) {
      const drop = make("button", { type: "button", className: "drop", textContent: "✕" });
      drop.dataset.drop = by;
      drop.setAttribute("aria-label", `Remove the column: ${text}`);
      cell.append(drop);
    }
    return cell;
  }
  function draw() {
    const holder = byId("table-holder");
    holder.hidden = byId("table-tools").hidden = !questions.length;
    if (!questions.length) {
      holder.replaceChildren();
      return;
    }
    const top = make("tr", {}, head("Reading", -1), ...questions.map((one, at) => head(one, at)));
    const body = make("tbody", {}, ...sorted().map((row) => {
      const name = make("th", { scope: "row" }, make("span", { textContent: row.title }),
        make("span", { className: "by", textContent: [row.by, row.kind].filter(Boolean).join(" · ") }));
      const line = make("tr", {}, name, ...questions.map((question) => make("td", { innerHTML: html(row, question) })));
      line.dataset.reading = row.reading;
      return line;
    }));
    holder.replaceChildren(make("table", {}, make("thead", {}, top), body));
    filter();
    save();
  }
  const html = (row, question) => known(row, question)?.html ?? '<p class="silent">…</p>'; // escaped by the server
  function show(row, question) {
    const line = document.querySelector(`#table-holder tr[data-reading="${CSS.escape(row.reading)}"]`);
    const cell = line?.children[questions.indexOf(question) + 1];
    if (cell) cell.innerHTML = html(row, question);
  }
  function filter() {
    const words = byId("table-find").value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const only = byId("table-only").checked;
    for (const line of document.querySelectorAll("#table-holder tbody tr")) {
      const text = line.textContent.toLocaleLowerCase();
      const empty = only && !line.querySelector("blockquote");
      line.hidden = empty || !words.every((word) => text.includes(word));
    }
  }
  function save() {
    const lines = [...document.querySelectorAll("#table-holder tbody tr:not([hidden])")];
    const asked = new URLSearchParams(questions.map((one) => ["question", one]));
    for (const line of lines) asked.append("reading", line.dataset.reading);
    for (const link of document.querySelectorAll("#table-tools [data-save]")) {
      link.href = `table.${link.dataset.save}?${asked}`;
    }
  }

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "table-form") return;
    event.preventDefault();
    const box = byId("table-question");
    const asked = box.value.trim().replace(/\s+/g, " ");
    if (asked) fill([byId("table-kind").value + asked]);
    box.value = "";
  });
  document.addEventListener("change", (event) => {
    if (event.target.id !== "table-session") return;
    clear();
    fill([]);
  });
  document.addEventListener("input", (event) => {
    if (["table-find", "table-only"].includes(event.target.id)) {
      filter();
      save();
    }
  });
  document.addEventListener("click", (event) => {
    const target = event.target.closest?.("button");
    if (!target?.closest(".compare")) return;
    if (target.dataset.column) fill([target.dataset.column]);
    else if (target.id === "table-clear") clear();
    else if (target.id === "table-stop") {
      run += 1;
      busy(false);
      say("Stopped. “Ask all” or another question goes on.");
    } else if (target.dataset.drop) {
      questions.splice(Number(target.dataset.drop), 1);
      order = { by: -1, down: false };
      draw();
    } else if (target.dataset.sort) {
      const by = Number(target.dataset.sort);
      order = { by, down: order.by === by && !order.down };
      draw();
    }
  });
})();
