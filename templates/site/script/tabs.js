
  show.tabs = async (element) => {
    const buttons = [...at(element.id).querySelectorAll("button[data-view]")];
    const choose = (chosen) => buttons.forEach((button) => {
      button.setAttribute("aria-pressed", String(button === chosen));
      at(button.dataset.view).closest("section").hidden = button !== chosen;
    });
    buttons.forEach((button) => button.addEventListener("click", () => choose(button)));
    if (buttons.length > 1) choose(buttons[0]);
  };
