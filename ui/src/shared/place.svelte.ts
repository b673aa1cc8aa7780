/** The site, job and device in front of the technician: what is here comes first in every search. */
export const place = $state<{ at?: { location: string; site: string; job: string | null; equipment?: string; tag?: string } }>({})
