//! Declares every command of the contract, so that the window may call what its capability names and nothing else.

fn main() {
    let manifest = tauri_build::AppManifest::new().commands(clara_contract::COMMANDS);
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest)) {
        println!("cargo::error={error:#}");
    }
}
