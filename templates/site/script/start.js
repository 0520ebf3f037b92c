
  // One element that fails does not keep the others from showing.
  function showAll() {
    for (const element of page.elements) {
      const task = show[element.shows];
      if (task) task(element).catch((error) => tell(element, error));
    }
  }
  document.addEventListener("DOMContentLoaded", showAll);
