/** Shapes of the control centre's HTTP API and feed. */
export * from './alarms'
export * from './frames'
export * from './homes'
export * from './limits'
export * from './register'
export * from './work'
