
  show.query = async (element) => {
    const value = query.get(element.parameter);
    at(element.id).textContent = value === null
      ? `Add ?${element.parameter}= and a value to this page's address to see it here.`
      : `${element.before}${value}${element.after}`;
  };
