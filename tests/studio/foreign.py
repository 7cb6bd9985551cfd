"""What must never be in the page: elements, attributes and addresses that are not its own."""

FOREIGN = """() => {
  const own = new Set(`A ARTICLE ASIDE BDI BLOCKQUOTE BR BUTTON CAPTION CIRCLE CODE DATALIST DD DEL
    DETAILS DIALOG DIV DL DT EM FIELDSET FIGCAPTION FIGURE FORM G H1 H2 H3 H4 HEADER HR IMG INPUT
    INS KBD LABEL LEGEND LI LINE MAIN MARK METER NAV OL OPTION OUTPUT P PATH PRE PROGRESS Q RECT
    SECTION SELECT SMALL SPAN STRONG SUMMARY SVG TABLE TBODY TD TEXT TEXTAREA TH THEAD TIME
    TITLE TR UL`
    .split(/\\s+/));
  const addresses = new Set([
    "href", "xlink:href", "src", "srcset", "action", "formaction", "poster", "data"]);
  const found = [];
  for (const each of document.querySelectorAll("#app *")) {
    if (!own.has(each.tagName.toUpperCase())) found.push(each.tagName);
    for (const { name, value } of each.attributes) {
      if (name.startsWith("on")) found.push(`${each.tagName} ${name}`);
      if (addresses.has(name) && !/^(\\/studio\\/|#\\/)/.test(value)) found.push(value);
    }
  }
  return found;
}"""
"""A function of the browser that lists them."""
