/* Finds the sections that have what a reader asks for. Knows no page. */
"use strict";
globalThis.BookSearch ??= {};
{
  const { words, squeeze, pieces, read, COMMAND } = BookSearch;
  const FIELDS = { name: 3, title: 4, text: 1, formula: 1, tex: 1 };
  const WORDS = ["name", "title", "text"];
  // Of a formula that begins at any of its signs, as many as are compared.
  const LONG = 24;
  // What only a formula has.
  const SIGN = /\p{Script=Greek}|[=<>≤≥≪≫≈≠±∑∏∈←→∞|+^]/u;
  const all = (queries, how) => ({ queries, combineWith: "AND", ...how });
  const any = (queries, how) => ({ queries, combineWith: "OR", ...how });

  /* What a query asks for: units, all of which must be found, and phrases. */
  function parsed(query) {
    const phrases = [];
    const rest = query.replace(/["“”„]([^"“”]*)["“”]?/g, (_, quoted) => {
      const said = words(quoted).filter(({ isWhole }) => isWhole).map(({ word }) => word);
      if (said.length > 1) phrases.push(said);
      return ` ${quoted} `;
    });
    const units = rest.split(/\s+/).map(unit);
    const isAny = ({ words, formula, commands }) => words.length || formula || commands.length;
    return { phrases, units: units.filter(isAny) };
  }

  function unit(raw) {
    const bare = raw.replace(COMMAND, " "), whole = [];
    for (const { word, isWhole } of words(bare))
      if (isWhole) whole.push({ word, parts: [] });
      else whole.at(-1).parts.push(word);
    const { squeezed } = squeeze(bare);
    const isFormula = squeezed.length > 1 && SIGN.test(bare);
    // Also 2w, hS and 1e-2 may be written in a formula; a longer word is one.
    const mayBe = isFormula || /^(?![a-z]*$|\d*$)..+$|^[a-z]{2,3}$/.test(squeezed);
    const commands = raw.match(COMMAND) ?? [];
    return { words: whole, commands, isFormula, formula: mayBe && squeezed };
  }

  /* The query for one unit: a word, or the parts of its name, or a piece of a formula.
     Asked for exactly, a piece of a formula is not the letters that it is made of. */
  function asked({ words, commands, isFormula, formula }, how) {
    const ways = [], isPiece = isFormula && how === EXACT;
    const named = words.map(({ word, parts }) => {
      const own = any([word], { fields: WORDS, ...how });
      return parts.length && !isPiece ? any([own, all(parts, { fields: WORDS })]) : own;
    });
    if (isPiece ? words.length === 1 && words[0].word === formula : words.length)
      ways.push(all(named));
    if (formula)
      ways.push(any([formula.slice(0, LONG)], { fields: ["formula"], prefix: true }));
    const needed = ways.length ? [any(ways)] : [];
    if (commands.length) needed.push(all(commands, { fields: ["tex"], prefix: how.prefix }));
    return all(needed);
  }

  const suffixes = (formula) => {
    const { squeezed } = squeeze(formula);
    return [...squeezed].map((_, start) => squeezed.slice(start, start + LONG));
  };

  // How many letters may be wrong in a short word.
  const FAULTS = [0, 0, 0, 0, 1, 1];
  const EXACT = { prefix: false, fuzzy: false };
  const BEGUN = { prefix: (term) => term.length > 1, fuzzy: false };
  const NEAR = { prefix: true, fuzzy: (term) => (/^\d/.test(term) ? 0 : FAULTS[term.length] ?? 2) };

  class Lookup {
    constructor({ pages, sections }) {
      this.pages = pages;
      this.sections = sections.map(([page, anchor, number, title, text], id) => ({
        id, page: pages[page][0], where: pages[page][1], anchor, number, title, text,
        isPage: !id || sections[id - 1][0] !== page,
      }));
      this.lines = [];
      this.index = new MiniSearch({
        fields: Object.keys(FIELDS),
        extractField: (section, field) =>
          field === "id" ? section.id : this.fields(section)[field],
        stringifyField: (terms) => terms,
        tokenize: (terms) => (Array.isArray(terms) ? terms : [terms]),
        processTerm: (term) => term,
      });
    }

    /* The terms of a section in each field, and its words in their order as one line. */
    fields(section) {
      if (this.last?.section !== section) {
        const title = read(pieces(section.title)), text = read(pieces(section.text));
        const formulas = [...title.formulas, ...text.formulas];
        const terms = ({ words }) => words.map(({ word }) => word);
        const line = ({ words }) => terms({ words: words.filter((each) => each.isWhole) });
        this.lines[section.id] = ` ${line(title).join(" ")} | ${line(text).join(" ")} `;
        this.last = {
          section, title: terms(title), text: terms(text),
          name: section.isPage ? terms(read(pieces(section.where))) : [],
          formula: formulas.flatMap(({ text }) => suffixes(text)),
          tex: formulas.flatMap(({ tex }) => tex.match(COMMAND) ?? []),
        };
      }
      return this.last;
    }

    /* Read all sections, some at a time, so that a reader can type meanwhile. */
    async ready() {
      await this.index.addAllAsync(this.sections, { chunkSize: 10 });
      return this;
    }

    run(units, how, combineWith = "AND") {
      const query = { queries: units.map((each) => asked(each, how)), combineWith };
      return this.index.search(query, { boost: FIELDS }).map((result) => ({
        section: this.sections[result.id], sought: sought(result, units),
      }));
    }

    /* The sections found, the best first, and how: as "asked", or what else there is. */
    find(query) {
      const { units, phrases } = parsed(query);
      if (!units.length) return { found: [], how: "asked" };
      const exact = this.run(units, EXACT), there = new Set(exact.map(({ section }) => section));
      const begun = this.run(units, BEGUN).filter(({ section }) => !there.has(section));
      if (phrases.length) return this.quoted([...exact, ...begun], phrases);
      if (exact.length + begun.length)
        return { found: [...this.inOrder(exact, units), ...begun], how: "asked" };
      const near = this.run(units, NEAR);
      if (near.length) return { found: near, how: "near" };
      return { found: units.length > 1 ? this.run(units, BEGUN, "OR") : [], how: "some" };
    }

    said(found, phrases) {
      return found.filter(({ section: { id } }) =>
        phrases.every((phrase) => this.lines[id].includes(` ${phrase.join(" ")}`)));
    }

    /* Where words stand as they were asked for comes first, and they are marked as one. */
    inOrder(found, units) {
      const phrase = units.flatMap(({ words }) => words.map(({ word }) => word));
      const isProse = phrase.length > 1 && !units.some((each) => each.isFormula);
      const first = isProse ? this.said(found, [phrase]) : [];
      const rest = found.filter((each) => !first.includes(each));
      return [...first.map(marking([phrase])), ...rest];
    }

    quoted(found, phrases) {
      const said = this.said(found, phrases);
      if (!said.length) return { found, how: "apart" };
      return { found: said.map(marking(phrases)), how: "asked" };
    }
  }

  const marking = (phrases) => (each) => ({ ...each, sought: { ...each.sought, phrases } });

  /* What to mark in a section: a name's parts only where the whole is not there. */
  function sought({ match }, units) {
    const isWord = (term) => match[term].some((field) => WORDS.includes(field));
    const terms = Object.keys(match).filter(isWord), whole = units.flatMap((u) => u.words);
    const asked = whole.map(({ word }) => word);
    const found = whole.filter(({ word }) => terms.includes(word));
    const needless = found.flatMap(({ parts }) => parts).filter((part) => !asked.includes(part));
    const isFormula = Object.values(match).flat().includes("formula");
    return {
      words: terms.filter((term) => !needless.includes(term)),
      formulas: isFormula ? units.flatMap(({ formula }) => formula || []) : [],
      commands: units.flatMap(({ commands }) => commands),
      phrases: [],
    };
  }

  Object.assign(BookSearch, { Lookup, parsed });
}
