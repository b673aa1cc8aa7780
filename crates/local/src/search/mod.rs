//! Finding a model, or a problem, from what can be read of it.

mod build;
mod index;
mod problems;
mod specs;
mod unindexed;

pub(crate) use build::{Built, build_some, built, is_due, put_off};
pub(crate) use index::{forget, index_rows};
pub use problems::ProblemHit;
pub use specs::{Found, Rank, SpecHit, SpecQuery, Within};

/// `"WORD"* AND …` for FTS5; none where nothing is left of the text. A chunk with a dash in it is found as one word or as
/// its parts.
fn word_expression(text: &str) -> Option<String> {
    let mut chunks = Vec::new();
    for chunk in text.split_whitespace() {
        let words = crate::fold::fold_words(chunk);
        match words.as_slice() {
            [] => {}
            [word] => chunks.push(format!("\"{word}\"*")),
            [whole, parts @ ..] => {
                let parts: Vec<String> = parts.iter().map(|part| format!("\"{part}\"*")).collect();
                chunks.push(format!("(\"{whole}\"* OR ({}))", parts.join(" AND ")));
            }
        }
    }
    (!chunks.is_empty()).then(|| chunks.join(" AND "))
}
