/** The palette and the help are opened from many places and shown in one. */
export const overlay = $state<{ palette: boolean; keys: boolean }>({ palette: false, keys: false })
