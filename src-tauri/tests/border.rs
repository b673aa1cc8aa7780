//! What the webview may do, as it is checked in: the policy of its pages and the list of what it may call.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

fn checked_in(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_window_may_call_each_command_of_the_contract_and_nothing_else() {
    let capability = checked_in(include_str!("../capabilities/main.json"));
    let mut wanted = vec![json!("core:event:allow-listen"), json!("core:event:allow-unlisten")];
    wanted.extend(clara_contract::COMMANDS.iter().map(|name| json!(format!("allow-{}", name.replace('_', "-")))));
    assert_eq!(capability["permissions"], Value::Array(wanted), "capabilities/main.json lists the contract, in order");
    assert_eq!(capability["windows"], json!(["main"]));
    assert_eq!(capability["local"], json!(true));
    assert!(capability.get("remote").is_none() && capability.get("webviews").is_none());
}

#[test]
fn the_pages_policy_is_the_strict_one() {
    let security = &checked_in(include_str!("../tauri.conf.json"))["app"]["security"];
    assert_eq!(
        security["csp"],
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' photo: http://photo.localhost; \
         connect-src ipc: http://ipc.localhost; font-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    assert_eq!(security["freezePrototype"], json!(true));
    assert_eq!(security["capabilities"], json!(["main"]));
    assert_eq!(security["assetProtocol"]["enable"], json!(false));
    for loosened in ["devCsp", "dangerousDisableAssetCspModification", "headers"] {
        assert!(security.get(loosened).is_none(), "{loosened}");
    }
}

#[test]
fn the_program_that_ships_has_no_developer_tools_and_no_updater() {
    let manifest = include_str!("../Cargo.toml");
    let workspace = include_str!("../../Cargo.toml");
    for forbidden in ["devtools", "plugin-updater", "plugin-fs", "plugin-shell", "plugin-opener", "plugin-http"] {
        let asked = [manifest, workspace].iter().flat_map(|text| text.lines()).any(|line| line.contains(forbidden));
        assert!(!asked, "{forbidden}");
    }
    let app = &checked_in(include_str!("../tauri.conf.json"))["app"];
    assert_eq!(app["withGlobalTauri"], json!(false));
    assert_eq!(app["windows"].as_array().map(Vec::len), Some(1));
}
