// Node-RED as lean as it can be run: no editor, no admin API, no context on disk, and pg given to the function node.
module.exports = {
  flowFile: 'flows.json',
  uiHost: '127.0.0.1',
  uiPort: Number(process.env.PEER_HTTP_PORT),
  disableEditor: true,
  httpAdminRoot: false,
  diagnostics: { enabled: false },
  telemetry: { enabled: false, updateNotification: false },
  credentialSecret: false,
  functionGlobalContext: { pg: require('pg') },
  logging: { console: { level: 'info', metrics: false, audit: false } },
}
