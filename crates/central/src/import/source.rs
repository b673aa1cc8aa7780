//! Reads a file line by line, on a thread of its own, no faster than lines are taken.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};
use serde::de::{DeserializeSeed, SeqAccess, Visitor};
use serde_json::{Map, Value};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::map::{ColumnMap, Format};
use super::step::text_or_null;
use crate::error::AdminError;

/// Lines read ahead.
const AHEAD: usize = 1_000;
/// A longer line of JSON is no record.
const MAX_LINE: u64 = 8 * 1024 * 1024;

type Text = BufReader<DecodeReaderBytes<File, Vec<u8>>>;

/// One line, or why it is none.
pub struct Line {
    /// From 1; for an item of a JSON array, its position.
    pub number: u64,
    /// Column to value.
    pub content: Result<Map<String, Value>, String>,
}

/// Opens a file and checks its heading against the map.
pub async fn open(map: &ColumnMap, path: &Path) -> Result<Receiver<Line>, AdminError> {
    let format = match (map.format, path.extension().and_then(|ending| ending.to_str())) {
        (Some(format), _) => format,
        (None, Some("json")) => Format::Json,
        (None, Some("jsonl" | "ndjson")) => Format::Jsonl,
        (None, _) => Format::Csv,
    };
    let delimiters = match map.delimiter.and_then(|delimiter| u8::try_from(delimiter).ok()) {
        Some(delimiter) => vec![delimiter],
        None => vec![b',', b';', b'\t'],
    };
    let encoding = map.encoding.as_deref().and_then(|label| Encoding::for_label(label.as_bytes()));
    let wanted: Vec<String> = map.columns().into_iter().map(str::to_owned).collect();
    let path: PathBuf = path.to_owned();
    let (lines, receiver) = channel(AHEAD);
    let opened = tokio::task::spawn_blocking(move || -> Result<Box<dyn FnOnce() + Send>, AdminError> {
        Ok(match format {
            Format::Csv => {
                let (rows, heading) = rows(&path, encoding, &delimiters, &wanted)?;
                Box::new(move || read_csv(rows, &heading, &lines))
            }
            Format::Json => {
                let reader = text(&path, encoding)?;
                Box::new(move || read_json(reader, &lines))
            }
            Format::Jsonl => {
                let reader = text(&path, encoding)?;
                Box::new(move || read_jsonl(reader, &lines))
            }
        })
    })
    .await
    .map_err(|_| AdminError::Unfit("it could not be read".to_owned()))??;
    tokio::task::spawn_blocking(opened);
    Ok(receiver)
}

/// The file's text. UTF-8 comes as it is, so that a byte which is none is noticed where it stands; any other encoding is
/// turned into UTF-8, without the byte-order mark that Windows programs put first.
fn text(path: &Path, encoding: Option<&'static Encoding>) -> Result<Text, AdminError> {
    let unread = |error| AdminError::File(path.display().to_string(), error);
    let file = File::open(path).map_err(unread)?;
    let mut text = BufReader::new(
        DecodeReaderBytesBuilder::new()
            .encoding(encoding)
            .utf8_passthru(true)
            .strip_bom(true)
            .bom_sniffing(true)
            .build(file),
    );
    text.fill_buf().map_err(unread)?;
    Ok(text)
}

/// The rows of a CSV file and its heading: with the first of the delimiters that gives it the columns wanted.
fn rows(
    path: &Path,
    encoding: Option<&'static Encoding>,
    delimiters: &[u8],
    wanted: &[String],
) -> Result<(csv::Reader<Text>, Vec<String>), AdminError> {
    let mut why = None;
    for delimiter in delimiters {
        let mut rows = csv::ReaderBuilder::new().delimiter(*delimiter).from_reader(text(path, encoding)?);
        match heading(&mut rows, wanted) {
            Ok(heading) => return Ok((rows, heading)),
            Err(error) => why = why.or(Some(error)),
        }
    }
    Err(why.unwrap_or_else(|| AdminError::Unfit("it has no heading".to_owned())))
}

fn heading(rows: &mut csv::Reader<Text>, wanted: &[String]) -> Result<Vec<String>, AdminError> {
    let heading = rows.byte_headers().map_err(|error| AdminError::Unfit(format!("its heading: {error}")))?;
    if heading.is_empty() {
        return Err(AdminError::Unfit("it is empty".to_owned()));
    }
    let heading: Vec<String> = heading
        .iter()
        .map(|name| readable(name).map(|name| name.trim().to_owned()))
        .collect::<Result<_, _>>()
        .map_err(|why| AdminError::Unfit(format!("its heading is {why}")))?;
    match wanted.iter().find(|column| !heading.contains(column)) {
        Some(missing) => {
            let there: Vec<String> = heading.iter().take(12).map(|name| format!("{name:?}")).collect();
            Err(AdminError::Unfit(format!("it has no column {missing:?}; it begins with {}", there.join(", "))))
        }
        None => Ok(heading),
    }
}

fn readable(bytes: &[u8]) -> Result<&str, &'static str> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| "not UTF-8: save the file as \"CSV UTF-8\", or say its \"encoding\" in the map")?;
    // What the decoder put in the place of bytes that mean nothing; stored, it would look like what the file says.
    if text.contains('\u{fffd}') { Err("text with a character that cannot be read") } else { Ok(text) }
}

fn read_csv(mut rows: csv::Reader<Text>, heading: &[String], lines: &Sender<Line>) {
    let mut row = csv::ByteRecord::new();
    loop {
        let (number, content) = match rows.read_byte_record(&mut row) {
            Ok(false) => return,
            Ok(true) => (row.position().map_or(0, csv::Position::line), cells(&row, heading)),
            Err(error) => match error.kind() {
                csv::ErrorKind::UnequalLengths { pos, expected_len, len } => (
                    pos.as_ref().map_or(0, csv::Position::line),
                    Err(format!("it has {len} columns, the heading has {expected_len}")),
                ),
                _ => (rows.position().line(), Err(error.to_string())),
            },
        };
        let broken = content.is_err() && rows.is_done();
        if lines.blocking_send(Line { number, content }).is_err() || broken {
            return;
        }
    }
}

fn cells(row: &csv::ByteRecord, heading: &[String]) -> Result<Map<String, Value>, String> {
    heading
        .iter()
        .zip(row)
        .map(|(name, cell)| match readable(cell) {
            Ok(text) => Ok((name.clone(), text_or_null(text.trim()))),
            Err(why) => Err(format!("column {name:?} is {why}")),
        })
        .collect()
}

fn read_jsonl<R: BufRead>(mut reader: R, lines: &Sender<Line>) {
    let mut text = Vec::new();
    for number in 1_u64.. {
        text.clear();
        let content = match (&mut reader).take(MAX_LINE).read_until(b'\n', &mut text) {
            Ok(0) => return,
            Ok(_) if text.iter().all(u8::is_ascii_whitespace) => continue,
            Ok(_) => serde_json::from_slice::<Value>(&text).map_err(|error| error.to_string()).and_then(object),
            Err(error) => Err(format!("the file breaks off: {error}")),
        };
        let broken = text.is_empty();
        if lines.blocking_send(Line { number, content }).is_err() || broken {
            return;
        }
    }
}

fn object(value: Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(map) => Ok(map),
        _ => Err("it is not an object".to_owned()),
    }
}

fn read_json<R: BufRead>(reader: R, lines: &Sender<Line>) {
    let mut number = 0;
    let items = Items { lines, number: &mut number };
    let read = items.deserialize(&mut serde_json::Deserializer::from_reader(reader));
    if let Err(error) = read {
        // What comes after cannot be told apart any more; the person must know that it is missing.
        let reason = format!("the file cannot be read from here on: {error}");
        let _ = lines.blocking_send(Line { number: number + 1, content: Err(reason) });
    }
}

/// Hands over the items of an array as they are parsed.
struct Items<'a> {
    lines: &'a Sender<Line>,
    number: &'a mut u64,
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<Value>()? {
            *self.number += 1;
            if self.lines.blocking_send(Line { number: *self.number, content: object(item) }).is_err() {
                break;
            }
        }
        Ok(())
    }
}
