/* On a narrow screen, puts the drawing for it in the place of each; see on_demand.py. */
{
  const narrow = matchMedia("(max-width: 34em)");
  const near = new IntersectionObserver(come, { rootMargin: "100%" });
  const pairs = new Map();

  const load = (src) => new Promise((done, failed) => {
    const script = document.createElement("script");
    script.onload = () => done(script.late);
    script.onerror = failed;
    document.head.append(script);
    script.src = src;
  });

  async function drawn(wide) {
    const holder = document.createElement("template");
    holder.innerHTML = await load(wide.querySelector("metadata.narrow").dataset.src);
    const svg = holder.content.firstElementChild;
    for (const name of ["role", "aria-label"]) svg.setAttribute(name, wide.getAttribute(name));
    svg.style.aspectRatio = wide.style.getPropertyValue("--narrow");
    return svg;
  }

  async function fit(pair) {
    if (narrow.matches) pair.narrow ??= await drawn(pair.wide);
    const next = narrow.matches ? pair.narrow : pair.wide;
    if (next === pair.shown) return;
    pair.shown.replaceWith(next);
    pair.shown = next;
    next.dispatchEvent(new Event("fitted", { bubbles: true }));
  }

  function come(entries) {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting || !pairs.has(target)) continue;
      near.unobserve(target);
      fit(pairs.get(target));
      narrow.addEventListener("change", () => fit(pairs.get(target)));
    }
  }

  for (const { parentNode: wide } of document.querySelectorAll("svg > metadata.narrow")) {
    pairs.set(wide, { wide, shown: wide });
    near.observe(wide);
  }
}
