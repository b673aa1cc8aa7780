//! The app without any server: what a person sees who only wants to look.

use serde_json::json;

use crate::laptop::{Laptop, Window};

#[test]
fn the_demo_needs_no_server_and_every_screen_draws_without_a_complaint() {
    let laptop = Laptop::new("demo");
    let window = laptop.open();
    window.see("firstrun-demo");
    window.picture("1-first-run");
    window.press("firstrun-demo");
    window.arrives("rail-today");
    for (number, place) in ["today", "jobs", "equipment", "specs", "sync", "gaps"].iter().enumerate() {
        window.press(&format!("rail-{place}"));
        window.see_css(&format!("[data-testid=\"rail-{place}\"][aria-current=\"page\"]"));
        window.see_css("h1");
        window.hears("the screen is drawn", "return !document.querySelector('[aria-busy=true]')", json!([]));
        window.picture(&format!("{}-{place}", number + 2));
        assert!(window.find("[data-testid=\"failure\"]").is_none(), "{place} shows a failure");
    }
    assert_eq!(window.complaints(), Vec::<String>::new());
}

#[test]
fn what_is_picked_in_a_dialog_comes_in_and_a_table_goes_out() {
    let laptop = Laptop::new("dialogs");
    let [good, bad, table] = ["plate.png", "plate.jpg", "gaps.csv"].map(|name| laptop.desk().join(name));
    let picked = std::env::join_paths([&good, &bad]).unwrap();
    let laptop = laptop.with("CLARA_PICK", picked.to_str().unwrap()).with("CLARA_SAVE", table.to_str().unwrap());
    let window = laptop.open();
    window.press("firstrun-demo");
    window.arrives("rail-today");

    window.press("rail-specs");
    window.write("specs-input", "95O-xlt 2");
    window.see_css("[data-testid=\"spec-row\"]");
    window.hears(
        "a mangled number finds the model",
        "return document.querySelector('[data-testid=spec-row]').innerText.includes('950XLT2')",
        json!([]),
    );
    window.picture("1-specs");

    std::fs::write(&good, window.screenshot()).unwrap();
    std::fs::write(&bad, "not a picture").unwrap();
    window.press("rail-equipment");
    window.press("equipment-row");
    let before = drawn(&window);
    window.press("photo-pick");
    window.until(|| drawn(&window) == before + 1, || "the picked photo is on the screen".into());
    window.hears(
        "the file that is no picture is refused by name",
        "return /plate\\.jpg\\s+This file is not a photo/.test(document.body.innerText)",
        json!([]),
    );
    window.picture("2-photos");

    window.press("rail-gaps");
    window.see("gaps-percentage");
    window.press("gaps-csv");
    window.until(|| table.exists(), || "the table is saved".into());
    let saved = std::fs::read_to_string(&table).unwrap();
    assert!(saved.lines().count() > 100 && saved.starts_with("Site"), "{saved:.300}");
    assert_eq!(window.complaints(), Vec::<String>::new());
}

/// Photos that are really drawn.
fn drawn(window: &Window) -> u64 {
    let count = window.script(
        "return [...document.querySelectorAll('[data-testid=photo-tile] img')].filter((i) => i.naturalWidth > 0).length",
        json!([]),
    );
    count.as_u64().unwrap()
}

#[test]
fn a_second_copy_on_the_same_profile_says_so_and_ends() {
    let laptop = Laptop::new("second-copy");
    let window = laptop.open();
    window.press("firstrun-demo");
    window.arrives("rail-today");
    let second = laptop.start_without_display(&[]);
    assert_eq!(second.status.code(), Some(3), "{second:?}");
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.to_lowercase().contains("already open"), "{said}");
    assert!(window.invoke("start", json!({}))["state"].is_string(), "the first copy goes on");
}
