import type { JobStatus } from '../../generated/contract'

/** Kept while another screen is open: going back finds the same rows. */
export const jobFilter = $state<{ status: JobStatus | 'all'; mine: boolean; text: string }>({ status: 'all', mine: true, text: '' })

/** Which devices of a job are shown. */
export type DeviceFilter = 'left' | 'gaps' | 'flagged' | 'all'
export const deviceFilters = $state<Record<string, DeviceFilter>>({})
