// Hosted card fields: what is typed here leaves for this page's own session and nowhere else.
// The embedding page hears a token, or that a field is wrong; never a digit.
"use strict";
(() => {
  const WORD = "fields.v1";
  const listener = document.body.dataset.listener;
  const session = location.pathname.split("/").pop();
  const framed = window.parent !== window;
  const at = (id) => document.getElementById(id);
  const [form, number, expiry, cvv] = ["card", "number", "expiry", "cvv"].map(at);
  const [send, status, brandName] = ["send", "status", "brand"].map(at);
  let done = false;
  let under_way = false;

  // [name, pattern of leading digits, lengths, digits of the security code, groups]
  const BRANDS = [
    ["American Express", /^3[47]/, [15], 4, [4, 6, 5]],
    ["Diners Club", /^3(?:0[0-5]|[68])/, [14, 15, 16, 17, 18, 19], 3, [4, 6, 9]],
    ["JCB", /^35(?:2[89]|[3-8])/, [16, 17, 18, 19], 3, [4, 4, 4, 7]],
    ["Visa", /^4/, [13, 16, 19], 3, [4, 4, 4, 7]],
    ["Mastercard", /^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16], 3, [4, 4, 4, 4]],
    ["Discover", /^6(?:011|4[4-9]|5)/, [16, 17, 18, 19], 3, [4, 4, 4, 7]],
    ["UnionPay", /^62/, [16, 17, 18, 19], 3, [4, 4, 4, 7]],
    ["Maestro", /^(?:5[06-8]|6)/, [12, 13, 14, 15, 16, 17, 18, 19], 3, [4, 4, 4, 7]],
  ];
  const UNKNOWN = ["", /^/, [12, 13, 14, 15, 16, 17, 18, 19], 0, [4, 4, 4, 7]];
  const TEXTS = {
    card_number_not_digits: "Use digits only.",
    card_number_length: "This number is too short or too long.",
    card_number_check_digit: "A digit of this number is wrong.",
    card_expiry_malformed: "Write month and year, as 04/29.",
    card_expired: "This card has ended.",
    card_expiry_too_far: "This date is too far ahead.",
    card_code_malformed: "Three or four digits, from the card.",
    tries_too_many: "Too many tries. Go back and begin again later.",
    cards_too_many: "Too many cards. Go back and begin again later.",
    rate_limited: "Too many tries. Wait a moment.",
    field_session_unknown: "This form has ended. Go back and begin again.",
  };
  const FIELD_OF = { "/card/number": number, "/card/expiry": expiry, "/card/cvv": cvv };

  const digits = (input) => input.value.replace(/[^0-9]/g, "");
  const brand = () => BRANDS.find((one) => one[1].test(digits(number))) || UNKNOWN;
  const tell = (type, rest) => {
    if (framed) window.parent.postMessage({ paywarden: WORD, type, ...rest }, listener);
  };

  const luhn = (text) => {
    let sum = 0;
    for (let n = 0; n < text.length; n += 1) {
      const digit = text.charCodeAt(text.length - 1 - n) - 48;
      sum += n % 2 === 0 ? digit : digit * 2 - (digit > 4 ? 9 : 0);
    }
    return sum % 10 === 0;
  };
  const expiryParts = () => {
    const found = /^(0[1-9]|1[0-2])\s*\/\s*(?:20)?([0-9]{2})$/.exec(expiry.value.trim());
    return found ? { text: `20${found[2]}-${found[1]}`, month: +found[1], year: 2000 + +found[2] } : null;
  };

  const faults = {
    number: () => {
      const text = digits(number);
      if (text === "") return "Type the card number.";
      if (!brand()[2].includes(text.length)) return TEXTS.card_number_length;
      return luhn(text) ? "" : TEXTS.card_number_check_digit;
    },
    expiry: () => {
      const parts = expiryParts();
      if (parts === null) return TEXTS.card_expiry_malformed;
      const now = new Date();
      const ended = parts.year * 12 + parts.month - 1 < now.getUTCFullYear() * 12 + now.getUTCMonth();
      return ended ? TEXTS.card_expired : "";
    },
    cvv: () => {
      const wanted = brand()[3];
      const length = cvv.value.length;
      const right = /^[0-9]*$/.test(cvv.value) && (wanted ? length === wanted : length === 3 || length === 4);
      return right ? "" : TEXTS.card_code_malformed;
    },
  };
  const show = (input, text) => {
    at(`${input.id}-error`).textContent = text;
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  const judge = (input) => {
    const text = faults[input.id]();
    show(input, text);
    return text === "";
  };
  const changed = () => {
    const complete = [number, expiry, cvv].every((one) => faults[one.id]() === "");
    tell("change", { complete, brand: brand()[0] });
  };

  const grouped = () => {
    const before = number.selectionStart === number.value.length;
    let rest = digits(number).slice(0, 19);
    const parts = [];
    for (const size of brand()[4]) {
      if (rest === "") break;
      parts.push(rest.slice(0, size));
      rest = rest.slice(size);
    }
    if (rest) parts.push(rest);
    if (before) number.value = parts.join(" ");
    brandName.textContent = brand()[0];
  };
  const slashed = (event) => {
    if (event.inputType && event.inputType.startsWith("delete")) return;
    const text = expiry.value.replace(/[^0-9]/g, "");
    if (/^[0-9]{3,6}$/.test(text) && !expiry.value.includes("/")) {
      expiry.value = `${text.slice(0, 2)}/${text.slice(2)}`;
    }
  };

  const wrong = (code, pointer) => {
    const text = TEXTS[code] || "This did not work. Try again in a moment.";
    const input = FIELD_OF[pointer];
    if (input) { show(input, text); input.focus(); } else status.textContent = text;
    tell("error", { code });
  };
  const finish = (answer) => {
    done = true;
    for (const input of [number, expiry, cvv]) { input.value = ""; input.disabled = true; }
    status.textContent = `Card ending in ${answer.last4} taken.`;
    const { token, fingerprint, bin, last4, brand: name, expiry: ends, funding, country, facts } = answer;
    tell("token", { card: { token, fingerprint, bin, last4, brand: name, expiry: ends, funding, country, facts } });
  };

  const submit = async () => {
    if (done || under_way) return;
    if (!framed) { status.textContent = "This form works inside the shop's page only."; return; }
    const right = [number, expiry, cvv].map(judge);
    const first = [number, expiry, cvv][right.indexOf(false)];
    if (first) { first.focus(); tell("error", { code: "incomplete" }); return; }
    under_way = true;
    send.disabled = true;
    status.textContent = "";
    try {
      const answer = await fetch(`/fields/${session}/card`, {
        method: "POST", credentials: "omit", cache: "no-store", redirect: "error",
        referrerPolicy: "no-referrer",
        headers: { "content-type": "application/json", "paywarden-request": "1" },
        body: JSON.stringify({ card: { number: digits(number), expiry: expiryParts().text, cvv: cvv.value } }),
      });
      const said = await answer.json();
      if (answer.status === 201) finish(said);
      else wrong(said.code, said.pointer);
    } catch {
      wrong("unreachable", "");
    } finally {
      under_way = false;
      send.disabled = done;
    }
  };

  number.addEventListener("input", grouped);
  expiry.addEventListener("input", slashed);
  for (const input of [number, expiry, cvv]) {
    input.addEventListener("input", () => { show(input, ""); changed(); });
    input.addEventListener("blur", () => { if (input.value !== "") judge(input); });
  }
  form.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.tagName === "INPUT") { event.preventDefault(); submit(); }
  });
  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || event.origin !== listener) return;
    const said = event.data;
    if (said === null || typeof said !== "object" || said.paywarden !== WORD) return;
    if (said.type === "submit") submit();
    if (said.type === "focus") number.focus();
  });
  new ResizeObserver(() => tell("height", { pixels: Math.ceil(form.getBoundingClientRect().height) + 8 }))
    .observe(form);
  tell("ready", {});
})();
