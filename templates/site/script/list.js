
  show.list = async (element) => {
    const node = at(element.id).localName === "ol" ? at(element.id) : inside(element.id, "ul");
    const rows = kept(await table(element.file));
    node.replaceChildren(...rows.map((row) => make("li", row.filter((cell) => cell !== "").join(", "))));
  };
