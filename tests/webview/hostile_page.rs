//! What a page could do if a stranger's words became script in it: nothing beside calling the commands of the contract.

use clara_contract::COMMANDS;
use serde_json::{Value, json};

use crate::laptop::{Laptop, Window};

#[test]
fn the_window_refuses_what_a_hostile_page_tries() {
    let laptop = Laptop::new("hostile");
    let window = laptop.open();

    nothing_leaves_by_the_network(&window);
    no_script_but_the_apps_own_runs(&window);
    the_window_is_not_led_away(&window);
    only_commands_of_the_contract_answer(&window);
    no_picture_is_served_by_path(&window);
    every_command_survives_nonsense(&window);
    window.picture("after");
}

fn nothing_leaves_by_the_network(window: &Window) {
    for (address, reported) in [
        ("https://example.invalid/", "example.invalid"),
        ("http://127.0.0.1:9/", "127.0.0.1:9"),
        ("asset://localhost/etc/passwd", "asset"),
        ("file:///etc/passwd", "file"),
    ] {
        let tried = window.script_async("return (await fetch(given[0])).status", json!([address]));
        assert!(tried["thrown"].is_string(), "{address}: {tried}");
        refused_by_policy(window, "connect-src", reported);
    }
    for (what, body) in [
        (
            "a picture",
            "await new Promise((yes, no) => { const i = new Image(); i.onload = yes; i.onerror = () => no(new Error('refused')); i.src = 'https://example.invalid/x.png' })",
        ),
        (
            "a socket",
            "await new Promise((yes, no) => { const s = new WebSocket('wss://example.invalid/'); s.onopen = yes; s.onerror = () => no(new Error('refused')) })",
        ),
        ("a worker", "new Worker(URL.createObjectURL(new Blob(['1']))); throw new Error('left to the policy')"),
    ] {
        let tried = window.script_async(body, json!([]));
        assert!(tried["thrown"].is_string(), "{what}: {tried}");
    }
    refused_by_policy(window, "img-src", "example.invalid");
}

fn no_script_but_the_apps_own_runs(window: &Window) {
    let evaluated = window.script_async("return eval('1 + 1')", json!([]));
    assert_eq!(evaluated["name"], "EvalError", "{evaluated}");
    let made = window.script_async("return new Function('return 1')()", json!([]));
    assert_eq!(made["name"], "EvalError", "{made}");

    window.script(
        "const inline = document.createElement('script'); inline.textContent = 'window.hostile = 1';
         document.body.append(inline);
         for (const source of ['data:text/javascript,window.hostile=1', 'https://example.invalid/x.js',
                               URL.createObjectURL(new Blob(['window.hostile=1'], { type: 'text/javascript' }))]) {
             const script = document.createElement('script'); script.src = source; document.body.append(script);
         }
         const button = document.createElement('button'); button.setAttribute('onclick', 'window.hostile = 1');
         document.body.append(button); button.click(); button.remove();
         const frame = document.createElement('iframe'); frame.src = 'https://example.invalid/';
         document.body.append(frame);
         const inside = document.createElement('iframe'); inside.srcdoc = '<script>parent.hostile = 1</script>';
         document.body.append(inside)",
        json!([]),
    );
    refused_by_policy(window, "script-src-elem", "inline");
    refused_by_policy(window, "script-src-elem", "data");
    refused_by_policy(window, "script-src-attr", "inline");
    refused_by_policy(window, "frame-src", "example.invalid");
    assert_eq!(window.script("return window.hostile ?? null", json!([])), Value::Null);
    let changed = window.script_async("Object.prototype.hostile = 1; return ({}).hostile ?? null", json!([]));
    assert!(changed.is_null() || changed["thrown"].is_string(), "the prototype is frozen: {changed}");
}

fn the_window_is_not_led_away(window: &Window) {
    let here = window.script("return location.href", json!([]));
    let opened = window.script("return window.open('https://example.invalid/') === null", json!([]));
    assert_eq!(opened, json!(true), "no second window");
    for there in ["https://example.invalid/", "file:///etc/passwd", "data:text/html,<p>hostile", "photo://localhost/x"]
    {
        window.try_script("location.href = arguments[0]", json!([there])).ok();
        assert_eq!(window.script("return location.href", json!([])), here, "{there}");
    }
    window.hears("the page is still the one that was opened", "return Array.isArray(window.__witness)", json!([]));
}

fn only_commands_of_the_contract_answer(window: &Window) {
    let invoke = "return await window.__TAURI_INTERNALS__.invoke(given[0], given[1])";
    for (command, arguments) in [
        ("drop_everything", json!({})),
        ("plugin:dialog|open", json!({ "options": {} })),
        ("plugin:dialog|save", json!({ "options": {} })),
        ("plugin:dialog|message", json!({ "message": "hostile" })),
        ("plugin:fs|read_text_file", json!({ "path": "/etc/passwd" })),
        ("plugin:shell|execute", json!({ "program": "id", "args": [] })),
        ("plugin:event|emit", json!({ "event": "clara", "payload": {} })),
        ("plugin:event|emit_to", json!({ "target": { "kind": "Any" }, "event": "clara", "payload": {} })),
        ("plugin:window|close", json!({ "label": "main" })),
        ("plugin:window|set_title", json!({ "label": "main", "value": "hostile" })),
        ("plugin:webview|create_webview_window", json!({ "options": { "label": "hostile", "url": "index.html" } })),
        ("plugin:webview|internal_toggle_devtools", json!({})),
        ("plugin:path|resolve_directory", json!({ "directory": 1 })),
        ("plugin:app|version", json!({})),
        ("plugin:resources|close", json!({ "rid": 1 })),
    ] {
        let answer = window.script_async(invoke, json!([command, arguments]));
        let refusal = answer["thrown"].as_str().unwrap_or_else(|| panic!("{command} answered {answer}"));
        assert!(refusal.contains("not allowed") || refusal.contains("not found"), "{command}: {refusal}");
    }
}

fn no_picture_is_served_by_path(window: &Window) {
    let load = "return await new Promise((done) => { const image = new Image();
        image.onload = () => done('shown'); image.onerror = () => done('refused'); image.src = given[0] })";
    for address in [
        "photo://localhost/0190d8a2-0000-7000-8000-000000000000",
        "photo://localhost/0190d8a2-0000-7000-8000-000000000000?size=thumb",
        "photo://localhost/../../etc/passwd",
        "photo://localhost/%2e%2e/%2e%2e/etc/passwd",
        "photo://localhost//etc/passwd",
        "photo://localhost/",
    ] {
        assert_eq!(window.script_async(load, json!([address])), json!("refused"), "{address}");
    }
}

/// Each command of the contract may be called; none may be brought down by what it is called with.
fn every_command_survives_nonsense(window: &Window) {
    let nonsense = [
        json!({}),
        json!({ "request": null }),
        json!({ "request": 7 }),
        json!({ "request": [] }),
        json!({ "request": "\u{0}" }),
        json!({ "request": { "inspection_id": "../../etc/passwd", "target": { "job_id": {} }, "name": "\u{0}" } }),
        json!({ "request": { "id": "0190d8a2-0000-7000-8000-000000000000", "text": "x".repeat(100_000) } }),
    ];
    // These open a dialog of the system, or begin the demo: they have stories of their own.
    let mut left = COMMANDS.iter().filter(|name| !["pick_photos", "export_completeness", "try_demo"].contains(name));
    assert!(left.clone().count() > 30);
    for command in left.by_ref() {
        for arguments in &nonsense {
            let answer = window.script_async(
                "return await window.__TAURI_INTERNALS__.invoke(given[0], given[1])",
                json!([command, arguments]),
            );
            let refusal = answer["thrown"].as_str().unwrap_or_default();
            assert!(!refusal.contains("not allowed"), "{command} is in the contract: {refusal}");
            assert_ne!(answer["code"], "internal", "{command} with {arguments}: {answer}");
        }
    }
    let alive = window.invoke("start", json!({}));
    assert!(alive["state"].is_string(), "{alive}");
}

fn refused_by_policy(window: &Window, directive: &str, address: &str) {
    let start = format!("policy: {directive} ");
    let found = |lines: &[String]| lines.iter().any(|line| line.starts_with(&start) && line.contains(address));
    window.until(
        || found(&window.complaints()),
        || format!("the policy refuses {address} by {directive}; it refused {:#?}", window.complaints()),
    );
}
