/* Which words a text has, and where those that are sought stand in it.
   Knows no page: a text is a list of pieces, words {text} or a formula {text, tex}. */
"use strict";
globalThis.BookSearch ??= {};
{
  const TEN = "10⁻?[⁰¹²³⁴-⁹]+";
  const NUMBER = `${TEN}|\\d+(?:\\.\\d+)*(?:[eE][-+−]?\\d+| ?× ?${TEN})?`;
  const NAME = "[\\p{L}\\p{N}_]+(?:[.'’−‐‑-][\\p{L}\\p{N}_]+)*";
  const WORD = new RegExp(`(${NUMBER})(?![\\p{L}\\p{N}_])|${NAME}`, "gu");
  // Letters that stand together in a formula are a product, or the name of a function.
  const ATOM = new RegExp(`(${NUMBER})|\\p{Script=Greek}|[a-zA-Z]+`, "gu");
  const PARTS = [/[^._'’−‐‑-]{2,}/g, /\p{Script=Greek}/gu];
  const COMMAND = /\\[a-zA-Z]+/g;
  // How many characters an excerpt has, and how many of them before what is sought.
  const WIDTH = 180, BEFORE = 60;

  /* One spelling for all accents, capitals, dashes and raised or lowered signs. */
  const plain = (text) =>
    text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
      .replace(/[−‐‑–]/g, "-").replace(/’/g, "'");

  /* 1.4 × 10⁻⁵, 1.4e-05 and 1.4e-5 are one number. */
  const number = (text) =>
    plain(text.replace(/^10(?=[⁻⁰¹²³⁴-⁹])/, "1e").replace(/ ?× ?10(?=[⁻⁰¹²³⁴-⁹])/, "e"))
      .replace(/e\+?(-?)0*(?=\d)/, "e$1");

  /* The weights, a weight and the weight's are one word. */
  const name = (text) =>
    plain(text).replace(/'s$/, "")
      .replace(/^([a-z]{2,})ies$/, "$1y").replace(/^([a-z]{2,}[^\W_aisu])s$/, "$1");

  const once = (make) => {
    const made = new Map();
    return (key) => made.get(key) ?? made.set(key, make(key)).get(key);
  };

  /* The words that a name stands for: the whole one, and the parts. */
  const named = once((raw) => [
    { from: 0, to: raw.length, word: name(raw), isWhole: true },
    ...PARTS.flatMap((kind) => [...raw.matchAll(kind)])
      .filter(([part]) => part !== raw)
      .map(({ 0: part, index }) => ({ from: index, to: index + part.length, word: name(part) })),
  ]);
  const counted = once((raw) => [{ from: 0, to: raw.length, word: number(raw), isWhole: true }]);

  /* Every word of a text, with its place. */
  function words(text, kind = WORD, shift = 0) {
    const found = [];
    for (const { 0: raw, 1: digits, index } of text.matchAll(kind))
      for (const { from, to, word, isWhole } of digits ? counted(raw) : named(raw))
        found.push({ start: shift + index + from, end: shift + index + to, word, isWhole });
    return found;
  }

  /* A formula without what may be set in several ways, and where each sign stood. */
  const SAME = { "∥": "||", "‖": "||", "∣": "|", "⊤": "t", "ˉ": "", "˙": "" };
  const SIGN = /[\p{L}\p{N}+\-=<>≤≥≪≫≈≠±∑∏∈←→∞|]/gu;
  const signs = once((sign) => (SAME[sign] ?? plain(sign)).match(SIGN) ?? []);
  function squeeze(text) {
    let squeezed = "";
    const at = [];
    [...text].forEach((sign, place) => {
      for (const kept of signs(sign)) {
        squeezed += kept;
        at.push(place);
      }
    });
    return { squeezed, at };
  }

  /* The pieces of a text in which formulas stand as sections.py writes them. */
  const pieces = (text) =>
    text.split(/[\uE000\uE002]/).map((part, count) => {
      const [shown, tex] = part.split("\uE001");
      return count % 2 ? { text: shown, tex } : { text: part };
    });

  /* What is shown of some pieces, with its words. A formula is shown as its TeX if it
     has the commands that are sought. */
  function read(pieces, commands = []) {
    let shown = "", prose = "";
    for (const piece of pieces) {
      const its = piece.tex?.match(COMMAND) ?? [];
      piece.isTex = commands.length > 0 && commands.every((each) => its.includes(each));
      const text = piece.isTex ? piece.tex : piece.text;
      Object.assign(piece, { start: shown.length, end: shown.length + text.length });
      shown += text;
      prose += piece.tex === undefined ? text : " ".repeat(text.length);
    }
    const formulas = pieces.filter((piece) => piece.tex !== undefined);
    const found = words(prose);
    for (const { text, start, isTex } of formulas)
      if (!isTex) found.push(...words(text, ATOM, start));
    return { shown, formulas, words: found.sort((a, b) => a.start - b.start) };
  }

  const places = (text, part) =>
    [...Array(text.length).keys()].filter((start) => text.startsWith(part, start));

  function phrasesIn({ words }, phrases) {
    const whole = words.filter((each) => each.isWhole);
    return phrases.flatMap((phrase) =>
      whole.flatMap(({ start }, from) =>
        phrase.every((word, k) => whole[from + k]?.word === word)
          ? [{ start, end: whole[from + phrase.length - 1].end, key: phrase.join(" ") }]
          : []));
  }

  function formulasIn(formulas, sought) {
    const found = [];
    for (const { text, tex, start, isTex } of formulas) {
      const { squeezed, at } = squeeze(text);
      const add = (from, to, key) =>
        found.push({ start: start + from, end: start + to, key });
      for (const key of isTex ? sought.commands : [])
        places(tex, key).forEach((from) => add(from, from + key.length, key));
      for (const key of isTex ? [] : sought.formulas)
        places(squeezed, key).forEach((k) => add(at[k], at[k + key.length - 1] + 1, key));
    }
    return found;
  }

  /* Where in what was read something stands that is sought, in its order. */
  function spots(reading, sought) {
    const found = sought.phrases.length ? phrasesIn(reading, sought.phrases) : [
      ...reading.words.filter(({ word }) => sought.words.includes(word))
        .map(({ start, end, word }) => ({ start, end, key: word })),
      ...formulasIn(reading.formulas, sought),
    ];
    found.sort((a, b) => a.start - b.start || b.end - a.end);
    let end = 0;
    return found.filter((spot) => spot.start >= end && (end = spot.end));
  }

  /* The first spots in the place where the most of what is sought stands together. */
  function best(spots) {
    const near = spots.map(({ start }, k) =>
      spots.slice(k).filter(({ end }) => end <= start + WIDTH - BEFORE));
    const kinds = near.map((some) => new Set(some.map(({ key }) => key)).size);
    return near[kinds.indexOf(Math.max(...kinds))] ?? [];
  }

  /* Where an excerpt begins: with the block, with some before it if that is short, or in
     the middle of it. */
  function beginning(shown, first) {
    const from = Math.max(first - BEFORE, 0), block = shown.lastIndexOf("\n", first) + 1;
    if (from > block) return shown.indexOf(" ", from) + 1 || first;
    const isLong = (shown.slice(block).indexOf("\n") + 1 || shown.length - block) > BEFORE;
    if (isLong) return block;
    return from && Math.min(shown.indexOf("\n", from) + 1, block);
  }

  /* A sentence's worth of what was read, as texts, those that are sought marked. */
  function excerpt({ shown, formulas }, spots) {
    const some = best(spots), first = some[0]?.start ?? 0, last = some.at(-1)?.end ?? 0;
    const whole = (place) => formulas.find((f) => f.start < place && place < f.end);
    let start = Math.min(beginning(shown, first), first);
    start = whole(start)?.start ?? start;
    let end = Math.max(start + WIDTH, last);
    if (end < shown.length) end = Math.max(shown.lastIndexOf(" ", end), last);
    end = whole(end)?.end ?? end;
    const texts = marked(shown, spots, start, end);
    if (start > 0 && shown[start - 1] !== "\n") texts.unshift({ text: "… " });
    if (end < shown.length) texts.push({ text: " …" });
    return texts;
  }

  /* A text cut into pieces, those that are sought marked. */
  function marked(shown, spots, start = 0, end = shown.length) {
    const texts = [];
    const add = (from, to, isMarked) => {
      const text = shown.slice(from, to).replace(/\n/g, " · ");
      if (text) texts.push({ text, isMarked });
    };
    let place = start;
    for (const spot of spots.filter((s) => start <= s.start && s.end <= end)) {
      add(place, spot.start, false);
      add(spot.start, spot.end, true);
      place = spot.end;
    }
    add(place, end, false);
    return texts;
  }

  const shared = { words, squeeze, pieces, read, spots, best, excerpt, marked, COMMAND };
  Object.assign(BookSearch, shared);
}
