/* Opens the search, and shows on a page what a link of the search led to; see search.py.
   Every page loads these lines. The rest is loaded when a reader searches. */
"use strict";
globalThis.BookSearch = { receive: (book) => Object.assign(BookSearch, { book }) };
{
  const home = new URL("search/", document.currentScript.src), loading = new Map();

  function begin(name) {
    const isSheet = name.endsWith(".css"), address = new URL(name, home).href;
    const part = document.createElement(isSheet ? "link" : "script");
    if (isSheet) Object.assign(part, { rel: "stylesheet", href: address });
    // Scripts run in the order in which they are asked for.
    else Object.assign(part, { src: address, async: false });
    const loaded = new Promise((resolve, reject) =>
      Object.assign(part, { onload: resolve, onerror: reject }));
    document.head.append(part);
    return loaded;
  }
  const loaded = (name) => loading.get(name) ?? loading.set(name, begin(name)).get(name);
  const load = (...names) => Promise.all(names.map(loaded));
  const prepare = () => load("search.css", "words.js", "lookup.js", "dialog.js");
  Object.assign(BookSearch, { load, root: new URL("../../", home).href });

  // The field beside the text is where searching begins, and all there is without scripts.
  const field = document.querySelector(".sidebar-search");
  let opening;
  const open = () => (opening ??= prepare().then(() => {
    const typed = field?.value;
    if (field) field.value = "";
    BookSearch.open(typed);
  }).finally(() => (opening = null)));
  field?.addEventListener("focus", prepare);
  field?.addEventListener("click", open);
  field?.addEventListener("input", open);

  const TYPED = `textarea, select, [contenteditable],
    input:not([type=range], [type=checkbox])`;
  document.addEventListener("keydown", (event) => {
    const { key, target, altKey, ctrlKey, metaKey, shiftKey } = event;
    const isTyped = target.closest?.(TYPED) && (target !== field || field.value);
    const isSlash = key === "/" && !ctrlKey && !metaKey && !altKey && !isTyped;
    const isK = key.toLowerCase() === "k" && ctrlKey !== metaKey && !altKey && !shiftKey;
    if (!isSlash && !isK) return;
    event.preventDefault();
    // What is typed until the dialog is there is not lost.
    if (!document.querySelector("dialog[open]")) field?.focus({ preventScroll: true });
    open();
  });

  const asked = new URLSearchParams(location.search), match = asked.get("match");
  if (match) load("search.css", "words.js", "landing.js").then(() => BookSearch.land(match));
  if (document.querySelector(".search-page"))
    prepare().then(() => BookSearch.page(asked.get("q") ?? ""));
}
