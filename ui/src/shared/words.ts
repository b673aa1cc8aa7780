import type { Category, JobStatus, Severity, WorkItem, WorkState } from '../generated/contract'
import type { IconName } from './icons'
import { stateWords, type MarkName } from './marks'

export const categories: Record<Category, { one: string; many: string; icon: IconName }> = {
  fire_pump: { one: 'Fire pump', many: 'Fire pumps', icon: 'pump' },
  backflow_preventer: { one: 'Backflow', many: 'Backflow', icon: 'valve' },
  sprinkler_head: { one: 'Sprinkler head', many: 'Sprinklers', icon: 'head' },
  fire_extinguisher: { one: 'Extinguisher', many: 'Extinguishers', icon: 'extinguisher' },
  fire_alarm_panel: { one: 'Alarm panel', many: 'Alarm panels', icon: 'panel' },
  smoke_detector: { one: 'Smoke detector', many: 'Detectors', icon: 'smoke' },
  hvac: { one: 'HVAC', many: 'HVAC', icon: 'fan' },
  standpipe: { one: 'Standpipe', many: 'Standpipes', icon: 'standpipe' },
  other: { one: 'Other', many: 'Other', icon: 'bulb' },
}

export const severities: Record<Severity, { word: string; level: number; means: string }> = {
  impairment: { word: 'Impairment', level: 4, means: 'It does not work, or part of the system is out of service. The owner must be told now.' },
  critical: { word: 'Critical', level: 3, means: 'It works, but not as intended. It must be corrected soon.' },
  noncritical: { word: 'Noncritical', level: 2, means: 'It works as intended; a condition must be corrected.' },
  recommendation: { word: 'Recommendation', level: 1, means: 'Nothing is wrong. It would be better otherwise.' },
}
export const severityOrder: Severity[] = ['impairment', 'critical', 'noncritical', 'recommendation']

export const jobStates: Record<JobStatus, string> = { scheduled: 'Scheduled', in_progress: 'In progress', completed: 'Completed', cancelled: 'Cancelled' }

export const workMarks: Record<WorkState, MarkName> = {
  saved: 'saved',
  sending: 'sending',
  on_server: 'server',
  photo_waiting: 'photo',
  needs_you: 'needs',
  parked: 'parked',
  conflict: 'conflict',
  sealed: 'parked',
}
export const workWord = (state: WorkState) => (state === 'sealed' ? 'Parked, sealed for your manager' : stateWords[workMarks[state]])

const waiting: WorkState[] = ['needs_you', 'parked', 'conflict', 'sealed']
export const needsPerson = (item: WorkItem) => waiting.includes(item.state)

export const reasons: Record<string, string> = {
  unreadable: 'Cannot be read',
  inaccessible: 'Cannot be reached',
  not_present: 'Not on the machine',
}

const sources: Record<string, { word: string; icon: IconName }> = {
  typed: { word: 'typed', icon: 'keyboard' },
  scanned: { word: 'scanned', icon: 'barcode' },
  photo: { word: 'read from photo', icon: 'camera' },
  gauge: { word: 'from gauge', icon: 'gauge' },
  serial: { word: 'from serial', icon: 'calc' },
  confirmed: { word: 'confirmed today', icon: 'check' },
  carried: { word: 'carried over', icon: 'history' },
  carried_over: { word: 'carried over', icon: 'history' },
  catalog: { word: 'from the catalog', icon: 'specs' },
  catalogue: { word: 'from the catalog', icon: 'specs' },
}
export const sourceOf = (source: string) => sources[source.replaceAll(' ', '_')] ?? sources[source.split(/[ _]/)[0] ?? ''] ?? { word: source, icon: 'history' as const }

/** Bars of a known problem, of four. */
export const problemLevel = (severity: string) => ({ low: 1, medium: 2, high: 3, critical: 4 })[severity] ?? 2
export const frequencyLevel = (frequency: string) => ({ rare: 1, occasional: 2, uncommon: 1, common: 3, frequent: 3, very_common: 4 })[frequency] ?? 2
