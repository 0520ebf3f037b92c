
  const renewRows = () => Promise.all(page.elements
    .filter((element) => ["figure", "top", "groups", "chart", "rows", "list"].includes(element.shows))
    .map((element) => show[element.shows](element)));

  show.filter = async (element) => {
    const data = await table(element.file);
    const select = inside(element.id, "select");
    if (select.options.length > 0) return;
    const column = data.names.indexOf(element.column);
    const values = [...new Set(data.rows.map((row) => row[column]))].filter((value) => value);
    select.replaceChildren(new Option("All", ""), ...values.map((value) => new Option(value, value)));
    const wanted = query.get(element.column);
    if (values.includes(wanted)) select.value = wanted;
    const mark = () => document.querySelectorAll(`[data-${CSS.escape(element.column.toLowerCase())}]`).forEach((node) => {
      node.setAttribute(`data-${element.column.toLowerCase()}`, select.value || "all");
    });
    select.addEventListener("change", () => { mark(); renewRows(); });
    mark();
    if (select.value) await renewRows();
  };

  show.search = async (element) => {
    const input = inside(element.id, "input");
    if (input.dataset.ready) return;
    input.dataset.ready = "yes";
    input.value = ["q", "query", "search", "filter"].map((name) => query.get(name)).find((text) => text) || "";
    input.addEventListener("input", renewRows);
    if (input.value) await renewRows();
  };
