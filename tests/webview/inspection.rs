//! An inspection in which something is wrong, as the README shows it.

use serde_json::json;

use crate::laptop::{Laptop, Window};

/// Up to the reading that is wrong; the rest of the form is still open.
const ANSWERS: &[(&str, &str)] =
    &[("line_psi", "71.5"), ("check_1_psid", "6.8"), ("relief_psid", "1.8"), ("check_2_psid", "1.6")];

#[test]
fn a_reading_out_of_limits_says_so_beside_its_rule_and_is_there_after_locking() {
    let laptop = Laptop::new("inspection");
    let window = laptop.open();
    window.press("firstrun-demo");
    window.arrives("rail-today");
    window.press("rail-jobs");
    window.press("job-row-J-20817");
    let row = "[...document.querySelectorAll('[data-testid=device-row]')]
                   .find((row) => row.querySelector('.tag')?.innerText.trim() === 'BFP-2')";
    window.see("device-row");
    window.hears("the job has BFP-2", &format!("return {row} !== undefined"), json!([]));
    window.script(&format!("{row}.click()"), json!([]));
    window.press("step-1");
    for (key, value) in ANSWERS {
        window.write(&format!("reading-{key}"), value);
    }
    window.see_css("[data-key=\"relief_psid\"][data-verdict=\"out_low\"]");
    says(
        &window,
        "the distance and the rule are on the screen",
        &["Out of limits", "0.2 low", "It must dump the zone"],
    );
    window.see("record-relief_psid");
    window.see_css("[data-testid=\"save-state\"][data-state=\"saved\"]");
    window.see("reading-relief_psid").press().expect("the cursor is where the fault is");
    window.picture("1-out-of-limits");

    // A technician who leaves the laptop at the dock locks it; the form is as it was.
    window.press("rail-user");
    window.press("lock");
    window.press("locked-open");
    assert_eq!(window.see("reading-relief_psid").value(), "1.8");
    window.picture("2-opened-again");
    assert_eq!(window.complaints(), Vec::<String>::new());
}

fn says(window: &Window, what: &str, words: &[&str]) {
    let body = "return arguments[0].every((word) => document.body.innerText.includes(word))";
    window.hears(what, body, json!([words]));
}
