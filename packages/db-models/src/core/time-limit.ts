/**
 * Waits for something no longer than this.
 *
 * @param act - is told by its signal when the time is over.
 * @throws DOMException `TimeoutError` when it takes longer; what `act` throws.
 */
export async function withTimeLimit<T>(
  timeoutMs: number,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const reason = new DOMException(`no answer in ${timeoutMs} ms`, "TimeoutError");
      over.abort(reason);
      reject(reason);
    }, timeoutMs);
  });
  try {
    return await Promise.race([act(over.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
