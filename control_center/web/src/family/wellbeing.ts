import type { FamilyAlarm, Wellbeing } from '../contract/types'
import type { GlyphName } from '../phone/glyphs'

/** How a state of wellbeing looks; its words are the messages `family.wellbeing`. */
export interface Look {
  glyph: GlyphName
  tone: 'bad' | 'moving' | 'good' | 'calm'
}

const LOOKS: Record<Wellbeing, Look> = {
  alarm: { glyph: 'alarm', tone: 'bad' },
  being_handled: { glyph: 'handled', tone: 'moving' },
  help_coming: { glyph: 'coming', tone: 'moving' },
  help_there: { glyph: 'there', tone: 'moving' },
  fine: { glyph: 'fine', tone: 'good' },
  quiet: { glyph: 'quiet', tone: 'calm' },
  away: { glyph: 'away', tone: 'calm' },
  no_device: { glyph: 'device', tone: 'calm' },
}

export function lookOf(wellbeing: Wellbeing): Look {
  return LOOKS[wellbeing]
}

export type AlarmStage = 'raised' | 'answered' | 'dispatched' | 'on_scene' | 'ended'

/** One stage of an alarm; `at` null is what is being waited for. */
export interface AlarmStep {
  stage: AlarmStage
  at: string | null
}

/** What has happened in an alarm, oldest first, and while it is open the one thing that comes next. */
export function alarmSteps(alarm: FamilyAlarm): AlarmStep[] {
  const all: AlarmStep[] = [
    { stage: 'raised', at: alarm.raised_at },
    { stage: 'answered', at: alarm.answered_at },
    { stage: 'dispatched', at: alarm.dispatched_at },
    { stage: 'on_scene', at: alarm.on_scene_at },
    { stage: 'ended', at: alarm.ended_at },
  ]
  const done = all.filter((step) => step.at !== null)
  return alarm.ended_at === null ? [...done, { stage: comingStage(alarm), at: null }] : done
}

/** Whether anybody must go is decided after the answer, so a departure is not promised. */
function comingStage(alarm: FamilyAlarm): AlarmStage {
  if (alarm.answered_at === null && alarm.dispatched_at === null) return 'answered'
  return alarm.dispatched_at !== null && alarm.on_scene_at === null ? 'on_scene' : 'ended'
}
