"use strict";
(() => {
  const form = document.getElementById("paygent-bulk");
  const dialog = document.getElementById("paygent-confirm");
  const boxes = (column) => [...form.querySelectorAll(`input[data-column="${column}"]`)];

  // 実行: what would happen is asked for first and shown; nothing runs before OK.
  const show = (nodes) => {
    dialog.replaceChildren(...nodes);
    dialog.querySelector("#paygent-no")?.addEventListener("click", (event) => {
      event.preventDefault();
      dialog.close();
    });
    dialog.querySelector("form")?.addEventListener("submit", (event) => {
      if (event.target.dataset.sent) event.preventDefault();
      event.target.dataset.sent = "1";
    });
    if (!dialog.open) dialog.showModal();
    (dialog.querySelector("#paygent-ok") ?? dialog.querySelector("button, a"))?.focus();
  };
  const say = (words) => {
    const text = document.createElement("p");
    text.id = "paygent-confirm-title";
    text.textContent = words;
    const ok = document.createElement("button");
    ok.type = "button";
    ok.id = "paygent-ok";
    ok.className = "primary";
    ok.textContent = "OK";
    ok.addEventListener("click", () => dialog.close());
    show([text, ok]);
  };
  async function preflight(column) {
    const posted = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (!name.startsWith("order_") || name === `order_${column}`) posted.append(name, value);
    }
    posted.set("operation", column);
    return ask(form, posted);
  }
  async function ask(form, posted) {
    try {
      const answer = await fetch(form.action, { method: "POST", body: posted });
      // Its styles stand here already; the policy would complain of them.
      const html = (await answer.text()).replace(/<style[^]*?<\/style>/g, "");
      const page = new DOMParser().parseFromString(html, "text/html");
      const shown = page.getElementById("paygent-preflight");
      if (shown) return show([...shown.childNodes]);
      // Nothing to run leads back to the list; a refusal says why itself.
      if (answer.ok) return location.assign(answer.url);
      say(page.querySelector("main")?.textContent.trim().replace(/\s+/g, " ") ?? form.dataset.trouble);
    } catch {
      say(form.dataset.trouble ?? "");
    }
  }
  dialog?.addEventListener("close", () => dialog.replaceChildren());
  if (form) {
    form.addEventListener("submit", (event) => {
      if (!event.submitter) return;
      event.preventDefault();
      const column = event.submitter.value;
      const whole = form.querySelector(`[data-whole="${column}"] input`)?.checked;
      if (!form.dataset.single && !whole && !boxes(column).some((box) => box.checked)) return say(form.dataset.nothing);
      preflight(column);
    });

    // The box under 実行 ticks this page's rows; then all results of the search are offered, for this column alone, until a
    // row of it is unticked.
    const whole = form.querySelector(".whole");
    const offer = (column, offered) => {
      const label = whole?.querySelector(`[data-whole="${column}"]`);
      if (!label) return;
      label.hidden = !offered;
      if (!offered) label.querySelector("input").checked = false;
      whole.hidden = [...whole.querySelectorAll("label")].every((each) => each.hidden);
    };
    form.querySelectorAll("[data-all]").forEach((all) => {
      const column = all.dataset.all;
      offer(column, false);
      all.addEventListener("change", () => {
        boxes(column).forEach((box) => { box.checked = all.checked; });
        offer(column, all.checked);
      });
      form.addEventListener("change", (event) => {
        if (event.target.dataset.column !== column || event.target.checked) return;
        all.checked = false;
        offer(column, false);
      });
    });

    // Shift and a click tick all rows from the last one clicked; arrow keys go from box to box.
    let last = null;
    form.addEventListener("click", (event) => {
      const box = event.target.closest("input[data-column]");
      if (!box) return;
      const column = boxes(box.dataset.column);
      const [from, to] = [column.indexOf(last), column.indexOf(box)].sort((one, other) => one - other);
      if (event.shiftKey && from >= 0) column.slice(from, to + 1).forEach((each) => { each.checked = box.checked; });
      last = box;
    });
    form.addEventListener("keydown", (event) => {
      const box = event.target.closest("input[data-column]");
      const steps = { ArrowDown: [0, 1], ArrowUp: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] }[event.key];
      if (!box || !steps) return;
      const row = [...box.closest("tr").querySelectorAll("input[data-column]")];
      const column = boxes(box.dataset.column);
      const [beside, below] = steps;
      const next = beside ? row[row.indexOf(box) + beside] : column[column.indexOf(box) + below];
      if (next) next.focus();
      event.preventDefault();
    });
  }

  // Buttons that have nothing to do with what is ticked: 決済処理中の注文の取消, and what puts a difference right.
  document.querySelectorAll("form[data-preflight]").forEach((other) => {
    other.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(other, new URLSearchParams(new FormData(other)));
    });
  });

  // A run under way goes on while this page is open, and without it, too.
  const running = document.getElementById("paygent-running");
  let lost = 0;
  async function ended() {
    // What was ticked meanwhile stays ticked: then only the results are drawn anew.
    if (!form?.querySelector("input[data-column]:checked")) return location.reload();
    const page = new DOMParser().parseFromString((await (await fetch(location.href)).text()).replace(/<style[^]*?<\/style>/g, ""), "text/html");
    const results = page.getElementById("paygent-results");
    if (results) document.getElementById("paygent-results").replaceWith(results);
  }
  async function step() {
    const words = running.querySelector("p");
    let pause = 1000;
    try {
      const answer = await fetch(running.dataset.step, { method: "POST" });
      const { left, asked, total, state } = await answer.json();
      lost = 0;
      running.querySelector("progress").value = total - left;
      words.textContent = running.dataset.words.replace("%1", total - left).replace("%2", total)
        + (asked ? ` ${running.dataset.asked.replace("%3", asked)}` : "");
      if (left === 0 || state !== "running") return ended();
      if (asked === left) pause = 3000;
    } catch {
      lost += 1;
      pause = 5000;
      if (lost > 4) {
        words.textContent = running.dataset.lost;
        return;
      }
    }
    setTimeout(step, pause);
  }
  if (running) step();
})();
