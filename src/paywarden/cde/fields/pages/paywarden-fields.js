// The merchant's side of hosted card fields: makes the frame, hears its answer, sees no number.
//   const fields = PaywardenFields.mount(element, url, { onToken, onError, onChange, onReady });
//   fields.submit();  fields.focus();  fields.remove();
"use strict";
(() => {
  const WORD = "fields.v1";
  const home = new URL(document.currentScript.src).origin;

  const mount = (element, url, heard = {}) => {
    const address = new URL(url);
    if (address.origin !== home || !/^\/fields\/[A-Za-z0-9_-]{43}$/.test(address.pathname)) {
      throw new Error("the url of a field session of this environment is wanted");
    }
    const frame = document.createElement("iframe");
    frame.title = "Card details";
    frame.referrerPolicy = "no-referrer";
    frame.setAttribute("sandbox", "allow-scripts allow-same-origin allow-forms");
    frame.style.cssText = "border:0;width:100%;height:260px;display:block";
    const call = (name, value) => { if (typeof heard[name] === "function") heard[name](value); };
    const hear = (event) => {
      if (event.origin !== home || event.source !== frame.contentWindow) return;
      const said = event.data;
      if (said === null || typeof said !== "object" || said.paywarden !== WORD) return;
      if (said.type === "token") call("onToken", said.card);
      else if (said.type === "error") call("onError", said.code);
      else if (said.type === "change") call("onChange", { complete: said.complete, brand: said.brand });
      else if (said.type === "ready") call("onReady");
      else if (said.type === "height" && said.pixels > 0 && said.pixels < 2000) {
        frame.style.height = `${said.pixels}px`;
      }
    };
    const say = (type) => frame.contentWindow.postMessage({ paywarden: WORD, type }, home);
    window.addEventListener("message", hear);
    frame.src = address.href;
    element.append(frame);
    return Object.freeze({
      submit: () => say("submit"),
      focus: () => say("focus"),
      remove: () => { window.removeEventListener("message", hear); frame.remove(); },
    });
  };

  Object.defineProperty(window, "PaywardenFields", { value: Object.freeze({ mount }) });
})();
