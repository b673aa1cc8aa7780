//! Which folder holds this person's work.

use std::ffi::OsString;
use std::path::PathBuf;

use clara_contract::{Code, Failure};

/// The folder named on the command line or in `CLARA_PROFILE`.
pub(crate) fn asked(mut arguments: impl Iterator<Item = OsString>) -> Result<Option<PathBuf>, String> {
    let usage = "Usage: clara-field [--profile FOLDER]";
    let mut folder = std::env::var_os("CLARA_PROFILE").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    while let Some(argument) = arguments.next() {
        if argument != "--profile" {
            return Err(format!("{} is not an option of this program. {usage}", argument.to_string_lossy()));
        }
        folder = Some(arguments.next().ok_or_else(|| format!("--profile needs a folder. {usage}"))?.into());
    }
    Ok(folder)
}

/// The folder the system keeps for this person and this program.
pub(crate) fn of_this_person() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let home = std::env::home_dir().filter(|home| home.is_absolute());
    let data = if cfg!(windows) {
        // Not the roaming one: a profile is bound to this laptop, and copying an open database breaks it.
        variable("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        home.map(|home| home.join("Library/Application Support"))
    } else {
        variable("XDG_DATA_HOME").or_else(|| home.map(|home| home.join(".local/share")))
    };
    data.map(|data| data.join("clara-field"))
}

/// There is nowhere to keep anything.
pub(crate) fn no_home() -> Failure {
    Failure {
        code: Code::BadInput,
        message: "This computer does not say where your files are kept.".into(),
        safe: "Nothing was changed.".into(),
        next: "Start the program with --profile and the folder it should use.".into(),
        field: None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked_with(arguments: &[&str]) -> Result<Option<PathBuf>, String> {
        asked(arguments.iter().map(OsString::from))
    }

    #[test]
    fn the_command_line_names_the_folder_or_says_what_it_takes() {
        assert_eq!(asked_with(&["--profile", "/srv/clara"]).unwrap(), Some("/srv/clara".into()));
        assert!(asked_with(&["--profile"]).unwrap_err().contains("needs a folder"));
        assert!(asked_with(&["--reset"]).unwrap_err().contains("--reset is not an option"));
    }
}
