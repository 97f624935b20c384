(root => {
  const inputs = [...root.querySelectorAll("input")], says = root.querySelector("[role=status]");
  const place = root.querySelector("script.late");
  let asked, wanted;
  const frameOf = (key) => inputs.reduce((n, x) => n * (+x.max + 1) + +x[key], 0);
  const first = frameOf("defaultValue");
  // Browsers differ in what they keep of a page that is loaded again: so it is kept here.
  const key = location.pathname + root.id;
  const kept = (values) => {
    try {
      if (values) sessionStorage[key] = values;
      return sessionStorage[key]?.split(" ");
    } catch { /* who forbids it begins anew */ }
  };
  // The data stand here, or in a script of their own that hands over a text.
  const load = () => asked ??= new Promise((done, failed) => {
    if (!place.dataset.src) return done(place.textContent);
    const script = document.createElement("script");
    script.onload = () => done(script.late);
    script.onerror = () => failed(asked = null);
    document.head.append(script);
    script.src = place.dataset.src;
  }).then(JSON.parse);
  function numbersOf(letters) {
    const numbers = [0, 0];
    let value = 0, shift = 0;
    for (const letter of letters) {
      const digit = letter.charCodeAt() - 63;
      value += (digit & 31) << shift;
      shift += 5;
      if (digit > 31) continue;
      numbers.push(numbers.at(-2) + (value & 1 ? -(value >> 1) : value >> 1));
      value = shift = 0;
    }
    return numbers.slice(2);
  }
  function draw(line, letters, every) {
    const clip = line.querySelector("[clip-path]").getAttribute("clip-path").slice(4, -1);
    const box = line.ownerDocument.querySelector(clip).firstElementChild;
    const [x, y, width, height] = ["x", "y", "width", "height"].map(a => +box.getAttribute(a));
    const points = [], numbers = numbersOf(letters);
    for (let i = 0; i < numbers.length; i += 2)
      points.push([x + width * numbers[i] / 4096, y + height * (1 - numbers[i + 1] / 4096)]
        .map(n => n.toFixed(1)));
    line.querySelector(":scope > path")?.setAttribute("d", `M${points.join(" ")}`);
    const mark = line.querySelector("use");
    mark?.parentNode.replaceChildren(...points.filter((_, i) => i % every == 0).map(([x, y]) => {
      const copy = mark.cloneNode();
      copy.setAttribute("x", x);
      copy.setAttribute("y", y);
      return copy;
    }));
  }
  async function show() {
    for (const input of inputs) {
      const value = input.dataset.values.split(" ")[input.value];
      input.nextElementSibling.value = value;
      input.setAttribute("aria-valuetext", `${input.name} ${value}`);
    }
    const frame = wanted = frameOf("value"), svg = root.querySelector("svg");
    if ((svg.frame ?? first) == frame) return;
    const data = await load();
    if (frame != wanted || svg != root.querySelector("svg")) return;
    for (const { line, every, ways, frames } of data.lines)
      draw(svg.querySelector(`[id$=line-${line}]`), ways[frames[frame]], every);
    svg.frame = frame;
    says.textContent = data.says[frame];
  }
  for (const near of ["pointerenter", "focusin"]) root.addEventListener(near, load);
  root.addEventListener("input", () => (kept(inputs.map(x => x.value).join(" ")), show()));
  // Where another drawing took the place.
  root.addEventListener("fitted", show);
  kept()?.forEach((value, i) => inputs[i].value = value);
  show();
})(document.getElementById("NAME"));
