//! `clara rescue …`: on the laptop and in the office.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clara_app::failure_of_rescue;
use clara_app::rescue::{
    Identity, Occasion, Outside, PackHeader, Reason, RescueError, Shown, look, make_from_folder, show,
};
use clara_contract::Empty;
use clara_contract::rescue::RescueMade;

use crate::arguments::{Arguments, Rescue};
use crate::error::Error;
use crate::output::Output;
use crate::{central, device, profile};

pub(crate) fn run(verb: &Rescue, arguments: &Arguments, output: &Output) -> Result<ExitCode, Error> {
    match verb {
        Rescue::Make { out } => {
            let app = profile::open(arguments)?;
            let made = match out {
                Some(folder) => app.make_rescue_into(folder),
                None => app.make_rescue(Empty {}),
            };
            app.close();
            output.answer(&made?, made_words)
        }
        Rescue::Show { file, identity_file: None, .. } => {
            let outside = look(file).map_err(failed)?;
            output.answer(&outside, outside_words)
        }
        Rescue::Show { file, identity_file: Some(key), photos } => {
            let identity = identity(key)?;
            let mut shelf = photos.as_deref().map(Shelf::at).transpose()?;
            let shown = show(file, &identity, |photo, chunk| match &mut shelf {
                Some(shelf) => shelf.put(&photo.photo_id.to_string(), chunk),
                None => Ok(()),
            });
            let shown = shown.map_err(failed)?;
            output.answer(&shown, shown_words)?;
            Ok(if shown.whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Rescue::Import { file, identity_file, server } if server.is_named() => {
            central::import_pack(server, file, identity_file, output)
        }
        Rescue::Import { file, identity_file, .. } => {
            let key = identity(identity_file)?;
            let app = profile::open(arguments)?;
            let report = app.import_rescue(file, &key);
            app.close();
            central::rescue::imported(&report?, output)
        }
        Rescue::OpenProfile { identity_file, out } => {
            let made = make_from_folder(&profile::folder(arguments)?, &identity(identity_file)?, out);
            output.answer(&made.map_err(failed)?, |made| {
                format!("{}\n{}", counts_words(&made.header), made.path.display())
            })
        }
    }
}

/// The recovery key from the safe.
pub(crate) fn identity(path: &Path) -> Result<Identity, Error> {
    Identity::parse(&profile::read(path)?).map_err(failed)
}

pub(crate) fn failed(error: RescueError) -> Error {
    Error::Failure(failure_of_rescue(error))
}

/// Photos as files of a folder, each under its id.
struct Shelf {
    folder: PathBuf,
    open: Option<(String, File)>,
}

impl Shelf {
    fn at(folder: &Path) -> Result<Shelf, Error> {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
        Ok(Shelf { folder: folder.to_owned(), open: None })
    }

    fn put(&mut self, name: &str, chunk: &[u8]) -> std::io::Result<()> {
        if self.open.as_ref().is_none_or(|(open, _)| open != name) {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .open(self.folder.join(format!("{name}.{}", kind_of(chunk))))?;
            self.open = Some((name.to_owned(), file));
        }
        self.open.as_mut().map_or(Ok(()), |(_, file)| file.write_all(chunk))
    }
}

/// The end of a picture's name, by what it is.
fn kind_of(beginning: &[u8]) -> &'static str {
    match beginning {
        [0xFF, 0xD8, 0xFF, ..] => "jpg",
        [0x89, b'P', b'N', b'G', ..] => "png",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "webp",
        _ => "bin",
    }
}

fn made_words(made: &RescueMade) -> String {
    let mut text = format!(
        "{} saved changes, {} drafts and {} photos are sealed for the office.",
        made.operations, made.drafts, made.photos
    );
    if made.photos_lacking > 0 {
        let _ = write!(text, " {} photos cannot be read on this laptop any more.", made.photos_lacking);
    }
    let _ = write!(text, "\n{}", made.file.path);
    text
}

fn outside_words(outside: &Outside) -> String {
    format!(
        "A rescue pack of {} KB. It opens with the recovery key {}: give --identity-file.",
        outside.bytes.div_ceil(1024),
        outside.recipient
    )
}

pub(crate) fn counts_words(header: &PackHeader) -> String {
    let why = match (header.occasion, header.reason) {
        (Some(Occasion::Update), _) => "made by itself before an update",
        (Some(Occasion::SignOut), _) => "made by itself at a sign-out",
        (Some(Occasion::LowDisk), _) => "made by itself when the disk was almost full",
        (Some(Occasion::Other), _) => "made by itself",
        (None, Reason::Asked) => "made when asked",
        (None, Reason::Revoked) => "made when the server refused the laptop",
        (None, Reason::Recovered) => "made from the laptop's folder with the recovery key",
    };
    format!(
        "Of {} on {}, {}, {}. {} operations, {} drafts, {} photos.",
        header.full_name,
        header.device_name,
        header.made_at.format("%Y-%m-%d %H:%M UTC"),
        why,
        header.counts.operations,
        header.counts.drafts,
        header.counts.photos
    )
}

fn shown_words(shown: &Shown) -> String {
    let mut text = shown.header.as_ref().map(counts_words).unwrap_or_default();
    for one in &shown.operations {
        let operation = &one.operation;
        let fields: Vec<&str> = operation.new.keys().map(String::as_str).collect();
        let _ = write!(
            text,
            "\n{}  {} {} {}  {}  {}",
            operation.local_at.format("%Y-%m-%d %H:%M"),
            device::word(&operation.kind),
            operation.entity.name(),
            operation.row_id,
            device::word(&one.state),
            fields.join(", ")
        );
    }
    for draft in &shown.drafts {
        let _ = write!(
            text,
            "\n{}  draft of an inspection of {}",
            draft.saved_at.format("%Y-%m-%d %H:%M"),
            draft.equipment_id
        );
    }
    for photo in &shown.photos {
        let _ = write!(
            text,
            "\n{}  photo {}, {} KB",
            photo.taken_in_at.format("%Y-%m-%d %H:%M"),
            photo.photo_id,
            photo.byte_count / 1024
        );
    }
    for photo in &shown.photos_lacking {
        let _ = write!(text, "\nphoto {}: its bytes are not whole", photo.photo_id);
    }
    if !shown.whole {
        text.push_str("\nThe pack is damaged or cut off; this is what can be read of it.");
    }
    text
}
