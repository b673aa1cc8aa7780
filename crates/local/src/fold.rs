//! What is left of a model number when everything that is read wrongly off a worn plate is taken out of it. Pure
//! functions; the catalogue is stored folded and a search is folded the same way.

/// The class of a character: upper case, look-alikes as one. None for what carries no meaning (dashes, blanks, dots).
pub fn fold_char(c: char) -> Option<char> {
    if c.is_ascii() {
        return match c.to_ascii_uppercase() {
            'O' | '0' => Some('0'),
            'I' | 'L' | '1' => Some('1'),
            'S' | '5' => Some('5'),
            'B' | '8' => Some('8'),
            'Z' | '2' => Some('2'),
            'G' | '6' => Some('6'),
            upper if upper.is_ascii_alphanumeric() => Some(upper),
            _ => None,
        };
    }
    if !c.is_alphanumeric() {
        return None;
    }
    // A letter whose upper case is more than one character stays as it is: one character in, one out.
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) if one.is_ascii() => fold_char(one),
        (Some(one), None) => Some(one),
        _ => Some(c),
    }
}

/// Folds a whole model number.
pub fn fold(text: &str) -> String {
    text.chars().filter_map(fold_char).collect()
}

/// The folded words of a text, for the word index: `Low-pressure 4L-340` gives `10W`, `PRE55URE`, `10WPRE55URE`, `41`,
/// `340` and so on, so that a word is found with and without its dash.
pub fn fold_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for chunk in text.split_whitespace() {
        let parts: Vec<String> =
            chunk.split(|c: char| !c.is_alphanumeric()).map(fold).filter(|part| !part.is_empty()).collect();
        if parts.len() > 1 {
            words.push(parts.concat());
        }
        words.extend(parts);
    }
    words
}

/// One character of a model number that stands there differently from how it was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct ReadAs {
    /// Its place in the model number, counted in characters.
    pub at: usize,
    /// What was typed; none where nothing was typed for it.
    pub typed: Option<char>,
    /// What stands on the plate.
    pub is: char,
}

/// How a typed number lies on a model number.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Match {
    /// First character of the model number that the typed one covers.
    pub start: usize,
    /// Past the last.
    pub end: usize,
    /// Characters read as others, in order: for the screen to underline.
    pub read_as: Vec<ReadAs>,
}

/// Lays a typed number on a model number, with at most one character off after folding. None where it does not fit.
pub fn lay(typed: &str, model_number: &str) -> Option<Match> {
    let typed: Vec<(char, char)> = typed.chars().filter_map(|c| Some((c, fold_char(c)?))).collect();
    let plate: Vec<(usize, char, char)> =
        model_number.chars().enumerate().filter_map(|(at, c)| Some((at, c, fold_char(c)?))).collect();
    if typed.is_empty() || plate.is_empty() {
        return None;
    }
    (0..plate.len()).find_map(|from| lay_at(&typed, plate.get(from..)?, false)).or_else(|| one_off(&typed, &plate))
}

/// Every typed character against the plate from its beginning.
fn lay_at(typed: &[(char, char)], plate: &[(usize, char, char)], whole: bool) -> Option<Match> {
    if plate.len() < typed.len() || (whole && plate.len() != typed.len()) {
        return None;
    }
    let pairs = || typed.iter().zip(plate);
    if !pairs().all(|((_, folded), (_, _, class))| folded == class) {
        return None;
    }
    let read_as = pairs()
        .filter(|((typed, _), (_, is, _))| !typed.eq_ignore_ascii_case(is))
        .map(|((typed, _), (at, is, _))| ReadAs { at: *at, typed: Some(*typed), is: *is })
        .collect();
    let (start, end) = (plate.first()?.0, plate.get(typed.len().checked_sub(1)?)?.0 + 1);
    Some(Match { start, end, read_as })
}

/// The whole plate, or its beginning, with one character exchanged, missing or too many.
fn one_off(typed: &[(char, char)], plate: &[(usize, char, char)]) -> Option<Match> {
    let same = typed.iter().zip(plate).take_while(|((_, a), (_, _, b))| a == b).count();
    let (typed_rest, plate_rest) = (typed.get(same..)?, plate.get(same..)?);
    let head = |extra: Option<ReadAs>, tail: Option<Match>| {
        let tail = tail?;
        let mut all = if same == 0 {
            Match { start: 0, end: 0, read_as: Vec::new() }
        } else {
            lay_at(typed.get(..same)?, plate.get(..same)?, false)?
        };
        all.read_as.extend(extra);
        all.read_as.extend(tail.read_as);
        all.end = tail.end.max(extra.map_or(0, |e| e.at + 1)).max(all.end);
        Some(all)
    };
    let rest = |typed: &[(char, char)], plate: &[(usize, char, char)]| {
        if typed.is_empty() { Some(Match::default()) } else { lay_at(typed, plate, false) }
    };
    let (t, p) = (typed_rest.first(), plate_rest.first());
    match (t, p) {
        // Exchanged.
        (Some((t, _)), Some((at, is, _))) => {
            head(Some(ReadAs { at: *at, typed: Some(*t), is: *is }), rest(typed_rest.get(1..)?, plate_rest.get(1..)?))
                // Left out when typing.
                .or_else(|| {
                    head(Some(ReadAs { at: *at, typed: None, is: *is }), rest(typed_rest, plate_rest.get(1..)?))
                })
                // Typed too much.
                .or_else(|| head(None, rest(typed_rest.get(1..)?, plate_rest)))
        }
        // The last one typed is one too many.
        (Some(_), None) if typed_rest.len() == 1 => head(None, Some(Match::default())),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_read_wrongly_folds_to_the_same() {
        assert_eq!(fold("FTXS12WVJU9"), fold("ftx5-12 wvju9"));
        assert_eq!(fold("B0-8I1l"), fold("bo8 l I i"));
        assert_eq!(fold("ZG-25"), fold("26 2s"));
        assert_ne!(fold("FTXS12"), fold("FTXS13"));
        assert_eq!(fold("—/ ."), "");
    }

    #[test]
    fn a_word_is_found_with_and_without_its_dash() {
        assert_eq!(fold_words("Low-pressure, trip"), ["10WPRE55URE", "10W", "PRE55URE", "TR1P"]);
    }

    #[test]
    fn the_screen_is_told_which_letters_were_read_as_others() {
        let found = lay("ftx5 i2", "FTXS-12WV").unwrap();
        assert_eq!((found.start, found.end), (0, 7));
        assert_eq!(
            found.read_as,
            [ReadAs { at: 3, typed: Some('5'), is: 'S' }, ReadAs { at: 5, typed: Some('i'), is: '1' },]
        );
        let middle = lay("12wv", "FTXS-12WV").unwrap();
        assert_eq!((middle.start, middle.end, middle.read_as.len()), (5, 9, 0));
    }

    #[test]
    fn one_character_may_be_wrong_missing_or_too_many() {
        let wrong = lay("FTXK12WVJU9", "FTXS12WVJU9").unwrap();
        assert_eq!(wrong.read_as, [ReadAs { at: 3, typed: Some('K'), is: 'S' }]);
        let missing = lay("FTX12WVJU9", "FTXS12WVJU9").unwrap();
        assert_eq!(missing.read_as, [ReadAs { at: 3, typed: None, is: 'S' }]);
        assert!(lay("FTXSS12WVJU9", "FTXS12WVJU9").is_some());
        assert!(lay("FTXS12WVJU99", "FTXS12WVJU9").is_some());
        assert!(lay("FTKK12WVJU9", "FTXS12WVJU9").is_none(), "two are too many");
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,40}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }

        #[test]
        fn case_blanks_and_dashes_never_matter(text in "[A-Za-z0-9]{1,20}", at in 0usize..20) {
            let mut mangled = text.to_lowercase();
            mangled.insert_str(at.min(mangled.len()), " - ");
            prop_assert_eq!(fold(&mangled), fold(&text));
        }

        #[test]
        fn any_one_exchange_still_lies_on_the_number(text in "[A-Z0-9]{4,16}", at in 0usize..16, other in "[A-Z0-9]") {
            let at = at % text.len();
            let mut typed = text.clone();
            typed.replace_range(at..=at, &other);
            let found = lay(&typed, &text);
            prop_assert!(found.is_some(), "{} on {}", typed, text);
            let found = found.unwrap();
            prop_assert!(found.start <= found.end && found.end <= text.len());
            prop_assert!(found.read_as.iter().all(|r| r.at < text.len()));
        }

        #[test]
        fn nothing_typed_makes_it_panic(typed in "\\PC{0,12}", model in "\\PC{0,12}") {
            let _ = lay(&typed, &model);
        }
    }
}
