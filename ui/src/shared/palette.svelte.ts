/** The palette, the help and who uses the laptop are opened from many places and shown in one. */
export const overlay = $state<{ palette: boolean; keys: boolean; person: boolean }>({ palette: false, keys: false, person: false })
