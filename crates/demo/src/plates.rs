//! Pictures of nameplates, drawn from what is known of an item.

use chrono::{Duration, FixedOffset, NaiveDate};
use clara_domain::category::Category;
use clara_domain::mirror::Entity;
use clara_domain::row::Row;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Picture;
use crate::book::Book;
use crate::chance;
use crate::people::user;
use crate::png::Canvas;
use crate::sites::{Item, Site};

const WIDTH: usize = 480;
const HEIGHT: usize = 320;

/// Pictures of every item that has one, none of them in a row of the company's yet.
pub(crate) fn all(sites: &[Site], today: NaiveDate, zone: FixedOffset) -> Vec<Picture> {
    let mut book = Book::new(zone);
    let mut bytes = Vec::new();
    for site in sites {
        for item in site.items.iter().filter(|item| item.has_photo) {
            bytes.push(add(&mut book, site, item, today));
        }
    }
    let rows: Vec<Row> = book.into_rows().into_iter().flat_map(|(_, rows)| rows).collect();
    rows.into_iter().zip(bytes).map(|(row, bytes)| Picture { row, bytes }).collect()
}

fn add(book: &mut Book, site: &Site, item: &Item, today: NaiveDate) -> Vec<u8> {
    let bytes = draw(item);
    let days_ago = 20 + chance::pick(&format!("{}/picture", item.key), 560) as i64;
    let day = today - Duration::days(days_ago);
    let taken = book.moment(day, 9 * 60 + chance::pick(&format!("{}/hour", item.key), 400) as i64);
    let login = if chance::share(&format!("{}/picture by", item.key)) < 0.5 { "tech_dana" } else { "tech_kofi" };
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    book.add(
        Entity::Photos,
        &format!("{}/nameplate", item.key),
        json!({
            "location_id": site.id,
            "equipment_id": item.id,
            "field_key": "photo",
            "caption": format!("{}, nameplate", item.tag),
            "sha256": sha256,
            "mime": "image/png",
            "byte_count": bytes.len(),
            "width": WIDTH,
            "height": HEIGHT,
            "taken_at": taken,
            "state": "stored",
            "created_by": user(login),
            "created_at": taken,
            "updated_at": taken,
        }),
    );
    bytes
}

/// Wall, shadow, plate in three shades, edge, ink, faded ink, rivet.
fn palette(category: Category) -> Vec<[u8; 3]> {
    let wall = match category {
        Category::FirePump | Category::SprinklerHead | Category::Standpipe => [122, 38, 32],
        Category::FireExtinguisher => [168, 34, 28],
        Category::BackflowPreventer => [142, 104, 52],
        Category::FireAlarmPanel => [96, 28, 30],
        Category::SmokeDetector => [206, 204, 196],
        Category::Hvac => [118, 126, 126],
        Category::Other => [84, 92, 98],
    };
    let darker = wall.map(|part: u8| part / 2);
    vec![
        wall,
        darker,
        [214, 216, 212],
        [200, 203, 199],
        [186, 189, 186],
        [120, 124, 122],
        [34, 38, 40],
        [96, 100, 100],
        [150, 152, 150],
    ]
}

fn draw(item: &Item) -> Vec<u8> {
    let mut canvas = Canvas::new(WIDTH, HEIGHT, palette(item.category));
    let left = 28 + chance::pick(&format!("{}/left", item.key), 16);
    let top = 26 + chance::pick(&format!("{}/top", item.key), 16);
    let (width, height) = (WIDTH - 72, HEIGHT - 68);
    canvas.fill(left + 6, top + 8, width, height, 1);
    for (band, color) in [2u8, 3, 4].into_iter().enumerate() {
        canvas.fill(left, top + height * band / 3, width, height / 3 + 1, color);
    }
    for (x, y, w, h) in [(0, 0, width, 2), (0, height - 2, width, 2), (0, 0, 2, height), (width - 2, 0, 2, height)] {
        canvas.fill(left + x, top + y, w, h, 5);
    }
    for (x, y) in [(12, 12), (width - 22, 12), (12, height - 22), (width - 22, height - 22)] {
        canvas.fill(left + x, top + y, 10, 10, 8);
        canvas.fill(left + x + 2, top + y + 2, 6, 6, 5);
    }
    let said = |key: &str| item.fields.get(key).and_then(Value::as_str).unwrap_or("").to_uppercase();
    let maker = said("manufacturer");
    let scale = if maker.len() > 12 { 3 } else { 4 };
    let start = left + (width.saturating_sub(maker.len() * 6 * scale)) / 2;
    write(&mut canvas, &maker, start, top + 26, scale, 6);
    let serial = said("serial_number");
    let made = item.made_in.to_string();
    let lines = [("MODEL", said("model_number")), ("SERIAL", serial), ("MADE", made)];
    for (index, (label, value)) in lines.iter().enumerate() {
        let y = top + 92 + index * 50;
        write(&mut canvas, label, left + 34, y + 6, 2, 7);
        canvas.fill(left + 120, y + 28, width - 150, 1, 5);
        // What could not be read is scratched, not absent.
        match value.is_empty() {
            true => {
                (0..5).for_each(|scratch| canvas.fill(left + 124 + scratch * 22, y + 6 + scratch % 3 * 4, 40, 2, 8))
            }
            false => {
                let scale = if value.len() > 14 { 2 } else { 3 };
                write(&mut canvas, value, left + 124, y + 12 - scale * 3, scale, 6);
            }
        }
    }
    canvas.png()
}

fn write(canvas: &mut Canvas, text: &str, left: usize, top: usize, scale: usize, color: u8) {
    for (index, letter) in text.chars().enumerate() {
        for (column, bits) in glyph(letter).into_iter().enumerate() {
            for row in (0..7).filter(|row| bits >> row & 1 == 1) {
                canvas.fill(left + (index * 6 + column) * scale, top + row * scale, scale, scale, color);
            }
        }
    }
}

/// Five columns of seven dots, the lowest bit on top.
fn glyph(letter: char) -> [u8; 5] {
    match letter {
        '0' => [0x3E, 0x51, 0x49, 0x45, 0x3E],
        '1' => [0x00, 0x42, 0x7F, 0x40, 0x00],
        '2' => [0x42, 0x61, 0x51, 0x49, 0x46],
        '3' => [0x21, 0x41, 0x45, 0x4B, 0x31],
        '4' => [0x18, 0x14, 0x12, 0x7F, 0x10],
        '5' => [0x27, 0x45, 0x45, 0x45, 0x39],
        '6' => [0x3C, 0x4A, 0x49, 0x49, 0x30],
        '7' => [0x01, 0x71, 0x09, 0x05, 0x03],
        '8' => [0x36, 0x49, 0x49, 0x49, 0x36],
        '9' => [0x06, 0x49, 0x49, 0x29, 0x1E],
        'A' => [0x7E, 0x11, 0x11, 0x11, 0x7E],
        'B' => [0x7F, 0x49, 0x49, 0x49, 0x36],
        'C' => [0x3E, 0x41, 0x41, 0x41, 0x22],
        'D' => [0x7F, 0x41, 0x41, 0x22, 0x1C],
        'E' => [0x7F, 0x49, 0x49, 0x49, 0x41],
        'F' => [0x7F, 0x09, 0x09, 0x09, 0x01],
        'G' => [0x3E, 0x41, 0x49, 0x49, 0x7A],
        'H' => [0x7F, 0x08, 0x08, 0x08, 0x7F],
        'I' => [0x00, 0x41, 0x7F, 0x41, 0x00],
        'J' => [0x20, 0x40, 0x41, 0x3F, 0x01],
        'K' => [0x7F, 0x08, 0x14, 0x22, 0x41],
        'L' => [0x7F, 0x40, 0x40, 0x40, 0x40],
        'M' => [0x7F, 0x02, 0x0C, 0x02, 0x7F],
        'N' => [0x7F, 0x04, 0x08, 0x10, 0x7F],
        'O' => [0x3E, 0x41, 0x41, 0x41, 0x3E],
        'P' => [0x7F, 0x09, 0x09, 0x09, 0x06],
        'Q' => [0x3E, 0x41, 0x51, 0x21, 0x5E],
        'R' => [0x7F, 0x09, 0x19, 0x29, 0x46],
        'S' => [0x46, 0x49, 0x49, 0x49, 0x31],
        'T' => [0x01, 0x01, 0x7F, 0x01, 0x01],
        'U' => [0x3F, 0x40, 0x40, 0x40, 0x3F],
        'V' => [0x1F, 0x20, 0x40, 0x20, 0x1F],
        'W' => [0x3F, 0x40, 0x38, 0x40, 0x3F],
        'X' => [0x63, 0x14, 0x08, 0x14, 0x63],
        'Y' => [0x07, 0x08, 0x70, 0x08, 0x07],
        'Z' => [0x61, 0x51, 0x49, 0x45, 0x43],
        '-' => [0x08, 0x08, 0x08, 0x08, 0x08],
        '.' => [0x00, 0x60, 0x60, 0x00, 0x00],
        '/' => [0x20, 0x10, 0x08, 0x04, 0x02],
        ',' => [0x00, 0x50, 0x30, 0x00, 0x00],
        '@' => [0x32, 0x49, 0x79, 0x41, 0x3E],
        _ => [0; 5],
    }
}
