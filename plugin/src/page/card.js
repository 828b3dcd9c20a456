"use strict";
(() => {
  const form = document.getElementById("pay");
  const field = (id) => document.getElementById(id);
  const fields = ["number", "expiry", "cvc", "name"];
  const words = form.dataset;
  const accepted = words.brands.split(" ");
  // Prefixes, lengths and the length of the security code, by brand.
  const brands = [
    { id: "amex", test: /^3[47]/, lengths: [15], cvc: 4, groups: [4, 6, 5] },
    { id: "diners", test: /^3(?:0[0-5]|[689])/, lengths: [14, 15, 16], cvc: 3, groups: [4, 6, 4] },
    { id: "jcb", test: /^35(?:2[89]|[3-8])/, lengths: [16], cvc: 3, groups: [4, 4, 4, 4] },
    { id: "mastercard", test: /^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16], cvc: 3, groups: [4, 4, 4, 4] },
    { id: "visa", test: /^4/, lengths: [13, 16, 19], cvc: 3, groups: [4, 4, 4, 4, 3] },
  ];
  const digits = (text) => text.normalize("NFKC").replace(/[^0-9]/g, "");
  const brandOf = (number) => brands.find((brand) => brand.test.test(number));

  function sound(number) {
    let sum = 0;
    [...number].reverse().forEach((digit, place) => {
      const value = Number(digit) * (place % 2 ? 2 : 1);
      sum += value > 9 ? value - 9 : value;
    });
    return number.length >= 13 && sum % 10 === 0;
  }

  function show(id, text) {
    field(id).setAttribute("aria-invalid", text ? "true" : "false");
    const error = field(id + "-error");
    error.textContent = text;
    error.hidden = !text;
  }

  // A way of paying off that the card's brand does not take cannot be chosen; who had chosen it is told so, until
  // another brand is typed.
  let offeredTo;
  function offer(brand) {
    const select = field("class");
    if (!select || offeredTo === brand) return;
    offeredTo = brand;
    [...select.options].forEach((option) => {
      const taken = !brand || option.dataset.brands.split(" ").includes(brand.id) || option.index === 0;
      option.hidden = option.disabled = !taken;
    });
    const refused = select.selectedOptions[0]?.disabled;
    if (refused) select.selectedIndex = 0;
    show("class", refused ? words.class : "");
    select.setAttribute("aria-invalid", "false");
  }

  function summary(text) {
    const box = field("summary");
    box.firstElementChild.textContent = text;
    box.hidden = !text;
  }

  function expiry() {
    const typed = digits(field("expiry").value);
    const month = typed.slice(0, 2);
    const year = typed.slice(-2);
    if ((typed.length !== 4 && typed.length !== 6) || month < "01" || month > "12") return null;
    const now = new Date();
    const last = new Date(2000 + Number(year), Number(month), 1);
    return last > now ? { month, year } : null;
  }

  // The stored card that is chosen, if one is: of it the security code alone is asked for.
  function stored() {
    const chosen = form.querySelector("input[name=stored_card]:checked");
    return chosen?.value ? chosen : null;
  }

  function asked() {
    return stored() ? ["cvc"] : fields;
  }

  function check() {
    const number = digits(field("number").value);
    const brand = stored() ? brands.find((brand) => brand.id === stored().dataset.of) : brandOf(number);
    const cvc = digits(field("cvc").value);
    const faults = {
      number: !sound(number) || (brand && !brand.lengths.includes(number.length)) ? words.number
        : brand && !accepted.includes(brand.id) ? words.brand : "",
      expiry: expiry() ? "" : words.expiry,
      cvc: (brand ? cvc.length === brand.cvc : cvc.length === 3 || cvc.length === 4) ? "" : words.cvc,
      name: /^[A-Za-z0-9 .'\-]{2,45}$/.test(field("name").value.normalize("NFKC").trim()) ? "" : words.name,
    };
    fields.forEach((id) => show(id, asked().includes(id) ? faults[id] : ""));
    const first = asked().find((id) => faults[id]);
    summary(first ? words.summary : "");
    if (first) field(first).focus();
    return !first;
  }

  function busy(on) {
    field("pay-now").disabled = on;
    field("progress").textContent = on ? words.paying : "";
  }

  // Only 13xx to 17xx are the shopper's to correct.
  function refused(code) {
    const id = { 13: "number", 14: "expiry", 15: "expiry", 16: "cvc", 17: "name" }[String(code).slice(0, 2)];
    busy(false);
    if (id) {
      show(id, words[id]);
      summary(words.summary);
      field(id).focus();
    } else {
      summary(words.token);
      field("summary").focus();
    }
  }

  // The token's own part of an answer; what went wrong is shown.
  function tokenOf(answer) {
    const object = answer && answer.result === "0000" && answer.tokenizedCardObject;
    if (object && object.token) return object;
    refused(answer ? answer.result : "");
    return null;
  }

  function send() {
    fields.forEach((id) => { field(id).value = ""; });
    form.submit();
  }

  // A card that is also stored needs a second token: each works once.
  function tokenised(answer) {
    const object = tokenOf(answer);
    if (!object) return;
    form.elements.card_token.value = object.token;
    form.elements.card_fingerprint.value = object.fingerprint || "";
    if (stored() || !field("store")?.checked) {
      send();
      return;
    }
    new PaygentToken().createToken(words.merchant, words.key, typed(), (second) => {
      const kept = tokenOf(second);
      if (!kept) return;
      form.elements.store_token.value = kept.token;
      send();
    });
  }

  function typed() {
    const until = expiry();
    return {
      card_number: digits(field("number").value),
      expire_year: until.year,
      expire_month: until.month,
      cvc: digits(field("cvc").value),
      name: field("name").value.normalize("NFKC").trim().toUpperCase(),
    };
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (field("pay-now").disabled || !check()) return;
    if (typeof PaygentToken !== "function") {
      summary(words.script);
      field("summary").focus();
      return;
    }
    busy(true);
    const asks = new PaygentToken();
    if (stored()) {
      asks.createCvcToken(words.merchant, words.key, { cvc: digits(field("cvc").value) }, tokenised);
    } else {
      asks.createToken(words.merchant, words.key, typed(), tokenised);
    }
  });

  field("wallet")?.addEventListener("change", () => {
    const chosen = stored();
    form.querySelectorAll("[data-typed]").forEach((part) => { part.hidden = Boolean(chosen); });
    fields.forEach((id) => show(id, ""));
    summary("");
    offer(chosen ? brands.find((brand) => brand.id === chosen.dataset.of) : brandOf(digits(field("number").value)));
  });

  field("number").addEventListener("input", () => {
    const input = field("number");
    const number = digits(input.value).slice(0, 19);
    const brand = brandOf(number);
    field("brand").textContent = brand ? document.querySelector(`[data-brand="${brand.id}"]`)?.textContent ?? "" : "";
    offer(brand);
    document.querySelectorAll("#brands li").forEach((mark) => mark.classList.toggle("on", Boolean(brand) && mark.dataset.brand === brand.id));
    if (input.selectionStart === input.value.length) {
      let rest = number;
      const groups = (brand ? brand.groups : [4, 4, 4, 4, 3]).map((size) => {
        const group = rest.slice(0, size);
        rest = rest.slice(size);
        return group;
      });
      input.value = groups.filter(Boolean).join(" ") + rest;
    }
  });

  field("expiry").addEventListener("input", (event) => {
    const input = field("expiry");
    const typed = digits(input.value).slice(0, 6);
    const deleting = event.inputType && event.inputType.startsWith("delete");
    if (input.selectionStart === input.value.length && !deleting) {
      input.value = typed.length >= 2 ? typed.slice(0, 2) + "/" + typed.slice(2) : typed;
    }
  });

  if (stored()) offer(brands.find((brand) => brand.id === stored().dataset.of));

  // A page that comes out of the browser's store may hold a used form: draw it anew.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
