
  // Bars by hand, or by the chart library where the page has it.
  show.chart = async (element) => {
    const groups = sums(await table(element.file), element.by, element.column);
    const canvas = inside(element.id, "canvas");
    const [names, values] = [[...groups.keys()], [...groups.values()]];
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", names.map((name, i) => `${name}: ${values[i]}`).join(", "));
    if (window.Chart) {
      window.Chart.getChart?.(canvas)?.destroy();
      new window.Chart(canvas, { type: "bar", data: { labels: names, datasets: [{ label: element.column, data: values }] } });
      return;
    }
    const pen = canvas.getContext("2d");
    const [most, width] = [Math.max(...values, 1), canvas.width / Math.max(names.length, 1)];
    pen.clearRect(0, 0, canvas.width, canvas.height);
    values.forEach((value, i) => {
      const height = (Math.max(value, 0) / most) * (canvas.height - 24);
      pen.fillStyle = "#3b6fd4";
      pen.fillRect(i * width + width * 0.1, canvas.height - 16 - height, width * 0.8, height);
      pen.fillStyle = getComputedStyle(canvas).color;
      pen.fillText(names[i], i * width + width * 0.1, canvas.height - 4, width * 0.8);
    });
  };
