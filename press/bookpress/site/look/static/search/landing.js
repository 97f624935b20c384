/* Shows on a page what a link of the search led to: opens what it is folded in, marks it
   and scrolls to it. The page is read as sections.py reads it. */
"use strict";
{
  const { read, spots, best } = BookSearch;
  const SECTION = "section[id], dl.py", HEADING = "h1, h2, h3, h4, h5, h6";
  const SKIPPED = `script, style, svg, button, label, select, output, nav, template,
    .headerlink, .citing, .label, .sliders-controls, .section-number, .sidenote,
    details.hide > summary, [hidden]:not([hidden=until-found])`;
  const BLOCK = `p, div, section, ul, ol, li, dl, dt, dd, table, tr, td, th, pre, figure,
    figcaption, caption, details, summary, br, ${HEADING}`;
  const raised = (sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻"["0123456789+-−".indexOf(sign)] ?? sign;

  /* What a link of the search handed over: see dialog.js. */
  function parsed(match) {
    const phrases = [...match.matchAll(/"([^"]*)"/g)].map(([, inside]) => inside.split(" "));
    const rest = match.replace(/"[^"]*"/g, "").split(" ").filter(Boolean);
    const isWord = (each) => !/^[~\\]/.test(each);
    const after = (sign) => rest.filter((each) => each.startsWith(sign));
    const formulas = after("~").map((each) => each.slice(1));
    return { phrases, words: rest.filter(isWord), commands: after("\\"), formulas };
  }

  const formula = (node) => ({
    node, tex: node.querySelector("annotation")?.textContent ?? "",
    text: [...node.querySelectorAll("mi, mn, mo, mtext")]
      .map((leaf) => leaf.textContent).join(" "),
  });

  /* The pieces of what stands below a node, without the sections inside it. */
  function piecesOf(node) {
    return [...node.childNodes].flatMap((child) => {
      if (child.nodeType === Node.TEXT_NODE) {
        const isRaised = node.localName === "sup";
        return [{ node: child, text: isRaised ? child.data.replace(/./g, raised) : child.data }];
      }
      if (child.nodeType !== Node.ELEMENT_NODE) return [];
      if (child.matches(`${SECTION}, ${SKIPPED}`)) return [];
      if (child.matches(".katex")) return [formula(child)];
      const edge = child.matches(BLOCK) ? [{ text: "\n" }] : [];
      return [...edge, ...piecesOf(child), ...edge];
    });
  }

  /* Mark some spots; the last comes first, so that the places of the others stay. */
  function mark(pieces, spots) {
    const marks = [], backwards = pieces.filter(({ node }) => node).reverse();
    for (const { start, end } of [...spots].reverse())
      for (const piece of backwards)
        if (piece.start < end && piece.end > start)
          marks.unshift(piece.tex === undefined ? markText(piece, start, end) : piece.node);
    marks.forEach((each) => each.classList.add("match"));
    return marks;
  }

  function markText({ node, start: from, end: to }, start, end) {
    const range = document.createRange(), mark = document.createElement("mark");
    range.setStart(node, Math.max(start - from, 0));
    range.setEnd(node, Math.min(end, to) - from);
    range.surroundContents(mark);
    return mark;
  }

  function unmark(marks) {
    for (const each of marks) {
      each.classList.remove("match");
      if (each.localName === "mark") {
        const around = each.parentNode;
        each.replaceWith(...each.childNodes);
        around.normalize();
      }
    }
  }

  function unfold(part) {
    const FOLD = "details:not([open]), [hidden=until-found]";
    for (let fold = part.closest(FOLD); fold; fold = part.closest(FOLD))
      fold.localName === "details" ? (fold.open = true) : fold.removeAttribute("hidden");
  }

  /* Mark what is sought in a section: in its text, else in its title. */
  function found(section, sought) {
    const pieces = piecesOf(section);
    const isTitle = ({ node }) => node?.parentElement.closest(HEADING);
    for (const part of [pieces.filter((piece) => !isTitle(piece)), pieces.filter(isTitle)]) {
      const some = best(spots(read(part, sought.commands), sought));
      if (some.length) return mark(part, some);
    }
    return [];
  }

  /* A long table may show only the rows that its own field asks for. */
  function foundInTable(section, sought) {
    const field = section.querySelector(".listing input");
    if (!field || !sought.words.length) return [];
    field.value = sought.words.join(" ");
    field.dispatchEvent(new Event("input"));
    return found(section, sought);
  }

  BookSearch.land = async (match) => {
    const address = new URL(location), sought = parsed(match);
    address.searchParams.delete("match");
    history.replaceState(history.state, "", address);
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const section = target?.closest(SECTION) ?? document.querySelector("[role=main]");
    let marks = found(section, sought);
    if (!marks.length) marks = foundInTable(section, sought);
    if (!marks.length) return;
    marks.forEach(unfold);
    document.addEventListener("keydown", ({ key }) =>
      key === "Escape" && !document.querySelector("dialog[open]") && unmark(marks.splice(0)));
    const show = () => marks[0]?.scrollIntoView({ block: "center" });
    show();
    // Until all is loaded, the browser goes back to the section, and the text moves.
    if (document.readyState !== "complete")
      await new Promise((resolve) => addEventListener("load", resolve, { once: true }));
    await document.fonts.ready;
    requestAnimationFrame(show);
  };
}
