// The demo's people are put into the form by one press; signing in stays the reader's own act.
(function () {
  "use strict";
  document.querySelectorAll("body.login [data-user]").forEach((button) =>
    button.addEventListener("click", () => {
      const form = document.querySelector("form");
      form.user.value = button.dataset.user;
      form.password.value = button.dataset.password;
      form.querySelector("button").focus();
    }),
  );
})();
