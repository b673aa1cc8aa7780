import type { Category } from '../../generated/contract'

export const equipmentFilter = $state<{ text: string; category: Category | 'all'; gaps: boolean }>({ text: '', category: 'all', gaps: false })
