
  // What was typed stays on the page: nothing is sent.
  show.form = async (element) => {
    const form = at(element.id);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = [...new FormData(form)].map(([name, value]) => `${name}: ${typeof value === "string" ? value : value.name}`);
      form.querySelector("output").textContent = given.join(", ");
    });
  };

  show.command = async (element) => {
    const commands = {
      reload: () => { files.clear(); showAll(); },
      theme: () => {
        const root = document.documentElement;
        const dark = getComputedStyle(root).colorScheme === "dark"
          || (root.style.colorScheme === "" && matchMedia("(prefers-color-scheme: dark)").matches);
        root.style.colorScheme = dark ? "light" : "dark";
      },
      print: () => window.print(),
    };
    const button = inside(element.id, "button");
    if (button.dataset.ready) return;
    button.dataset.ready = "yes";
    button.addEventListener("click", commands[element.command]);
  };
