// What the browser keeps: conversations, the text being typed, and where this tab is.
// Every conversation has a key of its own, so that two open pages do not overwrite each other.
window.seminar = (() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const PREFIX = "seminar:";
  const MOST = 200; // conversations
  const wishes = [];

  // Storage that may be full, forbidden or written by anybody ---------------------------------
  // In a frame a browser may forbid even to look at it; then this page remembers, while it is open.
  const memory = (kept = new Map()) => ({
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
    key: (i) => [...kept.keys()][i],
    get length() { return kept.size; },
  });
  const storage = (name) => {
    try {
      return window[name] ?? memory();
    } catch {
      return memory();
    }
  };
  const localStorage = storage("localStorage");
  const sessionStorage = storage("sessionStorage");
  const read = (store, key) => {
    try {
      return store.getItem(PREFIX + key);
    } catch {
      return null;
    }
  };
  const write = (store, key, value) => {
    try {
      store.setItem(PREFIX + key, value);
      return true;
    } catch {
      return false;
    }
  };
  const erase = (store, key) => {
    try {
      store.removeItem(PREFIX + key);
    } catch { /* nothing is kept, so nothing stays */ }
  };
  // Who was at the desk, or is sent by the course site as an instructor, sees the way there;
  // students have no use for it.
  if (new URLSearchParams(location.search).has("desk")) write(localStorage, "desk", "yes");
  document.documentElement.classList.toggle("knows-desk", read(localStorage, "desk") === "yes");
  // Courses of one server keep apart, also two of one title.
  const place = () => `${document.title}${/\/c\/[^/]+\/$/.exec(location.pathname)?.[0] ?? ""}:`;

  const parsed = (text) => {
    try {
      const value = JSON.parse(text);
      return value && typeof value === "object" && typeof value.record === "string" ? value : null;
    } catch {
      return null;
    }
  };

  function all() {
    const found = [];
    const mine = `${PREFIX}${place()}talk:`;
    try {
      for (let i = 0; i < localStorage.length; i += 1) {
        const key = localStorage.key(i);
        const talk = key?.startsWith(mine) && parsed(localStorage.getItem(key));
        if (talk) found.push({ ...talk, id: key.slice(mine.length) });
      }
    } catch { /* storage is forbidden: the list stays empty */ }
    return found.sort((a, b) => (Number(b.at) || 0) - (Number(a.at) || 0));
  }
  const load = (id) => parsed(read(localStorage, `${place()}talk:${id}`));
  const current = () => read(sessionStorage, `${place()}current`) ?? "";

  function save(id, talk) {
    const text = JSON.stringify(talk);
    const key = `${place()}talk:${id}`;
    const others = () => all().filter((one) => one.id !== id);
    for (const old of others().slice(MOST - 1)) erase(localStorage, `${place()}talk:${old.id}`);
    while (!write(localStorage, key, text)) {
      const old = others().pop();
      if (!old) {
        say("This browser keeps no conversations; export what you need.");
        return;
      }
      erase(localStorage, `${place()}talk:${old.id}`);
      say("The browser's storage was full, so the oldest conversation was removed.");
    }
  }

  // Called with every change of the conversation that the page shows.
  function keep(record) {
    let talk = null;
    try {
      talk = record ? JSON.parse(record) : null;
    } catch { /* shown as it is, not kept */ }
    const id = talk?.id ?? "";
    write(sessionStorage, `${place()}current`, id);
    if (id) {
      const known = load(id);
      const first = talk.exchanges?.[0]?.question ?? talk.pending?.question ?? "";
      const same = known?.record === record;
      save(id, {
        title: known?.title || first.slice(0, 120),
        at: same ? known.at : Date.now(),
        record,
      });
    }
    list();
  }

  // What is typed -----------------------------------------------------------------------------
  const box = () => document.querySelector("#question textarea");
  let typed = false; // an empty box says nothing before what was kept is back in it
  function draft() {
    const text = box()?.value ?? "";
    typed ||= text !== "";
    if (!typed) return;
    for (const store of [sessionStorage, localStorage]) {
      if (text) write(store, `${place()}draft`, text);
      else erase(store, `${place()}draft`);
    }
  }
  const drafted = () =>
    read(sessionStorage, `${place()}draft`) ?? read(localStorage, `${place()}draft`) ?? "";
  document.addEventListener("input", (event) => {
    if (event.target === box()) draft();
  });

  // Types a text into a box, as far as Gradio can tell.
  function put(area, text) {
    if (!area) return;
    const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
    set.call(area, text);
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const fill = (text) => put(box(), text);

  // Between the page and the server -----------------------------------------------------------
  const arrival = () =>
    JSON.stringify({
      record: load(current())?.record ?? "",
      draft: drafted(),
      hash: linked() ? location.hash : "",
      share: read(localStorage, `${place()}share`) === "yes",
    });
  // What the server sends to an opening page takes the place of all that is there: a question that
  // is asked before waits for it, but not for ever.
  let opened;
  const shown = new Promise((resolve) => { opened = resolve; });
  async function question(...values) {
    await Promise.race([shown, new Promise((resolve) => setTimeout(resolve, 5_000))]);
    return values;
  }
  const linked = () => /^#(q|scope)=/.test(location.hash);
  const wish = () => JSON.stringify(wishes.shift() ?? {});
  function ask_server(what) {
    wishes.push(what);
    byId("act")?.click();
  }

  // An answer that is being written belongs to the conversation that is open, so it ends first.
  const writing = () => Boolean(byId("stop")?.offsetParent);
  function settled(then) {
    if (!writing()) {
      then();
      return;
    }
    byId("stop").click();
    const timer = setInterval(() => {
      if (writing()) return;
      clearInterval(timer);
      then();
    }, 100);
  }

  function open(id) {
    const talk = id ? load(id) : null;
    settled(() => ask_server(talk ? { do: "open", record: talk.record } : { do: "new" }));
    show_asking();
    byId("rail")?.classList.remove("open");
    box()?.focus({ preventScroll: true });
  }
  function show_asking() {
    const tab = document.querySelector('#views [role="tab"]');
    if (tab?.getAttribute("aria-selected") !== "true") tab?.click();
  }
  // For the list of readings: the next question is about this reading; one that is given is asked
  // once the page says so.
  function askAbout(reading, question = "") {
    show_asking();
    document.querySelector(".scope-chip")?.remove();
    settled(() => ask_server({ do: "scope", scope: { readings: [String(reading)] } }));
    setTimeout(() => box()?.focus(), 60);
    if (question) fill(question);
    const send = (tries) => {
      if (document.querySelector(".scope-chip")) byId("send")?.click();
      else if (tries) setTimeout(() => send(tries - 1), 60);
    };
    if (question) setTimeout(() => send(80), 60);
  }
  addEventListener("hashchange", () => {
    if (!linked()) return;
    show_asking();
    ask_server({ do: "link", hash: location.hash });
    box()?.focus();
  });

  // The list ----------------------------------------------------------------------------------
  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };
  function say(text, undo) {
    const note = document.querySelector(".rail-note");
    if (!note) return;
    note.replaceChildren(text);
    if (undo) note.append(" ", make("button", { type: "button", textContent: "Undo", onclick: undo }));
  }
  const words = () => (byId("find-conversation")?.value ?? "").toLowerCase().split(/\s+/);
  const matches = (talk) => {
    const text = `${talk.title ?? ""} ${talk.record}`.toLowerCase();
    return words().every((word) => text.includes(word));
  };

  function rename(item, talk) {
    const field = make("input", { type: "text", value: talk.title ?? "", maxLength: 120 });
    field.setAttribute("aria-label", "Name of the conversation");
    let done = false;
    const end = (keepIt) => {
      if (done) return;
      done = true;
      const kept = load(talk.id);
      if (keepIt && kept && field.value.trim()) save(talk.id, { ...kept, title: field.value.trim() });
      list();
      document.querySelector(`[data-rename="${CSS.escape(talk.id)}"]`)?.focus();
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault(); // it would press the button that gets the focus
      end(event.key === "Enter");
    });
    field.addEventListener("blur", () => end(true));
    item.replaceChildren(field);
    field.focus();
    field.select();
  }

  function remove(talk) {
    erase(localStorage, `${place()}talk:${talk.id}`);
    const { id, ...kept } = talk;
    const was = current() === id;
    if (was) open("");
    list();
    const name = talk.title || "Conversation";
    say(`“${name.length > 40 ? `${name.slice(0, 39)}…` : name}” was deleted.`, () => {
      save(id, kept);
      if (was) open(id);
      list();
      say("");
    });
  }

  function row(talk) {
    const title = talk.title || "Conversation";
    const name = make("button", { type: "button", className: "talk", textContent: title, title });
    name.onclick = () => open(talk.id);
    if (talk.id === current()) name.setAttribute("aria-current", "true");
    const item = make("li", {}, name);
    const small = (text, label, onclick) => {
      const button = make("button", { type: "button", textContent: text, title: label, onclick });
      button.setAttribute("aria-label", `${label}: ${title}`);
      return button;
    };
    const renames = small("✎", "Rename", () => rename(item, talk));
    renames.dataset.rename = talk.id;
    item.append(make("span", { className: "tools" }, renames, small("✕", "Delete", () => remove(talk))));
    return item;
  }

  function list() {
    const holder = byId("conversations");
    if (!holder) return;
    const talks = all();
    byId("rail")?.classList.toggle("filled", talks.length > 0);
    const found = talks.filter(matches);
    holder.replaceChildren(...found.map(row));
    if (talks.length && !found.length) {
      holder.append(make("li", { className: "none", textContent: "Nothing found" }));
    }
  }
  document.addEventListener("input", (event) => {
    if (event.target.id === "find-conversation") list();
  });
  addEventListener("storage", (event) => {
    if (event.key?.startsWith(`${PREFIX}${place()}talk:`)) list();
  });

  const record = () => load(current())?.record ?? "";
  const title = () => load(current())?.title ?? "";
  const share = (yes) => write(localStorage, `${place()}share`, yes ? "yes" : "no");
  return {
    arrival, opened, question, wish, keep, draft, fill, put, open, askAbout, list, record, title,
    share, tell: ask_server,
  };
})();
