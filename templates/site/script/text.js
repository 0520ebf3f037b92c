
  show.file_text = async (element) => {
    at(element.id).textContent = await load(source(element.file));
  };

  const units = {
    word: (text) => text.split(/\s+/).filter((word) => word).length,
    line: (text) => text.replace(/\n$/, "").split("\n").length,
    character: (text) => [...text].length,
    heading: (text) => (text.replace(/```[\s\S]*?```/g, "").match(/^#{1,6} /gm) || []).length,
  };

  show.text_count = async (element) => {
    const count = units[element.unit](await load(source(element.file)));
    at(element.id).textContent = element.plain ? String(count) : new Intl.NumberFormat("en-US").format(count);
  };

  show.source = async (element) => {
    at(element.id).textContent = source(element.file);
  };
