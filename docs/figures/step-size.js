{
  // Without this script all steps stay in sight, one under another.
  const figure = document.querySelector(".step-size");
  const steps = [...figure.querySelectorAll("li")];
  const chooser = figure.querySelector(".chooser");
  const slider = chooser.querySelector("input");
  const show = () => {
    steps.forEach((step, index) => step.classList.toggle("now", index === slider.valueAsNumber));
    slider.setAttribute("aria-valuetext", `step ${steps[slider.valueAsNumber].dataset.step}`);
  };
  slider.max = steps.length - 1;
  slider.value = steps.findIndex((step) => step.dataset.step === chooser.dataset.first);
  slider.addEventListener("input", show);
  figure.classList.add("chosen");
  chooser.hidden = false;
  show();
}
