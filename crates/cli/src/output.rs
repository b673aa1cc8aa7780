//! What is printed: words for a person, or JSON.

use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;

use crate::error::Error;

/// Where answers go.
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Output {
        Output { json }
    }

    /// The answer as JSON, or in the words of `say`.
    pub(crate) fn answer<T: Serialize>(&self, answer: &T, say: impl FnOnce(&T) -> String) -> Result<ExitCode, Error> {
        let text = if self.json {
            serde_json::to_string_pretty(answer).map_err(|error| Error::Given(error.to_string()))?
        } else {
            say(answer)
        };
        self.line(&text);
        Ok(ExitCode::SUCCESS)
    }

    /// One line to standard output. A reader that has gone away is no failure of ours.
    pub(crate) fn line(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _reader_gone = writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush());
    }

    /// One line to standard error, for a person who watches.
    pub(crate) fn note(&self, text: &str) {
        let _reader_gone = writeln!(std::io::stderr().lock(), "{text}");
    }

    pub(crate) fn failed(&self, error: &Error) -> ExitCode {
        let failure = error.failure();
        if self.json {
            if let Ok(text) = serde_json::to_string_pretty(&failure) {
                self.line(&text);
            }
        } else {
            self.note(&format!("{}\n{}\n{}", failure.message, failure.safe, failure.next));
        }
        if let Error::Refused(report) = error {
            for refusal in &report.refused {
                self.note(&format!("line {}: {}", refusal.line, refusal.reason));
            }
        }
        ExitCode::from(error.exit_code())
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }
}

/// Columns aligned, as wide as their widest cell.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line: Vec<String> = cells.collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}
