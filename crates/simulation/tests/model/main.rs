//! The model of the server against a real PostgreSQL: random work, given to both, must be answered in the same words and
//! leave the same rows. That is what makes runs against the model worth something.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod pair;
mod script;

use pair::Pair;
use script::Script;

#[test]
fn the_model_answers_every_random_script_as_postgresql_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scripts: u64 = std::env::var("CLARA_SCRIPTS").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    runtime.block_on(async {
        let mut pair = Pair::found().await;
        let mut outcomes = std::collections::BTreeMap::new();
        for number in 0..scripts {
            let mut script = Script::of(number);
            script.play(&mut pair, &mut outcomes).await;
            if number % 20 == 19 {
                pair.compare_rows(&format!("after script {number}")).await;
            }
        }
        pair.compare_rows("at the end").await;
        println!("{scripts} scripts: {outcomes:?}");
        for word in ["Applied", "Merged", "Conflict", "Parked", "Rejected", "duplicate"] {
            assert!(outcomes.contains_key(word), "no script led to {word}: {outcomes:?}");
        }
    });
}
