// Draws the API's document where the plain list of its calls stood, so that calls can be tried.
(() => {
  "use strict";

  const place = document.getElementById("api-docs");
  if (!place || typeof SwaggerUIBundle !== "function") return;

  // Its own dark colours are chosen by a class on <html>; ours by an attribute, or by the device.
  const device = matchMedia("(prefers-color-scheme: dark)");
  const dress = () => {
    const theme = document.documentElement.dataset.theme;
    document.documentElement.classList.toggle("dark-mode", theme === "dark" || (theme === "auto" && device.matches));
  };
  device.addEventListener("change", dress);
  dress();

  SwaggerUIBundle({
    url: place.dataset.document,
    domNode: place,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    deepLinking: true,
    defaultModelsExpandDepth: -1,
    docExpansion: "list",
    displayRequestDuration: true,
    syntaxHighlight: false, // each call has a dozen answers, and colours take seconds on a slow device
    filter: true,
    // A token is kept in this tab's memory only, and nothing is asked of other sites.
    persistAuthorization: false,
    validatorUrl: null,
    queryConfigEnabled: false,
    withCredentials: false,
    requestInterceptor: (request) => ({ ...request, credentials: "omit" }),
  });
})();
