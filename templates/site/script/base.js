  const at = (id) => document.getElementById(id);
  const of = (kind) => page.elements.filter((element) => element.shows === kind);
  const query = new URLSearchParams(location.search);
  const show = {};

  // Another source may be named in the query; it stands in for the file of the same kind.
  const asked = query.get(page.source);
  const ending = (path) => (path.split(/[?#]/)[0].match(/\.([a-z0-9]{1,5})$/i) || ["", ""])[1].toLowerCase();
  const isKnown = (path) => ["csv", "tsv", "json", "md", "markdown", "txt"].includes(ending(path));
  const source = (file) => (asked && (!isKnown(asked) || !file || ending(asked) === ending(file)) ? asked : file);

  // Each file is asked for once.
  const files = new Map();
  function load(path) {
    if (!files.has(path)) {
      files.set(path, fetch(path).then((answer) => {
        if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status}`);
        return answer.text();
      }));
    }
    return files.get(path);
  }

  function tell(element, error) {
    const note = document.createElement("p");
    note.setAttribute("role", "status");
    note.textContent = `This could not be shown: ${error.message}`;
    at(element.id).after(note);
  }

  const make = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

  // The element itself where it is of this tag, else a new one inside of it.
  function inside(id, tag) {
    const node = at(id);
    if (node.localName === tag) return node;
    return node.querySelector(tag) || node.appendChild(document.createElement(tag));
  }
