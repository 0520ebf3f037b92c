
  const pictures = new Map();
  function picture(file) {
    if (!pictures.has(file)) {
      const image = new Image();
      image.alt = source(file);
      image.src = source(file);
      pictures.set(file, image.decode().then(() => image));
    }
    return pictures.get(file);
  }

  show.picture = async (element) => {
    if (!source(element.file)) return;
    const image = inside(element.id, "img");
    [image.alt, image.src] = [source(element.file), source(element.file)];
    await image.decode();
  };

  show.picture_size = async (element) => {
    const image = await picture(element.file);
    at(element.id).textContent = `${image.naturalWidth}x${image.naturalHeight}`;
  };
