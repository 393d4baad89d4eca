// Sliders that answer while they move, the print button, and calls tried on the API's page. Everything else works without this file.
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

for (const hidden of document.querySelectorAll("[data-with-script]")) hidden.hidden = false;

document.getElementById("own-key")?.addEventListener("submit", (event) => event.preventDefault());

for (const tried of document.querySelectorAll("[data-try]")) {
  const form = tried.querySelector("form");
  const shown = tried.querySelector("pre");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let path = tried.dataset.path;
    for (const part of form.querySelectorAll("[data-path-part]")) path = path.replace(`{${part.name}}`, encodeURIComponent(part.value));
    const query = form.elements.query?.value;
    const body = form.elements.body?.value;
    const key = document.getElementById("api-key").value;
    const headers = new Headers();
    if (body !== undefined) headers.set("Content-Type", "application/json");
    if (key) headers.set("Authorization", `Bearer ${key}`);
    for (const one of form.querySelectorAll("[data-header]")) if (one.value) headers.set(one.name, one.value);
    try {
      const answer = await fetch(query ? `${path}?${query}` : path, { method: tried.dataset.try, headers, body });
      let text = await answer.text();
      try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* it is no JSON */ }
      shown.textContent = `${answer.status} ${answer.statusText}\n\n${text}`;
    } catch (error) { shown.textContent = String(error); }
    shown.hidden = false;
  });
}
