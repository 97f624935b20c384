/* What a page does in a reader's hands. All of it can be read without. */
{
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // What is wider than its place can be scrolled by keyboard, and fades where more is to
  // come; what is not is no stop.
  const SCROLLS = "pre, .formula, .table-wrapper";
  function measure(boxes) {
    // All is read before anything is written: else each box is laid out anew.
    const seen = boxes.map((box) => [box, box.scrollWidth - box.clientWidth, box.scrollLeft]);
    for (const [box, hidden, before] of seen) {
      box.classList.toggle("more-before", before > 1);
      box.classList.toggle("more-after", hidden - before > 1);
      if (hidden <= 0) box.removeAttribute("tabindex");
      else if (box.getAttribute("tabindex") !== "0") box.tabIndex = 0;
    }
  }
  const sized = new ResizeObserver((entries) => measure(entries.map(({ target }) => target)));
  for (const box of all(SCROLLS)) {
    sized.observe(box);
    box.addEventListener("scroll", () => measure([box]), { passive: true });
  }

  // The theme's two columns beside the text have no names.
  const names = { ".sidebar-drawer": "Contents of the book", ".toc-drawer": "Contents of the page" };
  for (const [column, name] of Object.entries(names))
    document.querySelector(column)?.setAttribute("aria-label", name);

  // On a phone the contents of the page are out of sight. To follow the reader in them the
  // theme measures every section, before any is shown: it looks for this class to begin.
  const contents = document.querySelector(".toc-scroll");
  if (contents && matchMedia("(max-width: 40em)").matches) {
    contents.classList.remove("toc-scroll");
    addEventListener("DOMContentLoaded", () => contents.classList.add("toc-scroll"));
  }

  // The page that is read is in sight among the others, from when they are: a question
  // for its place now would have the whole page laid out before it is shown.
  const shelf = document.querySelector(".sidebar-scroll"), now = shelf?.querySelector(".current-page");
  const opened = new IntersectionObserver(([{ isIntersecting }]) => {
    if (!isIntersecting) return;
    opened.disconnect();
    shelf.scrollTop = now.offsetTop - shelf.clientHeight / 2;
  });
  if (now) opened.observe(shelf);

  // Whoever is led to something that is folded sees it.
  function unfold() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details"))
      fold.open = true;
    const inside = target.matches(".cell") && target.querySelector(":scope > details, :scope > * > details");
    if (inside) inside.open = true;
    target.scrollIntoView();
  }
  addEventListener("hashchange", unfold);
  if (location.hash) unfold();

  // On a phone a row is a small list, in which each cell says its column.
  for (const table of all("article table.docutils")) {
    const names = all("thead th", table).map((th) => {
      const seen = th.cloneNode(true);    // a formula also holds what is for the ear
      for (const heard of all(".katex-mathml", seen)) heard.remove();
      return seen.textContent.trim();
    });
    for (const row of all("tbody tr", table))
      [...row.cells].forEach((cell, k) => names[k] && (cell.dataset.label = names[k]));
  }

  // A copied formula is its TeX: what is seen and what is read aloud would come twice.
  document.addEventListener("copy", (event) => {
    const selection = getSelection();
    if (selection.isCollapsed || !event.clipboardData) return;
    const range = selection.getRangeAt(0);
    const formula = (node) => (node.nodeType === 1 ? node : node.parentElement)?.closest(".katex");
    if (formula(range.startContainer)) range.setStartBefore(formula(range.startContainer));
    if (formula(range.endContainer)) range.setEndAfter(formula(range.endContainer));
    const copy = range.cloneContents();
    if (!copy.querySelector(".katex")) return;
    for (const each of all(".katex", copy)) {
      const tex = each.querySelector("annotation")?.textContent ?? "";
      each.replaceWith(each.closest(".katex-display") ? `$$${tex}$$` : `$${tex}$`);
    }
    const html = document.createElement("div");
    html.append(copy);
    event.clipboardData.setData("text/html", html.innerHTML);
    // As the browser would: blocks on lines of their own.
    html.style.cssText = "position: fixed; left: -9999px; white-space: normal";
    document.body.append(html);
    event.clipboardData.setData("text/plain", html.innerText);
    html.remove();
    event.preventDefault();
  });

  // Beside the text stands what it cites, once on a page; hidden where there is no room.
  const noted = new Set();
  for (const link of all("article p a.reference.internal[href*='#']")) {
    const href = link.getAttribute("href"), paragraph = link.closest("p");
    const kept = document.querySelector(`template[data-preview="${CSS.escape(href)}"]`);
    const entry = kept?.content.querySelector(".citation");
    if (!entry || noted.has(href) || paragraph.closest("figcaption, .answer, details, li, td")) continue;
    noted.add(href);
    let box = paragraph.parentElement;
    if (!box.matches(".noted")) {
      box = document.createElement("div");
      box.className = "noted";
      paragraph.before(box);
      box.append(paragraph, document.createElement("div"));
      Object.assign(box.lastChild, { className: "sidenote", role: "note" });
    }
    for (const part of all("p", entry)) box.lastChild.append(part.cloneNode(true));
    // An address may go on in the next line behind a slash.
    for (const address of all("a:not(:has(*))", box.lastChild)) {
      const parts = address.textContent.split(/(?<=[^/:]\/)/);
      address.replaceChildren(...parts.flatMap((part) => [part, document.createElement("wbr")]));
    }
  }
}
