// Runs before anything of a page does, in the page's own world: whatever a text managed to run says so here.
(() => {
  const ran = [];
  const note = (what) => (...words) => {
    ran.push(`${what}(${words.map(String).join(', ').slice(0, 80)})`);
    return null;
  };
  const fix = (name, value) => Object.defineProperty(window, name, { value, writable: false, configurable: false });
  fix('deskbellCanary', note('canary'));
  fix('deskbellRan', ran);
  for (const name of ['alert', 'confirm', 'prompt', 'print', 'open', 'eval']) fix(name, note(name));
  document.addEventListener('securitypolicyviolation', (event) => {
    ran.push(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`.slice(0, 160));
  });
  window.addEventListener('error', (event) => {
    ran.push(`error: ${event.message ?? event.target?.src ?? event.target?.href ?? 'a resource'}`.slice(0, 160));
  });
  window.addEventListener('unhandledrejection', (event) => ran.push(`rejected: ${String(event.reason).slice(0, 160)}`));
})();
