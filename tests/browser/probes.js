// What the browser tests ask of a page; evaluated from outside, where no policy of the page applies.
({
  // Faults that axe-core finds by the rules of these tags.
  async faults(tags) {
    const options = {runOnly: {type: "tag", values: tags}, resultTypes: ["violations"]};
    const {violations} = await axe.run(document, options);
    const told = (node) => [node.target.join(" "), node.failureSummary];
    return violations.map(({id, nodes}) => [id, nodes.map(told)]);
  },

  // How many pixels the page is wider than its window.
  overflow() {
    const {scrollWidth, clientWidth} = document.documentElement;
    return scrollWidth - clientWidth;
  },

  // Marks what Tab must reach, and tells of each. Of a group of radio buttons Tab reaches one.
  controls() {
    const wanted = ["a[href]", "button", "input:not([type=hidden])", "select", "textarea", "summary", "[tabindex='0']"];
    const seen = [...document.querySelectorAll(wanted.join())].filter((one) =>
      !one.disabled && one.checkVisibility({visibilityProperty: true}) && one.getClientRects().length
      && !(one.type === "radio" && !one.checked));
    seen.forEach((one, number) => { one.dataset.probe = number; });
    return seen.map((one) => one.outerHTML.slice(0, 200));
  },

  // Where the focus is, and whether it can be seen: an outline, on what nothing else covers.
  focus() {
    const one = document.activeElement;
    const style = getComputedStyle(one);
    const box = one.getClientRects()[0] ?? one.getBoundingClientRect();
    const within = (at, end) => Math.min(Math.max(at, 1), end - 1);
    const x = within(box.left + Math.min(box.width / 2, 20), innerWidth);
    const y = within(box.top + Math.min(box.height / 2, 10), innerHeight);
    const there = document.elementFromPoint(x, y);
    return {
      probe: one.dataset.probe ?? null,
      outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
      uncovered: there !== null && (one.contains(there) || there.contains(one)),
      html: one.outerHTML.slice(0, 200),
    };
  },

  // What main says, but for what only a script can do and for how long ago things were.
  says() {
    const main = document.querySelector("main").cloneNode(true);
    main.querySelectorAll(".needs-script, time, .age, input[type=hidden]").forEach((one) => one.remove());
    return main.textContent.replace(/\s+/g, " ").replace(/Request [0-9a-f]{12}|request [0-9a-f]{12}/g, "");
  },

  // What needs the script and is shown.
  needScript() {
    return [...document.querySelectorAll(".needs-script")]
      .filter((one) => one.checkVisibility()).map((one) => one.outerHTML.slice(0, 200));
  },

  // Controls and states whose edge cannot be seen where backgrounds are not drawn.
  unbordered() {
    const wanted = ".chip, button, input:not([type=hidden]), select, textarea";
    return [...document.querySelectorAll(wanted)].filter((one) => one.checkVisibility()).filter((one) => {
      const style = getComputedStyle(one);
      // The browser draws its own boxes and their borders in the system's colours, whatever a
      // style says of their border.
      if (["checkbox", "radio"].includes(one.type) && style.appearance === "auto") return false;
      return style.borderTopStyle === "none" || parseFloat(style.borderTopWidth) < 1
        || style.borderTopColor === style.backgroundColor;
    }).map((one) => one.outerHTML.slice(0, 200));
  },

  // What moves by itself or on its way.
  moving() {
    return [...document.querySelectorAll("*")].filter((one) => {
      const style = getComputedStyle(one);
      return style.transitionDuration.split(",").some((time) => parseFloat(time) > 0)
        || style.animationName !== "none" || style.scrollBehavior === "smooth";
    }).map((one) => one.outerHTML.slice(0, 200));
  },

  // Text that is cut off at the edge of its box. A field scrolls what is in it.
  clipped() {
    return [...document.querySelectorAll("body *")].filter((one) => {
      const style = getComputedStyle(one);
      return one.tagName !== "INPUT" && one.checkVisibility() && !one.classList.contains("hidden") && one.clientWidth > 1
        && ["hidden", "clip"].includes(style.overflowX) && one.scrollWidth > one.clientWidth + 1;
    }).map((one) => one.outerHTML.slice(0, 200));
  },
})
