
  const operations = {
    sum: (values) => values.reduce((sum, value) => sum + value, 0),
    mean: (values) => operations.sum(values) / values.length,
    median: (values) => {
      const sorted = [...values].sort((a, b) => a - b);
      return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.floor(sorted.length / 2)]) / 2;
    },
    min: (values) => values.reduce((least, value) => Math.min(least, value), Infinity),
    max: (values) => values.reduce((most, value) => Math.max(most, value), -Infinity),
    count: (values) => values.length,
    distinct: (values) => new Set(values).size,
  };

  show.figure = async (element) => {
    const data = await table(element.file);
    const only = element.only && data.names.indexOf(element.only.column);
    const rows = kept(data).filter((row) => !element.only || row[only] === element.only.value);
    const column = data.names.indexOf(element.column);
    const counts = element.op === "count" || element.op === "distinct";
    const cells = element.column === undefined ? rows : rows.map((row) => row[column]).filter((cell) => cell !== "");
    const values = counts ? cells : cells.map((cell) => number(data, column, cell)).filter((value) => value !== undefined);
    const value = operations[element.op](values) * (element.op === "sum" && page.rate ? page.rate : 1);
    at(element.id).textContent = Number.isFinite(value) ? value.toFixed(element.places) : "–";
  };
