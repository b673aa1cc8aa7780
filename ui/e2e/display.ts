import type { Page } from '@playwright/test'

/** The choice of a person, as if made earlier. */
export const display = (page: Page, theme: string, glove = false) =>
  page.addInitScript((choice) => localStorage.setItem('clara.display', JSON.stringify(choice)), { theme, glove, keys: true })
