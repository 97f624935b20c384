/* Where a reader searches: a dialog on every page, and the page search.html. */
"use strict";
{
  const { load, root, pieces, read, spots, excerpt, marked, Lookup } = BookSearch;
  const SHOWN = 20, SHOWN_ON_PAGE = 100;
  const FORM = `<form method="get" action="${root}search.html">
      <input type="text" name="q" aria-label="Search the book" autocomplete="off"
        placeholder="A word, a formula, a number, a “phrase”" autocapitalize="off"
        spellcheck="false" enterkeyhint="search">
      <button type="button">Close</button>
    </form>`;
  const RESULTS = `<p class="search-said" role="status"></p><ol class="search-found"></ol>
    <p class="search-more" hidden><a href="?q="></a></p>`;
  const KEYS = `<p class="search-keys" aria-hidden="true"><kbd>↑</kbd> <kbd>↓</kbd> choose
    <kbd>Enter</kbd> open <kbd>Esc</kbd> close</p>`;

  let lookup;
  let begun;
  const ready = () => (begun ??= load("minisearch.min.js", "book.js").then(async () => {
    lookup = await new Lookup(BookSearch.book).ready();
  }));

  const tag = (name, className, ...inside) => {
    const element = Object.assign(document.createElement(name), { className });
    element.append(...inside);
    return element;
  };
  const withMarks = (texts) =>
    texts.map(({ text, isMarked }) => (isMarked ? tag("mark", "", text) : text));

  /* What a link hands to the page that it leads to: see landing.js. */
  const handed = ({ words, formulas, commands, phrases }) =>
    phrases.length
      ? phrases.map((phrase) => `"${phrase.join(" ")}"`).join(" ")
      : [...words, ...formulas.map((formula) => `~${formula}`), ...commands].join(" ");

  function result({ section, sought }) {
    const title = read(pieces(section.title));
    const text = read(pieces(section.text), sought.commands);
    const name = withMarks(marked(title.shown, spots(title, sought)));
    if (section.number) name.unshift(tag("span", "section-number", `${section.number} `));
    const page = tag("span", "search-where", section.where);
    const place = tag("span", "search-place", page, " ", tag("span", "search-title", ...name));
    const said = tag("span", "search-excerpt", ...withMarks(excerpt(text, spots(text, sought))));
    const match = encodeURIComponent(handed(sought));
    const href = `${root}${section.page}?match=${match}#${section.anchor}`;
    return tag("li", "", Object.assign(tag("a", "", place, said), { href }));
  }

  function said(query, { found, how }, most) {
    const many = `${found.length} section${found.length === 1 ? "" : "s"}`;
    const nothing = `No section has ${/^["“]/.test(query) ? query : `“${query}”`}`;
    if (!found.length) return `${nothing}.`;
    if (how === "near") return `${nothing}. Words like it, in ${many}:`;
    if (how === "some") return `No section has all these words. Some of them, in ${many}:`;
    if (how === "apart")
      return `No section has these words in this order. All of them, in ${many}:`;
    return found.length > most ? `${many}, of which these are the first ${most}` : many;
  }

  /* Let a part of a page show, below its field, what is found as one types. */
  function attach(part, most) {
    const input = part.querySelector("input"), list = part.querySelector("ol");
    const status = part.querySelector("[role=status]");
    const more = part.querySelector(".search-more");
    const links = () => [...list.querySelectorAll("a")];

    function show(query, answer) {
      status.textContent = query && said(query, answer, most);
      list.replaceChildren(...answer.found.slice(0, most).map(result));
      list.scrollTop = 0;
      more.hidden = answer.found.length <= most || most === SHOWN_ON_PAGE;
      more.firstChild.textContent = `All ${answer.found.length} on one page`;
      more.firstChild.href = `${root}search.html?q=${encodeURIComponent(query)}`;
    }

    async function look() {
      if (!lookup && input.value) status.textContent = "Loading …";
      try {
        await ready();
      } catch {
        status.textContent = "What is needed to search could not be loaded.";
        return;
      }
      const query = input.value.trim();
      show(query, query ? lookup.find(query) : { found: [] });
    }

    part.addEventListener("keydown", (event) => {
      const { key, ctrlKey, metaKey } = event;
      const stops = [input, ...links()], place = stops.indexOf(document.activeElement);
      const next = place + ({ ArrowDown: 1, ArrowUp: -1 }[key] ?? 0);
      if (place < 0) return;
      if (next !== place) {
        event.preventDefault();
        stops[next]?.focus();
      } else if (key.length === 1 && key !== " " && !ctrlKey && !metaKey)
        input.focus(); // Who types on goes on asking.
    });
    input.addEventListener("input", look);
    return { input, look, links };
  }

  let own, place;

  function made() {
    const dialog = tag("dialog", "search-dialog");
    dialog.setAttribute("aria-label", "Search the book");
    dialog.innerHTML = FORM + RESULTS + KEYS;
    document.body.append(dialog);
    const { input, look, links } = attach(dialog, SHOWN);
    dialog.querySelector("button").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
    dialog.querySelector("form").addEventListener("submit", async (event) => {
      event.preventDefault();
      await look();
      links()[0]?.click();
    });
    return { dialog, input, look };
  }

  /* Open the dialog with what was typed already, or else with what was asked last. */
  BookSearch.open = (typed) => {
    if (own) return own.input.focus();
    place ??= made();
    const { dialog, input, look } = place;
    if (dialog.open) return input.focus();
    dialog.showModal();
    input.focus();
    if (typed) input.value = typed;
    else input.select();
    look();
  };

  BookSearch.page = (query) => {
    const part = document.querySelector(".search-page");
    part.insertAdjacentHTML("beforeend", RESULTS);
    own = attach(part, SHOWN_ON_PAGE);
    // Somebody may have typed while this was loaded.
    own.input.value ||= query;
    own.input.addEventListener("input", () =>
      history.replaceState(null, "", `?q=${encodeURIComponent(own.input.value)}`));
    part.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    if (own.input.value) own.look();
    else own.input.focus();
  };
}
