(function (figure) {
  const data = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  const inputs = [...figure.querySelectorAll(".course-controls input, .course-controls select")];
  const picture = figure.querySelector("img"), caption = figure.querySelector("[role=status]");
  figure.querySelector(".course-controls").hidden = false;
  function show(moved) {
    if (data.alone)  // the other controls go back to where they start
      inputs.forEach((input, i) => { if (input !== moved) input.value = data.starts[i]; });
    inputs.forEach((input, i) => {
      const stop = data.stops[i][input.value], shown = input.parentElement.querySelector(".course-stop");
      if (shown) { shown.textContent = stop; input.setAttribute("aria-valuetext", stop); }
    });
    const frame = data.frames[inputs.map((input) => input.value).join(",")];
    picture.src = frame[0];
    picture.alt = caption.textContent = frame[1];
  }
  inputs.forEach((input) => input.addEventListener("input", () => show(input)));
})(document.currentScript.closest("figure"));
