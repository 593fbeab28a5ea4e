/** How somebody is reached away from the screen. */
export const TRANSPORTS = ['web_push', 'voice', 'sms', 'email'] as const
export type Transport = (typeof TRANSPORTS)[number]

/** Used once it is `verified`, unless `gone`; `ready`: anything can be sent that way at present. */
export interface OwnWay {
  id: number
  transport: Transport
  /** Of a browser only its push service's host. */
  address: string
  verified: boolean
  gone: boolean
  ready: boolean
}

export interface OwnReach {
  /** In the order in which they are tried, after an open screen. */
  ways: OwnWay[]
  possible: { transport: Transport; ready: boolean; public_key: string | null }[]
  language: 'zh-CN' | 'en'
}

export type NewWay =
  | { transport: 'voice' | 'sms' | 'email'; address: string }
  | { transport: 'web_push'; subscription: PushSubscriptionJSON }
