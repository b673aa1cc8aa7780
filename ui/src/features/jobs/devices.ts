import type { JobDevice } from '../../generated/contract'
import type { DeviceFilter } from './filter.svelte'

export const isLeft = (device: JobDevice) => device.state === 'not_started' || device.state === 'started'
const tests: Record<DeviceFilter, (device: JobDevice) => boolean> = {
  left: isLeft,
  gaps: (device) => device.capture.missing > 0,
  flagged: (device) => device.out_of_limits > 0 || device.state === 'failed',
  all: () => true,
}

export const pick = (devices: JobDevice[], filter: DeviceFilter) => devices.filter(tests[filter])

export const counts = (devices: JobDevice[]) => ({
  left: pick(devices, 'left').length,
  // Gaps are counted in fields, as everywhere else.
  gaps: devices.reduce((sum, device) => sum + device.capture.missing, 0),
  flagged: pick(devices, 'flagged').length,
})

/** Groups in the order in which the walk meets them. */
export function byPlace(devices: JobDevice[]): { place: string; devices: JobDevice[]; gaps: number }[] {
  const groups = new Map<string, JobDevice[]>()
  for (const device of devices) groups.set(device.place, [...(groups.get(device.place) ?? []), device])
  return [...groups].map(([place, inside]) => ({ place, devices: inside, gaps: inside.reduce((sum, device) => sum + device.capture.missing, 0) }))
}
