
  const escapeHtml = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

  // Stands in for the library and lets no HTML through: headings, lists, code, tables, links, emphasis, paragraphs.
  function plainMarkdown(text) {
    const inline = (line) => escapeHtml(line).replace(/`([^`]+)`/g, "<code>$1</code>")
      .replace(/\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/g, '<a href="$2">$1</a>')
      .replace(/\*\*([^*]+)\*\*/g, "<strong>$1</strong>").replace(/\*([^*]+)\*/g, "<em>$1</em>");
    const blocks = text.replace(/\r/g, "").match(/```[\s\S]*?```|^#{1,6} .*$|(?:(?!```).)+(?:\n(?!\n|```|#).+)*/gm) || [];
    return blocks.map((block) => {
      const lines = block.trim().split("\n");
      const heading = lines[0].match(/^(#{1,6}) (.*)/);
      const items = (pattern) => lines.map((line) => `<li>${inline(line.replace(pattern, ""))}</li>`).join("");
      if (block.startsWith("```")) {
        const language = /^```([\w-]+)/.exec(lines[0]);
        return `<pre><code${language ? ` class="language-${language[1]}"` : ""}>${escapeHtml(lines.slice(1, -1).join("\n"))}</code></pre>`;
      }
      if (heading) return `<h${heading[1].length}>${inline(heading[2])}</h${heading[1].length}>`;
      if (lines.every((line) => /^[-*+] /.test(line))) return `<ul>${items(/^[-*+] /)}</ul>`;
      if (lines.every((line) => /^\d+[.)] /.test(line))) return `<ol>${items(/^\d+[.)] /)}</ol>`;
      if (lines.every((line) => line.startsWith("> "))) return `<blockquote><p>${inline(lines.map((line) => line.slice(2)).join(" "))}</p></blockquote>`;
      if (lines.every((line) => line.startsWith("|"))) {
        const cells = lines.filter((line) => !/^[|\s:-]+$/.test(line)).map((line) => line.split("|").slice(1, -1));
        const row = (tag) => (line) => `<tr>${line.map((cell) => `<${tag}>${inline(cell.trim())}</${tag}>`).join("")}</tr>`;
        return `<table class="table"><thead>${cells.slice(0, 1).map(row("th")).join("")}</thead><tbody>${cells.slice(1).map(row("td")).join("")}</tbody></table>`;
      }
      return `<p>${inline(lines.join(" "))}</p>`;
    }).join("\n");
  }

  show.markdown = async (element) => {
    const text = await load(source(element.file));
    // The library lets HTML through: what a stranger's query brings is rendered without it.
    const parse = window.marked && source(element.file) === element.file ? (window.marked.parse || window.marked) : plainMarkdown;
    at(element.id).innerHTML = parse(text);
    at(element.id).querySelectorAll("table").forEach((node) => node.classList.add("table"));
    if (window.hljs) at(element.id).querySelectorAll("pre code").forEach((code) => window.hljs.highlightElement(code));
  };
