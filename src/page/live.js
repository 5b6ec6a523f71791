// Fetches the page anew every few seconds while somebody looks, and says so if that fails. Without
// it, everything on the page works as well.
(() => {
  const every = 5000;
  let seen = Date.now();
  const fresh = document.querySelector("[role=status]");
  const busy = () =>
    document.hidden ||
    document.activeElement?.closest("form, .pan") ||
    String(getSelection()).length > 0;
  const lost = () => {
    const at = new Date(seen).toLocaleTimeString();
    fresh.textContent = "no contact since " + at;
    fresh.classList.add("lost");
  };
  const renew = async () => {
    if (busy()) return;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (!answer.ok) return lost();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (busy()) return;
      const open = [...document.querySelectorAll("main details")].map((one) => one.open);
      const main = document.querySelector("main");
      main.replaceChildren(...page.querySelector("main").childNodes);
      main.querySelectorAll("details").forEach((one, at) => (one.open = open[at]));
      document.title = page.title;
      fresh.textContent = page.querySelector("[role=status]").textContent;
      fresh.classList.remove("lost");
      seen = Date.now();
    } catch {
      lost();
    }
  };
  setInterval(renew, every);
})();
