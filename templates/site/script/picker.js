
  // The sums are multiplied with the rate of the chosen key; the one that the file names as its base comes first.
  function ratesIn(data) {
    const isRates = (value) => value && typeof value === "object" && !Array.isArray(value)
      && Object.keys(value).length > 0 && Object.values(value).every((x) => typeof x === "number");
    return isRates(data) ? data : Object.values(data).find(isRates) || {};
  }

  show.picker = async (element) => {
    const data = JSON.parse(await load(element.file));
    const rates = ratesIn(data);
    const picker = inside(element.id, "select");
    if (picker.options.length > 0) return;
    picker.replaceChildren(...Object.keys(rates).map((key) => new Option(key, key)));
    const first = Object.values(data).find((value) => typeof value === "string" && value in rates);
    picker.value = first || Object.keys(rates).find((key) => rates[key] === 1) || Object.keys(rates)[0] || "";
    const choose = () => {
      page.rate = rates[picker.value] ?? 1;
      of("picked").filter((other) => other.picker === element.id).forEach((other) => {
        at(other.id).textContent = picker.value;
      });
      return Promise.all(of("figure").map(show.figure));
    };
    picker.addEventListener("change", choose);
    await choose();
  };
