/* Shows what a reference points to beside the reference; see previews.py. */
{
  const SHOWN = document.currentScript.dataset.shown, DELAY = 150, GAP = 6;
  const UNWANTED = ".headerlink, script, label, button, input";
  const preview = document.createElement("div");
  Object.assign(preview, { id: "preview", popover: "manual", role: "tooltip" });
  let link, timer;

  function content(href) {
    const kept = document.querySelector(`template[data-preview="${CSS.escape(href)}"]`);
    if (kept) return kept.content.cloneNode(true);
    const here = href.startsWith("#") && document.getElementById(href.slice(1));
    if (!here || !here.matches(SHOWN)) return null;
    const copy = here.cloneNode(true);
    copy.querySelectorAll(UNWANTED).forEach((part) => part.remove());
    // What a drawing refers to by name is found in the original.
    [copy, ...copy.querySelectorAll("[id]")].forEach((part) => part.removeAttribute("id"));
    return copy;
  }

  function place() {
    const box = link.getBoundingClientRect(), view = document.documentElement;
    const above = box.top - 2 * GAP, below = view.clientHeight - box.bottom - 2 * GAP;
    preview.style.maxHeight = "";
    const isBelow = preview.offsetHeight <= below || below >= above;
    preview.style.maxHeight = `min(24rem, ${isBelow ? below : above}px)`;
    const left = Math.min(box.left, view.clientWidth - preview.offsetWidth - GAP);
    const top = isBelow ? box.bottom + GAP : box.top - GAP - preview.offsetHeight;
    preview.style.left = `${Math.max(left, GAP) + scrollX}px`;
    preview.style.top = `${top + scrollY}px`;
  }

  function show(next) {
    if (next === link && preview.matches(":popover-open")) return place();
    hide();
    const shown = content(next.getAttribute("href"));
    if (!shown) return;
    link = next;
    link.removeAttribute("title"); // It would be shown as well.
    link.setAttribute("aria-describedby", preview.id);
    preview.replaceChildren(shown);
    (link.closest("article, main") ?? document.body).append(preview);
    preview.showPopover();
    place();
  }

  function hide() {
    clearTimeout(timer);
    link?.removeAttribute("aria-describedby");
    if (link) preview.hidePopover();
  }

  function plan(what) {
    clearTimeout(timer);
    timer = setTimeout(what, DELAY);
  }

  const REFERENCE = "a.reference.internal[href*='#']";
  const found = ({ target }) =>
    !preview.contains(target) && target.closest?.(REFERENCE);

  // A finger points at nothing before it taps, and a tap follows the link.
  document.addEventListener("pointerover", (event) => {
    const next = event.pointerType === "mouse" && found(event);
    if (next) plan(() => show(next));
    else if (preview.contains(event.target)) clearTimeout(timer);
    else plan(() => link?.matches(":focus-visible") || hide());
  });
  document.addEventListener("focusin", (event) => {
    const next = found(event);
    if (next && next.matches(":focus-visible")) show(next);
    else if (!preview.contains(event.target)) hide();
  });
  document.addEventListener("click", ({ target }) => preview.contains(target) || hide());
  document.addEventListener("keydown", ({ key }) => key === "Escape" && hide());
}
