// Measures the page in frames of several widths. The test replaces PAGE and WIDTHS.
const problems = [];

function luminance([red, green, blue]) {
  const linear = (part) => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

// Red, green, blue and opacity of a computed colour.
function parts(colour) {
  const numbers = colour.match(/[\d.]+/g).map(Number);
  const scale = colour.startsWith("color(") ? 255 : 1;
  const opacity = numbers.length > 3 ? numbers[3] : 1;
  return [...numbers.slice(0, 3).map((part) => part * scale), opacity];
}

// The background colour of an element, blended with those of its parents.
function background(element, view) {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.unshift(parts(view.getComputedStyle(at).backgroundColor));
  return layers.reduce((under, [...over]) => under.map((part, i) => part * (1 - over[3]) + over[i] * over[3]), [255, 255, 255]);
}

// The contrast of WCAG 2.2, section 1.4.3: at least 4.5 for text of this size.
function contrast(element, view) {
  const [light, dark] = [luminance(parts(view.getComputedStyle(element).color)), luminance(background(element, view))].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function overlap(one, two) {
  return Math.min(one.right, two.right) - Math.max(one.left, two.left) > 1.5 && Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top) > 3.5;
}

function measure(frame, width) {
  const page = frame.contentDocument, view = frame.contentWindow;
  const report = (text) => problems.push(`at ${width} pixels: ${text}`);
  if (page.documentElement.scrollWidth > width) report(`wider than its window of ${width}: ${page.documentElement.scrollWidth}`);
  for (const picture of page.querySelectorAll("svg")) {
    const texts = [...picture.querySelectorAll("text")].filter((text) => text.textContent.trim());
    const boxes = texts.map((text) => text.getBoundingClientRect());
    for (let one = 0; one < texts.length; one++)
      for (let two = one + 1; two < texts.length; two++)
        if (overlap(boxes[one], boxes[two])) report(`overlapping: ${texts[one].textContent}, ${texts[two].textContent}`);
  }
  for (const element of page.querySelectorAll("body *:not(svg *)")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (own && element.checkVisibility() && contrast(element, view) < 4.5)
      report(`contrast ${contrast(element, view).toFixed(1)}: ${element.textContent.slice(0, 40)}`);
  }
  for (const link of page.querySelectorAll("a[href^='#']"))
    if (!page.getElementById(link.getAttribute("href").slice(1))) report(`broken link: ${link.getAttribute("href")}`);
}

(async () => {
  for (const width of WIDTHS) {
    const frame = document.createElement("iframe");
    frame.style = `width:${width}px;height:900px;border:0`;
    const loaded = new Promise((done) => (frame.onload = done));
    frame.srcdoc = PAGE;
    document.body.append(frame);
    await loaded;
    measure(frame, width);
    frame.remove();
  }
  const result = document.createElement("pre");
  result.id = "measured";
  result.textContent = JSON.stringify({ problems, dark: matchMedia("(prefers-color-scheme: dark)").matches });
  document.body.append(result);
})();
