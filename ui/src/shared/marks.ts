/** The words of the status vocabulary, and the mark each is known by. No other word for these states is on any screen. */
export const stateWords = {
  saved: 'Saved on this laptop',
  sending: 'Sending',
  server: 'On the server',
  photo: 'Photo waiting',
  needs: 'Needs you',
  parked: 'Parked',
  conflict: 'Conflict',
} as const

export type MarkName = keyof typeof stateWords

type Shape = { d: string; as: 'line' | 'fill' | 'back' | 'knock'; width?: number }

/** Filled shapes on a 20 grid, for states only. */
export const marks: Record<MarkName, Shape[]> = {
  saved: [
    { d: 'M2.7 10a7.3 7.3 0 1 0 14.6 0a7.3 7.3 0 1 0 -14.6 0z', as: 'line' },
    { d: 'M2.7 10a7.3 7.3 0 0 0 14.6 0z', as: 'fill' },
  ],
  sending: [{ d: 'M14.2 4a7.3 7.3 0 1 1-8.4 0M10 12.8V3M6.9 6.1 10 3l3.1 3.1', as: 'line' }],
  server: [
    { d: 'M1.8 10a8.2 8.2 0 1 0 16.4 0a8.2 8.2 0 1 0 -16.4 0z', as: 'fill' },
    { d: 'm6.2 10.3 2.6 2.6 5-5.4', as: 'knock', width: 2 },
  ],
  photo: [
    { d: 'M4.5 3.7h11a2.5 2.5 0 0 1 2.5 2.5v7.6a2.5 2.5 0 0 1-2.5 2.5h-11a2.5 2.5 0 0 1-2.5-2.5v-7.6a2.5 2.5 0 0 1 2.5-2.5z', as: 'line' },
    { d: 'm2 13 4.3-4.2 3.4 3.2 3-2.7L18 13.5v.3a2.5 2.5 0 0 1-2.5 2.5h-11A2.5 2.5 0 0 1 2 13.8z', as: 'fill' },
  ],
  needs: [
    { d: 'M8.7 2.9a1.5 1.5 0 0 1 2.6 0l7 12.6a1.5 1.5 0 0 1-1.3 2.2H3a1.5 1.5 0 0 1-1.3-2.2z', as: 'back' },
    { d: 'M10 7.3v4.2M10 14.6v.01', as: 'knock', width: 2.1 },
  ],
  parked: [
    { d: 'M6.2 2.7h7.6a3.5 3.5 0 0 1 3.5 3.5v7.6a3.5 3.5 0 0 1-3.5 3.5h-7.6a3.5 3.5 0 0 1-3.5-3.5v-7.6a3.5 3.5 0 0 1 3.5-3.5z', as: 'back' },
    { d: 'M7.7 6.8v6.4M12.3 6.8v6.4', as: 'line', width: 2.3 },
  ],
  conflict: [
    { d: 'M10 1.7 18.3 10 10 18.3 1.7 10z', as: 'line' },
    { d: 'M10 1.7 1.7 10 10 18.3z', as: 'fill' },
  ],
}
