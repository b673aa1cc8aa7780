// Writes down what the page complains about, so that a story can ask at its end.
if (!window.__witness) {
  window.__witness = []
  const say = (...words) => window.__witness.push(words.map(String).join(' '))
  const error = console.error
  console.error = (...words) => {
    say('console:', ...words)
    error.apply(console, words)
  }
  addEventListener('error', (event) => say('error:', event.message || event.target?.src || event.target?.outerHTML), true)
  addEventListener('unhandledrejection', (event) => say('rejection:', event.reason?.stack ?? event.reason?.message ?? JSON.stringify(event.reason)))
  document.addEventListener('securitypolicyviolation', (event) => say('policy:', event.effectiveDirective, event.blockedURI))
}
