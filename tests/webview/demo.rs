//! The app without any server: what a person sees who only wants to look.

use serde_json::json;

use crate::laptop::Laptop;

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
