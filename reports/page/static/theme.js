"use strict";
// Before the page is painted: the theme that was chosen last, or the system's.
const Theme = (() => {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const stored = () => {
    try {
      return window.localStorage.getItem("theme");
    } catch {
      return null;
    }
  };
  const isDark = () => (stored() ?? (system.matches ? "dark" : "light")) === "dark";
  const apply = () => {
    const dark = isDark();
    document.documentElement.classList.toggle("dark", dark);
    document.documentElement.style.colorScheme = dark ? "dark" : "light";
    document.getElementById("theme")?.setAttribute("aria-pressed", String(dark));
  };
  const toggle = () => {
    const next = document.documentElement.classList.contains("dark") ? "light" : "dark";
    try {
      window.localStorage.setItem("theme", next);
      apply();
    } catch {
      document.documentElement.classList.toggle("dark", next === "dark");
    }
  };
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").addEventListener("click", toggle);
  });
  return { apply };
})();
