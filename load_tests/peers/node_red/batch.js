// The function node: readings are collected and written with one INSERT … SELECT FROM unnest, up to `MOST` at a time.
const MOST = 1000
const batch = context.get('batch')
const reading = msg.payload
batch.rows.push([msg.topic.split('/')[3], reading])
if (batch.rows.length >= MOST) batch.write()
return null
