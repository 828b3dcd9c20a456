// The simulator's own token script. It offers what shops call on Paygent's: a card goes from the browser to the token
// endpoint, and the shop gets a token. Nothing is kept here.
(() => {
  "use strict";

  // This file is <root>/js/PaygentToken.js; the endpoint is <root>/token.
  const own = document.currentScript ? document.currentScript.src : document.baseURI;
  const endpoint = new URL("../token", own).href;

  // Results that come from here and not from the endpoint.
  const UNREACHABLE = "7001";
  const UNDER_MAINTENANCE = "8000";
  const BROKEN = "9000";

  async function ask(url, typed) {
    let response;
    try {
      response = await fetch(url, {
        method: "POST",
        mode: "cors",
        credentials: "omit",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(typed),
      });
    } catch {
      return { result: UNREACHABLE };
    }
    if (response.status === 503) {
      return { result: UNDER_MAINTENANCE };
    }
    try {
      return response.ok ? await response.json() : { result: BROKEN };
    } catch {
      return { result: BROKEN };
    }
  }

  const text = (value) => (value === undefined || value === null ? "" : String(value));

  class PaygentToken {
    constructor() {
      // A shop may point it elsewhere.
      this.URL = endpoint;
    }

    createToken(merchantId, tokenKey, card, callback) {
      const typed = {
        merchant_id: text(merchantId),
        token_key: text(tokenKey),
        card_number: text(card.card_number),
        expire_year: text(card.expire_year),
        expire_month: text(card.expire_month),
        cvc: text(card.cvc),
        name: text(card.name),
      };
      ask(this.URL, typed).then(callback);
    }

    createCvcToken(merchantId, tokenKey, card, callback) {
      const typed = {
        merchant_id: text(merchantId),
        token_key: text(tokenKey),
        cvc_only: true,
        cvc: text(card.cvc),
      };
      ask(this.URL, typed).then(callback);
    }
  }

  window.PaygentToken = PaygentToken;
})();
