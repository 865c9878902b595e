// The time, as words like *2 minutes ago* need it: renewed each minute. The one place of the console
// that asks for it again by itself.

const MINUTE = 60_000;
let minute = $state(Date.now());
setInterval(() => (minute = Date.now()), MINUTE);

/** Now, or a little before. Whoever shows it shows it anew each minute. */
export function now(): number {
  return Math.max(minute, Date.now());
}
