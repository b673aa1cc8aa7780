/** The window's content policy, as the shell sets it; the tests in Chromium run under the same one. */
export const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' photo: http://photo.localhost",
  "connect-src ipc: http://ipc.localhost",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')
