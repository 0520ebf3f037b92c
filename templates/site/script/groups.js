
  show.groups = async (element) => {
    const node = inside(element.id, "table");
    const body = node.tBodies[0] || node.createTBody();
    body.replaceChildren();
    if (!node.tHead) [element.by, element.column].forEach((name) => (node.tHead || node.createTHead().insertRow()).appendChild(make("th", name)));
    for (const [name, sum] of sums(await table(element.file), element.by, element.column)) {
      const line = body.insertRow();
      line.insertCell().textContent = name;
      line.insertCell().textContent = sum.toFixed(element.places);
    }
  };
