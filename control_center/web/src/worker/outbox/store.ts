import type { Queued } from './outbox'

/** Where steps wait on the phone until they can be sent; nothing of it leaves the phone by itself. */
export interface Store {
  load(): Promise<Queued[]>
  save(item: Queued): Promise<void>
  remove(id: string): Promise<void>
}

const DATABASE = 'anban-outbox'
const TABLE = 'waiting'

function asPromise<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('indexeddb'))
  })
}

/** In the browser's own database, which survives a closed page and an empty battery. */
export function kept(): Store {
  let opened: Promise<IDBDatabase> | null = null
  const open = () => {
    opened ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(DATABASE, 1)
      request.onupgradeneeded = () => request.result.createObjectStore(TABLE, { keyPath: 'client_id' })
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error ?? new Error('indexeddb'))
    })
    return opened
  }
  const table = async (mode: IDBTransactionMode) => (await open()).transaction(TABLE, mode).objectStore(TABLE)
  return {
    load: async () => {
      const items = (await asPromise((await table('readonly')).getAll())) as Queued[]
      return items.sort((one, other) => one.number - other.number)
    },
    save: async (item) => void (await asPromise((await table('readwrite')).put(item))),
    remove: async (id) => void (await asPromise((await table('readwrite')).delete(id))),
  }
}

/** Only as long as the page is open: where the browser keeps nothing. */
export function fleeting(): Store {
  return { load: () => Promise.resolve([]), save: () => Promise.resolve(), remove: () => Promise.resolve() }
}
