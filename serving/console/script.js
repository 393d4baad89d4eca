// Sliders that answer while they move, and the print button. Everything else works without this file.
"use strict";

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

for (const form of document.querySelectorAll("form[data-live]")) {
  const target = document.getElementById(form.dataset.target);
  const wait = target.querySelector("[data-wait]");
  let busy = false;
  let again = false;

  const ask = async () => {
    if (busy) { again = true; return; }
    busy = true;
    const fields = new URLSearchParams(new FormData(form));
    const posted = form.method === "post";
    try {
      const answer = await fetch(posted ? form.dataset.live : `${form.dataset.live}?${fields}`, {
        method: posted ? "POST" : "GET",
        body: posted ? fields : undefined,
        headers: { "X-Part": "result" },
      });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        target.replaceChildren(...page.body.childNodes);
      }
    } catch { wait?.remove(); }
    busy = false;
    if (again) { again = false; ask(); }
  };

  for (const field of form.querySelectorAll("input[data-slider]")) {
    const slider = document.createElement("input");
    slider.type = "range";
    slider.min = field.min;
    slider.max = field.dataset.slider || field.max;
    slider.step = field.dataset.step || field.step || "any";
    slider.value = field.value || field.min;
    slider.setAttribute("aria-label", field.labels[0].textContent.trim());
    slider.addEventListener("input", () => { field.value = slider.value; ask(); });
    field.addEventListener("input", () => { slider.value = field.value || field.min; });
    field.after(slider);
  }
  form.addEventListener("input", (event) => { if (event.target.type !== "range") ask(); });
  form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
}
