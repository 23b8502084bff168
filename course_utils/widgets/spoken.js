// What a screen reader says of widgets, on whose page this runs. JupyterLab's sliders have no name,
// and say a position or an unrounded number; its pictures say nothing. So each slider takes its label
// as its name and the number beside it as its value, and each picture the sentence under it.
(() => {
  if (window.courseSpoken) return; // one for all widgets of the page
  const say = (element, attribute, source) => {
    const words = source && source.textContent.trim();
    if (element && words && element.getAttribute(attribute) !== words)
      element.setAttribute(attribute, words);
  };
  const look = () => {
    for (const slider of document.querySelectorAll(".widget-slider")) {
      const handle = slider.querySelector("[role=slider]");
      say(handle, "aria-label", slider.querySelector(".widget-label"));
      say(handle, "aria-valuetext", slider.querySelector(".widget-readout"));
    }
    for (const picture of document.querySelectorAll("img.widget-image")) {
      const box = picture.closest(".widget-vbox");
      say(picture, "alt", box && box.querySelector("[role=status]"));
    }
  };
  window.courseSpoken = new MutationObserver(look);
  window.courseSpoken.observe(document.body, {
    subtree: true, childList: true, characterData: true,
    attributes: true, attributeFilter: ["aria-valuetext"],
  });
  look();
})();
