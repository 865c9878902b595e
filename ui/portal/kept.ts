// What a person wrote, kept by the browser until it is sent: a page that is loaded again, or opened
// again from the bell, goes on with it. Files need a database; texts come along.

import type { Draft } from '../shared/gen/Draft';
import type { NewTicket } from '../shared/gen/NewTicket';

export interface Kept {
  draft: Draft;
  files: Map<string, Blob>;
  /** It was sent, and nobody said yet whether it arrived: only this very one may be sent again. */
  pending: NewTicket | null;
}

const STORE = 'tickets';

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open('deskbell-portal', 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return answer(request);
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('the browser keeps nothing'));
  });
}

async function run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open();
  try {
    return await answer(work(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

/** A private window may keep nothing; then the page itself is all there is. */
async function orNothing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    console.warn(error);
    return undefined;
  }
}

/** `whose` is the person: two who share a browser do not find each other's. */
export const keep = (whose: string, what: Kept) => orNothing(run('readwrite', (store) => store.put(what, whose)));
export const kept = (whose: string) => orNothing(run<Kept | undefined>('readonly', (store) => store.get(whose)));
export const forget = (whose: string) => orNothing(run('readwrite', (store) => store.delete(whose)));
