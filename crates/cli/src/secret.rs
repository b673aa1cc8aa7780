//! Passwords come from the environment or from the person, never from an argument: those are seen by everybody.

use std::io::{BufRead, IsTerminal, Write};
use std::process::{Command, Stdio};

/// A secret from `variable`, else typed, else the first line of standard input.
pub(crate) fn ask(variable: &str, prompt: &str) -> Option<String> {
    if let Ok(secret) = std::env::var(variable) {
        return Some(secret);
    }
    let terminal = std::io::stdin().is_terminal();
    if terminal {
        let _unseen = write!(std::io::stderr(), "{prompt}: ").and_then(|()| std::io::stderr().flush());
        echo(false);
    }
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    if terminal {
        echo(true);
        let _unseen = writeln!(std::io::stderr());
    }
    let line = line.trim_end_matches(['\r', '\n']);
    (read.is_ok() && !line.is_empty()).then(|| line.to_owned())
}

/// Best effort: where the terminal cannot be told, the person sees what they type.
fn echo(on: bool) {
    let word = if on { "echo" } else { "-echo" };
    let _left_as_it_is = Command::new("stty").arg(word).stdin(Stdio::inherit()).stderr(Stdio::null()).status();
}
