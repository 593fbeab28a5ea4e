// Before the first message: a pool of connections, and a timer that writes what has been collected.
const EVERY_MS = 50
const COLUMNS = ['hr', 'spo2', 'rr', 'temp', 'sbp', 'dbp', 'steps', 'lat', 'lon', 'bat']
const TYPES = COLUMNS.map(() => 'real')
TYPES[COLUMNS.indexOf('lat')] = TYPES[COLUMNS.indexOf('lon')] = 'float8'
const arrays = ['text', 'timestamptz', 'text', 'bigint', ...TYPES].map((type, n) => `$${n + 1}::${type}[]`)
const INSERT = {
  name: 'insert-readings',
  text: `INSERT INTO reading (device, at, boot, seq, ${COLUMNS}) SELECT * FROM unnest(${arrays})`,
}
const pool = new (global.get('pg').Pool)({ connectionString: env.get('PEER_DATABASE_URL'), max: 2 })
const batch = { rows: [], busy: 0 }

batch.write = async () => {
  if (batch.rows.length === 0 || batch.busy >= 2) return
  const rows = batch.rows
  batch.rows = []
  batch.busy += 1
  const columns = [[], [], [], [], ...COLUMNS.map(() => [])]
  for (const [device, reading] of rows) {
    columns[0].push(device)
    columns[1].push(new Date(reading.at).toISOString())
    columns[2].push(reading.boot)
    columns[3].push(reading.seq)
    for (let n = 0; n < COLUMNS.length; n += 1) columns[n + 4].push(reading[COLUMNS[n]] ?? null)
  }
  try {
    await pool.query({ ...INSERT, values: columns })
  } catch (error) {
    node.error(`${rows.length} readings were not written: ${error.message}`)
  } finally {
    batch.busy -= 1
  }
}
context.set('batch', batch)
context.set('timer', setInterval(batch.write, EVERY_MS))
