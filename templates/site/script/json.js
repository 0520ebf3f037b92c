
  // Nested values fold; those of the first two levels are open.
  function tree(value, depth) {
    if (value === null || typeof value !== "object") return make("span", JSON.stringify(value));
    const list = document.createElement("ul");
    for (const [name, inner] of Object.entries(value).slice(0, 1000)) {
      const item = list.appendChild(document.createElement("li"));
      if (inner === null || typeof inner !== "object") {
        item.append(make("strong", `${name}: `), tree(inner, depth + 1));
      } else {
        const fold = item.appendChild(document.createElement("details"));
        fold.open = depth < 2;
        fold.append(make("summary", `${name} (${Object.keys(inner).length})`), depth < 20 ? tree(inner, depth + 1) : make("span", "…"));
      }
    }
    return list;
  }

  show.json = async (element) => {
    at(element.id).replaceChildren(tree(JSON.parse(await load(source(element.file))), 0));
  };
