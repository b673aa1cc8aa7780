use clara_domain::mirror::Kind;
use clara_domain::row::Cell;

/// A value as PostgreSQL spells it, in the mirror's spelling. None where it is none of the kind.
pub(super) fn read(kind: Kind, value: Option<&str>) -> Option<Cell> {
    let Some(value) = value else { return Some(Cell::Null) };
    Some(match kind {
        Kind::Text | Kind::Enum | Kind::Uuid | Kind::Date => Cell::Text(value.to_owned()),
        Kind::Time => Cell::Text(value.get(..8)?.to_owned()),
        Kind::Json => Cell::Text(compact(value)),
        Kind::Timestamp => Cell::Text(timestamp(value)?),
        Kind::Int => Cell::Int(value.parse().ok()?),
        Kind::Real => Cell::Real(value.parse().ok().filter(|number: &f64| number.is_finite())?),
        Kind::Bool => Cell::Int(value.starts_with('t').into()),
    })
}

/// `2026-11-22 14:14:38.12` to `2026-11-22T14:14:38.120000Z`. Infinity has no spelling in the mirror: null would be
/// a lie, so it is the last moment of year 9999 or the first of year 1.
fn timestamp(value: &str) -> Option<String> {
    match value {
        "infinity" => return Some("9999-12-31T23:59:59.999999Z".to_owned()),
        "-infinity" => return Some("0001-01-01T00:00:00.000000Z".to_owned()),
        _ => {}
    }
    let (date, time) = value.split_once(' ')?;
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    if date.len() != 10 || seconds.len() != 8 || fraction.len() > 6 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(format!("{date}T{seconds}.{fraction:0<6}Z"))
}

/// jsonb is printed with a blank after each colon and comma; the mirror keeps none.
fn compact(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    let mut rest = document;
    // Outside strings jsonb prints no blank but those; a string is copied whole.
    while let Some(quote) = rest.find('"') {
        let (before, string) = rest.split_at(quote);
        out.extend(before.chars().filter(|c| *c != ' '));
        let end = string_end(string.as_bytes());
        let (string, after) = string.split_at(end);
        out.push_str(string);
        rest = after;
    }
    out.extend(rest.chars().filter(|c| *c != ' '));
    out
}

fn string_end(bytes: &[u8]) -> usize {
    let mut position = 1;
    while let Some(byte) = bytes.get(position) {
        match byte {
            b'\\' => position += 2,
            b'"' => return position + 1,
            _ => position += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn documents_lose_blanks_between_values_and_none_inside_them() {
        for (printed, kept) in [
            (r#"{"a": 1, "b c": [1, 2, "x, y: \" z"]}"#, r#"{"a":1,"b c":[1,2,"x, y: \" z"]}"#),
            (r#""\\""#, r#""\\""#),
            (r#"{"消防": "ポ ンプ"}"#, r#"{"消防":"ポ ンプ"}"#),
            ("[]", "[]"),
            ("null", "null"),
        ] {
            assert_eq!(compact(printed), kept);
            let (before, after): (serde_json::Value, serde_json::Value) =
                (serde_json::from_str(printed).unwrap(), serde_json::from_str(kept).unwrap());
            assert_eq!(before, after);
        }
    }

    #[test]
    fn times_are_spelt_in_one_way_only() {
        for (printed, kept) in [
            ("2026-11-22 14:14:38", "2026-11-22T14:14:38.000000Z"),
            ("2026-11-22 14:14:38.12", "2026-11-22T14:14:38.120000Z"),
            ("2026-11-22 14:14:38.123456", "2026-11-22T14:14:38.123456Z"),
        ] {
            assert_eq!(read(Kind::Timestamp, Some(printed)), Some(Cell::Text(kept.to_owned())));
        }
        assert_eq!(read(Kind::Timestamp, Some("yesterday")), None);
        assert_eq!(read(Kind::Time, Some("08:30:00")), Some(Cell::Text("08:30:00".to_owned())));
        assert_eq!(read(Kind::Bool, Some("t")), Some(Cell::Int(1)));
        assert_eq!(read(Kind::Real, Some("43.65000000")), Some(Cell::Real(43.65)));
        assert_eq!(read(Kind::Int, None), Some(Cell::Null));
    }
}
