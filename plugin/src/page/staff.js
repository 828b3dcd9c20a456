"use strict";
(() => {
  const form = document.getElementById("paygent-bulk");
  const dialog = document.getElementById("paygent-confirm");
  const words = document.getElementById("paygent-confirm-text");
  const ok = document.getElementById("paygent-ok");
  const no = document.getElementById("paygent-no");
  const boxes = (column) => [...form.querySelectorAll(`input[data-column="${column}"]`)];
  let chosen = null;

  form.querySelectorAll("[data-all]").forEach((all) => {
    all.addEventListener("change", () => boxes(all.dataset.all).forEach((box) => { box.checked = all.checked; }));
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!event.submitter) return;
    const column = event.submitter.value;
    const count = boxes(column).filter((box) => box.checked).length;
    chosen = count ? event.submitter : null;
    ok.hidden = false;
    no.hidden = count === 0;
    words.textContent = count ? dialog.dataset[column].replace("%", count) : dialog.dataset.nothing;
    dialog.showModal();
    ok.focus();
  });
  no.addEventListener("click", () => dialog.close());
  ok.addEventListener("click", () => {
    dialog.close();
    if (!chosen) return;
    // The pressed button does not post itself from here.
    const operation = document.createElement("input");
    operation.type = "hidden";
    operation.name = chosen.name;
    operation.value = chosen.value;
    form.append(operation);
    form.querySelectorAll(".run").forEach((button) => { button.disabled = true; });
    form.submit();
  });

  const running = document.getElementById("paygent-running");
  async function step(total) {
    try {
      const answer = await fetch(running.dataset.step, { method: "POST" });
      const { left } = await answer.json();
      running.querySelector("progress").value = total - left;
      if (left === 0) return location.reload();
    } catch {
      // The run goes on without this page; it is asked again in a moment.
    }
    setTimeout(() => step(total), 1000);
  }
  if (running) step(running.querySelector("progress").max);
})();
