
  const isDay = (value) => typeof value === "string" && /^\d{4}-\d{2}-\d{2}T/.test(value);
  const wordsOf = (name) => name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase().split(/[^a-z0-9]+/).filter((word) => word);

  // The field that an element's id names best; days are shown as days, ages as whole years.
  function answerFor(id, data) {
    const words = wordsOf(id);
    const fields = Object.keys(data).filter((name) => wordsOf(name).every((word) => words.includes(word)));
    const name = fields.sort((a, b) => wordsOf(b).length - wordsOf(a).length)[0];
    const day = Object.values(data).find(isDay);
    if (name === undefined && words.includes("age") && day) {
      return `${Math.floor((Date.now() - Date.parse(day)) / (365.2425 * 86400000))} years`;
    }
    const value = data[name];
    return isDay(value) ? value.slice(0, 10) : value ?? "–";
  }

  show.lookup = async (element) => {
    const form = at(element.id);
    const input = form.querySelector("input");
    const key = `sitewright:${element.id}`;
    const say = (text) => of("status").forEach((other) => { at(other.id).textContent = text; });
    const token = element.token && query.get(element.token);
    const look = async () => {
      const name = input.value.trim();
      if (!name) return;
      say(`Looking up ${name} …`);
      try {
        const answer = await fetch(element.api + encodeURIComponent(name), token ? { headers: { Authorization: `Bearer ${token}` } } : {});
        if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
        const data = await answer.json();
        of("answer").forEach((other) => { at(other.id).textContent = answerFor(other.id, data); });
        say(`Found ${name}.`);
        localStorage.setItem(key, name);
      } catch (error) {
        say(`${name} could not be looked up: ${error.message}`);
      }
    };
    form.addEventListener("submit", (event) => { event.preventDefault(); look(); });
    input.value = localStorage.getItem(key) || "";
  };
