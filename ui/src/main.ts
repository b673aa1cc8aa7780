import { mount } from 'svelte'
import './shared/style/index.css'
import App from './App.svelte'

const target = document.getElementById('app')
if (target) mount(App, { target })

// A file dropped beside its place would otherwise replace the whole window.
for (const name of ['dragover', 'drop']) window.addEventListener(name, (event) => event.preventDefault())
