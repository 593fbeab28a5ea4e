/** Shapes of the control centre's HTTP API and feed. */
export * from './alarms'
export * from './frames'
export * from './register'
export * from './work'
