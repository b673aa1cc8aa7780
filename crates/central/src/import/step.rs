//! Steps from what a file says to what the database means.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime};
use serde::Deserialize;
use serde_json::{Number, Value};

/// One step. Steps see texts, unless they say otherwise; an empty value passes through all but `default`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Blanks at both ends go. Texts from files always come so; this is for what other steps leave.
    Trim,
    /// Runs of blanks become one.
    CollapseBlanks,
    /// Small letters.
    Lower,
    /// Capitals.
    Upper,
    /// `1.234,5` becomes 1234.5.
    DecimalComma,
    /// A number with a decimal point.
    Number,
    /// A number without a fraction; `3.0` is one.
    Integer,
    /// `31.12.2024`, `31/12/2024` or `31-12-2024`.
    DayFirstDate,
    /// `12/31/2024`.
    MonthFirstDate,
    /// The day of an ISO date with or without a time.
    IsoDate,
    /// An ISO time with or without an offset, as UTC.
    IsoTimestamp,
    /// The year of a date.
    Year,
    /// yes, no, true, false, 1, 0, y, n.
    Boolean,
    /// A list, split at this.
    Split(String),
    /// What these words mean; `*` is any other. Without `*` another word is refused.
    Words(BTreeMap<String, Value>),
    /// Off the front, where it is there.
    StripPrefix(String),
    /// Off the end, where it is there.
    StripSuffix(String),
    /// No more characters than this.
    Cut(usize),
    /// In place of an empty value.
    Default(Value),
    /// Empty where it is one of these (`n/a`, `-`).
    Blank(Vec<String>),
}

/// Carries a value through the steps.
///
/// # Errors
/// The reason, for the person who has to mend the file.
pub fn walk(mut value: Value, steps: &[Step]) -> Result<Value, String> {
    for step in steps {
        value = take(value, step)?;
    }
    Ok(value)
}

fn take(value: Value, step: &Step) -> Result<Value, String> {
    if let Step::Default(other) = step {
        return Ok(if value.is_null() { other.clone() } else { value });
    }
    if value.is_null() {
        return Ok(value);
    }
    let text = plain(&value)?;
    Ok(match step {
        Step::Trim => text_or_null(text.trim()),
        Step::CollapseBlanks => text_or_null(&text.split_whitespace().collect::<Vec<_>>().join(" ")),
        Step::Lower => Value::String(text.to_lowercase()),
        Step::Upper => Value::String(text.to_uppercase()),
        Step::DecimalComma => number(&text.replace(['.', ' ', '\u{a0}'], "").replace(',', "."), &text)?,
        Step::Number => number(&text, &text)?,
        Step::Integer => integer(&text)?,
        Step::DayFirstDate => date(&text, ["%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y"])?,
        Step::MonthFirstDate => date(&text, ["%m/%d/%Y", "%m-%d-%Y", "%m.%d.%Y"])?,
        Step::IsoDate => {
            let day = text.get(..10).unwrap_or(&text);
            date(day, ["%Y-%m-%d"; 3])?
        }
        Step::IsoTimestamp => timestamp(&text)?,
        Step::Year => match text.get(..4).and_then(|year| year.parse::<i64>().ok()) {
            Some(year) => Value::Number(year.into()),
            None => return Err(format!("{text:?} does not begin with a year")),
        },
        Step::Boolean => match text.to_lowercase().as_str() {
            "yes" | "y" | "true" | "t" | "1" => Value::Bool(true),
            "no" | "n" | "false" | "f" | "0" => Value::Bool(false),
            _ => return Err(format!("{text:?} is neither yes nor no")),
        },
        Step::Split(at) => Value::Array(
            text.split(at.as_str()).map(str::trim).filter(|part| !part.is_empty()).map(Value::from).collect(),
        ),
        Step::Words(words) => match words.get(&text).or_else(|| words.get("*")) {
            Some(meaning) => meaning.clone(),
            None => return Err(format!("{text:?} is not among the words of the map")),
        },
        Step::StripPrefix(prefix) => text_or_null(text.strip_prefix(prefix.as_str()).unwrap_or(&text)),
        Step::StripSuffix(suffix) => text_or_null(text.strip_suffix(suffix.as_str()).unwrap_or(&text)),
        Step::Cut(length) => text_or_null(&text.chars().take(*length).collect::<String>()),
        Step::Blank(words) if words.contains(&text) => Value::Null,
        Step::Blank(_) | Step::Default(_) => value,
    })
}

fn plain(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        _ => Err("a text was expected, not a list or an object".to_owned()),
    }
}

/// Trimmed to nothing is nothing.
pub fn text_or_null(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::String(text.to_owned()) }
}

fn number(text: &str, said: &str) -> Result<Value, String> {
    text.parse::<f64>()
        .ok()
        .and_then(Number::from_f64)
        .map(Value::Number)
        .ok_or_else(|| format!("{said:?} is not a number"))
}

fn integer(text: &str) -> Result<Value, String> {
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(whole.into());
    }
    match text.parse::<f64>() {
        // Beyond 2^53 a float no longer tells whole numbers apart.
        Ok(float) if float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0 => Ok((float as i64).into()),
        _ => Err(format!("{text:?} is not a whole number")),
    }
}

fn date<const N: usize>(text: &str, forms: [&str; N]) -> Result<Value, String> {
    forms
        .iter()
        .find_map(|form| NaiveDate::parse_from_str(text, form).ok())
        .map(|day| Value::String(day.format("%Y-%m-%d").to_string()))
        .ok_or_else(|| format!("{text:?} is not a date of the kind expected"))
}

fn timestamp(text: &str) -> Result<Value, String> {
    let written = text.replacen(' ', "T", 1);
    let utc = chrono::DateTime::parse_from_rfc3339(&written).map(|at| at.naive_utc());
    utc.or_else(|_| NaiveDateTime::parse_from_str(&written, "%Y-%m-%dT%H:%M:%S%.f"))
        .or_else(|_| NaiveDateTime::parse_from_str(&written, "%Y-%m-%dT%H:%M"))
        .map(|at| Value::String(at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()))
        .map_err(|_| format!("{text:?} is not a date with a time"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn through(text: &str, steps: Value) -> Result<Value, String> {
        walk(json!(text), &serde_json::from_value::<Vec<Step>>(steps).unwrap())
    }

    #[test]
    fn a_decimal_comma_with_a_unit_becomes_a_number() {
        assert_eq!(through("0,450 kg", json!([{"strip_suffix": " kg"}, "decimal_comma"])), Ok(json!(0.45)));
        assert_eq!(through("1.234,5", json!(["decimal_comma"])), Ok(json!(1234.5)));
        assert!(through("a,b", json!(["decimal_comma"])).unwrap_err().contains("a,b"));
    }

    #[test]
    fn the_same_digits_are_two_dates() {
        assert_eq!(through("08.07.2024", json!(["day_first_date"])), Ok(json!("2024-07-08")));
        assert_eq!(through("08/07/2024", json!(["month_first_date"])), Ok(json!("2024-08-07")));
        assert!(through("31.02.2024", json!(["day_first_date"])).is_err());
    }

    #[test]
    fn a_time_with_an_offset_is_kept_as_utc() {
        let kept = through("2017-02-02 12:00:04-05:00", json!(["iso_timestamp"]));
        assert_eq!(kept, Ok(json!("2017-02-02T17:00:04.000000")));
    }

    #[test]
    fn an_unknown_word_is_refused_unless_the_map_says_what_any_other_means() {
        assert!(through("Villa", json!([{"words": {"High Rise": "other"}}])).is_err());
        assert_eq!(through("Villa", json!([{"words": {"High Rise": "a", "*": "b"}}])), Ok(json!("b")));
    }

    #[test]
    fn a_list_is_split_and_a_dash_is_nothing() {
        assert_eq!(through("a / b /", json!([{"split": "/"}])), Ok(json!(["a", "b"])));
        assert_eq!(through("-", json!([{"blank": ["-", "n/a"]}, {"default": 7}])), Ok(json!(7)));
    }
}
