// A roll-out to a thousand devices is a thousand events: what they ask for is done once at a time.

/**
 * A trigger for `run`: at once where it is idle; else once more after it, however often it was
 * asked meanwhile, and not before `pause` milliseconds have passed.
 */
export function calm(run: () => Promise<void>, pause = 100): () => void {
  let busy = false;
  let again = false;

  async function go(): Promise<void> {
    busy = true;
    again = false;
    try {
      await run();
    } finally {
      setTimeout(() => {
        if (again) void go();
        else busy = false;
      }, pause);
    }
  }

  return () => {
    if (busy) again = true;
    else void go();
  };
}
