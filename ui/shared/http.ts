// Requests of a page to its own server.

import type { ErrorDetails } from './gen/ErrorDetails';

/** What the server refused, and why. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Partial<ErrorDetails> = {},
  ) {
    super(message);
  }
}

let csrf = '';

/** The proof that goes with everything that changes something. */
export function setCsrf(proof: string): void {
  csrf = proof;
}

/** What is no plain data goes as it is. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = {};
  if (method !== 'GET') headers['x-csrf-token'] = csrf;
  const raw = body instanceof Blob;
  if (body !== undefined) headers['content-type'] = raw ? 'application/octet-stream' : 'application/json';
  let answer: Response;
  try {
    const sent = raw || body === undefined ? body : JSON.stringify(body);
    answer = await fetch(path, { method, headers, body: sent });
  } catch {
    throw new ApiError(0, 'server_unreachable', 'the server does not answer');
  }
  if (answer.status === 204) return undefined as T;
  const json: unknown = await answer.json().catch(() => undefined);
  if (answer.ok) return json as T;
  const error = (json ?? {}) as { code?: string; message?: string; details?: Partial<ErrorDetails> };
  throw new ApiError(answer.status, error.code ?? 'internal', error.message ?? answer.statusText, error.details);
}
