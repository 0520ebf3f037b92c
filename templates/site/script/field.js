
  show.field = async (element) => {
    const value = element.path.reduce((inner, name) => inner?.[name], JSON.parse(await load(element.file)));
    at(element.id).textContent = typeof value === "string" ? value : JSON.stringify(value);
  };
