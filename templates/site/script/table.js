
  // Separated values with quotes, as rows of cells.
  function readCsv(text, separator) {
    const rows = [[""]];
    let quoted = false;
    for (let i = 0; i < text.length; i += 1) {
      const c = text[i];
      const row = rows[rows.length - 1];
      if (quoted && c === '"' && text[i + 1] === '"') { row[row.length - 1] += '"'; i += 1; }
      else if (c === '"' && (quoted || row[row.length - 1] === "")) quoted = !quoted;
      else if (!quoted && c === separator) row.push("");
      else if (!quoted && c === "\n") rows.push([""]);
      else if (quoted || c !== "\r") row[row.length - 1] += c;
    }
    return rows.map((row) => row.map((cell) => cell.trim())).filter((row) => row.some((cell) => cell !== ""));
  }

  // A list of objects or of lists, as rows of cells; the first row has the names.
  function readList(text, field) {
    const data = JSON.parse(text);
    const items = field === undefined ? data : data[field];
    const cell = (value) => (value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value));
    if (Array.isArray(items[0])) return items.map((row) => row.map(cell));
    const names = [...new Set(items.flatMap((item) => Object.keys(item)))];
    return [names, ...items.map((item) => names.map((name) => cell(item[name])))];
  }

  async function table(file) {
    const form = page.tables[file] || {};
    const text = (await load(source(file))).replace(/^\uFEFF/, "");
    const isList = form.separator === undefined;
    const [head = [], ...rows] = isList ? readList(text, form.field) : readCsv(text, form.separator);
    return { names: head.map((name, i) => name.trim() || `column_${i + 1}`), rows, comma: form.comma || [] };
  }

  // Only the rows that the visitor's choosers leave.
  const kept = (data) => data.rows.filter((row) => of("filter").every((filter) => {
    const chosen = inside(filter.id, "select").value;
    const column = data.names.indexOf(filter.column);
    return chosen === "" || column < 0 || row[column] === chosen;
  }) && of("search").every((search) => {
    const text = inside(search.id, "input").value.trim().toLowerCase();
    return text === "" || row.some((cell) => cell.toLowerCase().includes(text));
  }));

  // The number in a cell: grouping and units do not matter. None for an empty cell.
  function number(data, column, cell) {
    const comma = data.comma.includes(data.names[column]);
    const digits = String(cell).replace(comma ? /[^\d,eE+-]/g : /[^\d.eE+-]/g, "").replace(",", ".").replace(/^[+-]?E+/i, "");
    const value = Number.parseFloat(digits);
    return Number.isFinite(value) ? value : undefined;
  }

  // Each value of a column with the sum of another.
  function sums(data, by, column) {
    const [key, value] = [data.names.indexOf(by), data.names.indexOf(column)];
    const groups = new Map();
    for (const row of kept(data)) groups.set(row[key], (groups.get(row[key]) || 0) + (number(data, value, row[value]) || 0));
    return groups;
  }
