use serde_json::Value;

/// Longest single text, in bytes of UTF-8. The server's CHECK has the same figure.
pub const MAX_TEXT_BYTES: usize = 256 * 1024;
/// Longest JSON document of one column, in bytes as serialised.
pub const MAX_JSON_BYTES: usize = 1024 * 1024;
/// Deepest nesting of one JSON document.
pub const MAX_DEPTH: usize = 64;

/// Why a value cannot be saved. Checked before anything is written, so that nothing is accepted on the laptop
/// that PostgreSQL would refuse for ever.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    /// U+0000: SQLite stores it, PostgreSQL refuses it (22P05, 22021).
    #[error("the text contains a NUL character")]
    Nul,
    /// Longer than [`MAX_TEXT_BYTES`] or [`MAX_JSON_BYTES`].
    #[error("{bytes} bytes is longer than the {limit} that can be kept")]
    TooLong {
        /// What was given.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// Deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A half of a surrogate pair: Unicode cannot encode it and the server refuses the escape (22P02).
    #[error("the text contains half of a surrogate pair")]
    LoneSurrogate,
    /// NaN, infinity or beyond the range of a 64-bit float (22003).
    #[error("the number is too large or not a number")]
    NumberRange,
    /// Not JSON at all.
    #[error("not readable as JSON")]
    NotJson,
}

/// Checks one text value.
///
/// # Errors
/// [`BadValue::Nul`] or [`BadValue::TooLong`].
pub fn check_text(text: &str) -> Result<(), BadValue> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(BadValue::TooLong { bytes: text.len(), limit: MAX_TEXT_BYTES });
    }
    if text.contains('\0') {
        return Err(BadValue::Nul);
    }
    Ok(())
}

/// A text between quotes, as PostgreSQL writes it in a document.
fn escaped(text: &str) -> usize {
    let more = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 1,
        0..0x20 => 5,
        _ => 0,
    };
    text.len() + 2 + text.bytes().map(more).sum::<usize>()
}

/// A number as PostgreSQL writes it in a document: as a decimal without an exponent, up to 300 digits and more.
fn digits(number: &serde_json::Number) -> Result<usize, BadValue> {
    if number.is_f64() {
        let float = number.as_f64().filter(|float| float.is_finite()).ok_or(BadValue::NumberRange)?;
        return Ok(if float.abs() < 1e15 && float.abs() > 1e-5 || float == 0.0 {
            24
        } else {
            format!("{float}").len() + 2
        });
    }
    Ok(20)
}

/// Checks one JSON document, keys included. Its length is counted as the server counts it, which is how it writes the
/// document itself: blanks behind colons and commas, control characters as six, no exponents.
///
/// # Errors
/// The first [`BadValue`] met.
pub fn check_json(value: &Value) -> Result<(), BadValue> {
    fn walk(value: &Value, depth: usize) -> Result<usize, BadValue> {
        if depth > MAX_DEPTH {
            return Err(BadValue::TooDeep);
        }
        Ok(match value {
            Value::Null | Value::Bool(true) => 4,
            Value::Bool(false) => 5,
            Value::Number(n) => digits(n)?,
            Value::String(s) => {
                check_text(s)?;
                escaped(s)
            }
            Value::Array(items) => {
                let mut bytes = 2 + 2 * items.len().saturating_sub(1);
                for item in items {
                    bytes += walk(item, depth + 1)?;
                }
                bytes
            }
            Value::Object(map) => {
                let mut bytes = 2 + 2 * map.len().saturating_sub(1);
                for (key, item) in map {
                    check_text(key)?;
                    bytes += escaped(key) + 2 + walk(item, depth + 1)?;
                }
                bytes
            }
        })
    }
    let bytes = walk(value, 0)?;
    if bytes > MAX_JSON_BYTES {
        return Err(BadValue::TooLong { bytes, limit: MAX_JSON_BYTES });
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_postgresql_refuses_is_refused_at_save() {
        assert_eq!(check_text("a\0b"), Err(BadValue::Nul));
        assert_eq!(check_json(&json!({"a\0": 1})), Err(BadValue::Nul), "keys are checked too");
        assert!(serde_json::from_str::<Value>("1e400").is_err(), "serde refuses what overflows a float");
        assert!(serde_json::from_str::<Value>(r#""\ud800""#).is_err(), "serde refuses half a surrogate pair");
        let mut deep = json!(1);
        for _ in 0..=MAX_DEPTH {
            deep = json!([deep]);
        }
        assert_eq!(check_json(&deep), Err(BadValue::TooDeep));
        let controls = json!(vec!["\u{1}".repeat(MAX_TEXT_BYTES); 1]);
        assert!(matches!(check_json(&controls), Err(BadValue::TooLong { .. })), "six characters each on the server");
        assert!(matches!(check_json(&json!(vec![1e300; 4_000])), Err(BadValue::TooLong { .. })), "301 digits each");
        assert!(matches!(check_json(&json!(vec![""; MAX_JSON_BYTES / 4 + 1])), Err(BadValue::TooLong { .. })));
        assert_eq!(check_json(&json!(vec![""; MAX_JSON_BYTES / 4])), Ok(()), "quotes, comma and blank each");
        let long = "x".repeat(MAX_TEXT_BYTES + 1);
        assert!(matches!(check_text(&long), Err(BadValue::TooLong { .. })));
    }

    #[test]
    fn ordinary_text_in_any_script_is_accepted() {
        for text in ["", "5 µF ≤ 6 %", "消防ポンプ", "\u{202e}right to left", "e\u{301}", "👩🏽‍🚒"] {
            assert_eq!(check_text(text), Ok(()), "{text}");
        }
    }
}
