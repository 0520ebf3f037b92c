
  show.top = async (element) => {
    const groups = [...sums(await table(element.file), element.by, element.column)];
    const best = groups.reduce((most, group) => (group[1] > most[1] ? group : most), groups[0] || ["–", 0]);
    at(element.id).textContent = best[0];
  };
