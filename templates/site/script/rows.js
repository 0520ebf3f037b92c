
  // A click on a column's name sorts by it, a second one the other way round.
  show.rows = async (element) => {
    const data = await table(element.file);
    const node = inside(element.id, "table");
    const body = node.tBodies[0] || node.createTBody();
    const rows = kept(data);
    const compare = new Intl.Collator(undefined, { numeric: true }).compare;
    const fill = () => {
      body.replaceChildren();
      for (const row of rows.slice(0, element.limit)) {
        const line = body.insertRow();
        data.names.forEach((_, i) => { line.insertCell().textContent = row[i] ?? ""; });
      }
    };
    const head = node.tHead || node.createTHead();
    const line = make("tr", "");
    head.replaceChildren(line);
    data.names.forEach((name, column) => {
      const cell = line.appendChild(document.createElement("th"));
      const button = cell.appendChild(make("button", name));
      button.type = "button";
      cell.scope = "col";
      button.addEventListener("click", () => {
        const down = cell.getAttribute("aria-sort") === "ascending";
        [...line.cells].forEach((other) => other.removeAttribute("aria-sort"));
        cell.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => number(data, column, row[column]);
        const order = (a, b) => (key(a) !== undefined && key(b) !== undefined && key(a) !== key(b) ? key(a) - key(b) : compare(a[column], b[column]));
        rows.sort((a, b) => (down ? order(b, a) : order(a, b)));
        fill();
      });
    });
    fill();
    if (rows.length > element.limit) node.createCaption().textContent = `The first ${element.limit} of ${rows.length} rows`;
  };
