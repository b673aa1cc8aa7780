#![allow(clippy::unwrap_used)]

use chrono::Offset;
use exif::experimental::Writer;
use exif::{Field, Rational};
use image::{Rgb, RgbaImage};

use super::*;

fn utc() -> FixedOffset {
    Utc.fix()
}

/// A picture whose four quarters differ: red, green above blue, white.
fn quarters(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| match (x < width / 2, y < height / 2) {
        (true, true) => Rgb([230, 20, 20]),
        (false, true) => Rgb([20, 200, 20]),
        (true, false) => Rgb([20, 20, 230]),
        (false, false) => Rgb([250, 250, 250]),
    })
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    encode(picture, 95).unwrap()
}

/// A JPEG with an EXIF block put in behind its first marker.
fn with_exif(jpeg: &[u8], fields: &[Field]) -> Vec<u8> {
    let mut writer = Writer::new();
    for field in fields {
        writer.push_field(field);
    }
    let mut block = Cursor::new(Vec::new());
    writer.write(&mut block, false).unwrap();
    let mut payload = b"Exif\0\0".to_vec();
    payload.extend(block.into_inner());
    let mut out = jpeg[..2].to_vec();
    out.extend([0xff, 0xe1]);
    out.extend(u16::try_from(payload.len() + 2).unwrap().to_be_bytes());
    out.extend(payload);
    out.extend(&jpeg[2..]);
    out
}

fn field(tag: Tag, value: Value) -> Field {
    Field { tag, ifd_num: In::PRIMARY, value }
}

fn gps() -> Vec<Field> {
    let dms = |d, m, s| {
        Value::Rational(vec![
            Rational { num: d, denom: 1 },
            Rational { num: m, denom: 1 },
            Rational { num: s, denom: 100 },
        ])
    };
    vec![
        field(Tag::GPSLatitudeRef, Value::Ascii(vec![b"N".to_vec()])),
        field(Tag::GPSLatitude, dms(43, 39, 1_234)),
        field(Tag::GPSLongitudeRef, Value::Ascii(vec![b"W".to_vec()])),
        field(Tag::GPSLongitude, dms(79, 22, 5_600)),
        field(Tag::DateTimeOriginal, Value::Ascii(vec![b"2026:03:01 09:15:00".to_vec()])),
    ]
}

/// Which quarter is which colour, read at the middle of each: upper left, upper right, lower left, lower right.
fn read_quarters(bytes: &[u8]) -> (u32, u32, [char; 4]) {
    let picture = image::load_from_memory(bytes).unwrap().into_rgb8();
    let (w, h) = picture.dimensions();
    let colour = |x: u32, y: u32| match picture.get_pixel(x, y).0 {
        [r, g, b] if r > 180 && g > 180 && b > 180 => 'w',
        [r, g, b] if r > g && r > b => 'r',
        [_, g, b] if g > b => 'g',
        _ => 'b',
    };
    (w, h, [colour(w / 4, h / 4), colour(3 * w / 4, h / 4), colour(w / 4, 3 * h / 4), colour(3 * w / 4, 3 * h / 4)])
}

#[test]
fn each_of_the_eight_orientations_comes_out_upright() {
    // What a viewer that obeys the tag shows of the same stored pixels (r g / b w, 160 wide, 80 high).
    let shown: [(u16, bool, [char; 4]); 8] = [
        (1, false, ['r', 'g', 'b', 'w']),
        (2, false, ['g', 'r', 'w', 'b']),
        (3, false, ['w', 'b', 'g', 'r']),
        (4, false, ['b', 'w', 'r', 'g']),
        (5, true, ['r', 'b', 'g', 'w']),
        (6, true, ['b', 'r', 'w', 'g']),
        (7, true, ['w', 'g', 'b', 'r']),
        (8, true, ['g', 'w', 'r', 'b']),
    ];
    let plain = jpeg(&quarters(160, 80));
    for (orientation, turned, expected) in shown {
        let file = with_exif(&plain, &[field(Tag::Orientation, Value::Short(vec![orientation]))]);
        let picture = take_in(&file, utc()).unwrap();
        let size = if turned { (80, 160) } else { (160, 80) };
        assert_eq!((picture.width, picture.height), size, "orientation {orientation}");
        let (w, h, colours) = read_quarters(&picture.bytes);
        assert_eq!(((w, h), colours), (size, expected), "orientation {orientation}");
        assert_eq!(read_quarters(&picture.thumb).2, expected, "thumbnail of orientation {orientation}");
    }
}

#[test]
fn time_and_place_become_fields_and_nothing_of_them_stays_in_the_bytes() {
    let file = with_exif(&jpeg(&quarters(64, 64)), &gps());
    let picture = take_in(&file, FixedOffset::west_opt(5 * 3600).unwrap()).unwrap();
    assert_eq!(picture.taken_at.unwrap().to_rfc3339(), "2026-03-01T14:15:00+00:00", "camera time is local time");
    let (latitude, longitude) = picture.position.unwrap();
    assert!((latitude - 43.653_428).abs() < 1e-6 && (longitude + 79.382_222).abs() < 1e-6);
    for bytes in [&picture.bytes, &picture.thumb] {
        assert!(exif::Reader::new().read_from_container(&mut Cursor::new(bytes)).is_err(), "no EXIF");
        assert!(!bytes.windows(4).any(|w| w == b"Exif" || w == b"2026" || w == b"http"), "no trace of metadata");
        let app_segments = bytes.windows(2).filter(|w| w[0] == 0xff && (0xe1..=0xef).contains(&w[1])).count();
        assert_eq!(app_segments, 0, "no APP1 to APP15");
    }
    let sha: String = Sha256::digest(&picture.bytes).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(picture.sha256, sha);
}

#[test]
fn impossible_positions_are_dropped_and_the_photo_is_kept() {
    let mut fields = gps();
    fields[1] = field(Tag::GPSLatitude, Value::Rational(vec![Rational { num: 1, denom: 0 }; 3]));
    let picture = take_in(&with_exif(&jpeg(&quarters(64, 64)), &fields), utc()).unwrap();
    assert_eq!(picture.position, None);
    assert!(picture.taken_at.is_some());
}

#[test]
fn a_large_photo_is_made_smaller_and_keeps_its_shape() {
    let picture = take_in(&jpeg(&quarters(4000, 3000)), utc()).unwrap();
    assert_eq!((picture.width, picture.height), (2560, 1920));
    let thumb = image::load_from_memory(&picture.thumb).unwrap();
    assert_eq!((thumb.width(), thumb.height()), (320, 240));
    let wide = take_in(&jpeg(&quarters(6000, 40)), utc()).unwrap();
    assert_eq!((wide.width, wide.height), (2560, 17));
}

#[test]
fn a_transparent_png_gets_a_white_ground() {
    let mut png = Vec::new();
    RgbaImage::from_pixel(40, 40, image::Rgba([0, 0, 0, 0]))
        .write_to(&mut Cursor::new(&mut png), ImageFormat::Png)
        .unwrap();
    let picture = take_in(&png, utc()).unwrap();
    let back = image::load_from_memory(&picture.bytes).unwrap().into_rgb8();
    assert!(back.pixels().all(|p| p.0.iter().all(|c| *c > 250)));
}

/// A PNG whose header says it is that large; its one byte of pixels does not matter.
fn png_that_says(width: u32, height: u32) -> Vec<u8> {
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 })
        })
    }
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    for mut chunk in [header, b"IDAT\x78\x9c\x03\0\0\0\0\x01".to_vec(), b"IEND".to_vec()] {
        out.extend(u32::try_from(chunk.len() - 4).unwrap().to_be_bytes());
        let sum = crc(&chunk);
        out.append(&mut chunk);
        out.extend(sum.to_be_bytes());
    }
    out
}

#[test]
fn a_picture_of_twenty_thousand_by_twenty_thousand_is_refused_by_its_header() {
    let refused = take_in(&png_that_says(20_000, 20_000), utc());
    assert_eq!(refused, Err(Unfit::TooManyPixels { width: 20_000, height: 20_000 }));
    let refused = take_in(&png_that_says(65_535, 65_535), utc());
    assert_eq!(refused, Err(Unfit::TooManyPixels { width: 65_535, height: 65_535 }));
    let thin = take_in(&png_that_says(30_000, 1), utc());
    assert_eq!(thin, Err(Unfit::TooManyPixels { width: 30_000, height: 1 }), "one side is enough");
}

#[test]
fn what_is_no_picture_is_refused_with_its_own_reason() {
    assert_eq!(take_in(b"", utc()), Err(Unfit::Empty));
    assert_eq!(take_in(b"hello", utc()), Err(Unfit::NotAPicture));
    assert_eq!(take_in(b"<svg xmlns='http://www.w3.org/2000/svg'/>", utc()), Err(Unfit::NotAPicture));
    assert_eq!(take_in(b"\0\0\0\x18ftypheic\0\0\0\0", utc()), Err(Unfit::OtherFormat("HEIC")));
    assert_eq!(take_in(b"GIF89a\x01\0\x01\0", utc()), Err(Unfit::OtherFormat("GIF")));
    assert_eq!(take_in(b"%PDF-1.7", utc()), Err(Unfit::OtherFormat("PDF")));
    assert_eq!(take_in(&vec![0xff; MAX_FILE_BYTES + 1], utc()), Err(Unfit::TooLarge(MAX_FILE_BYTES + 1)));
}

#[test]
fn a_picture_cut_at_any_place_is_refused_or_read_but_never_the_end_of_the_program() {
    let mut png = Vec::new();
    quarters(90, 70).write_to(&mut Cursor::new(&mut png), ImageFormat::Png).unwrap();
    let mut webp = Vec::new();
    quarters(90, 70).write_to(&mut Cursor::new(&mut webp), ImageFormat::WebP).unwrap();
    for (name, whole) in [("JPEG", jpeg(&quarters(90, 70))), ("PNG", png), ("WebP", webp)] {
        assert!(take_in(&whole, utc()).is_ok(), "{name} whole");
        for cut in (1..whole.len()).step_by(whole.len() / 60 + 1) {
            let outcome = take_in(&whole[..cut], utc());
            if cut < whole.len() / 2 && name != "JPEG" {
                assert!(outcome.is_err(), "{name} cut at {cut} has no whole picture");
            }
        }
        assert!(take_in(&whole[..24.min(whole.len())], utc()).is_err(), "{name} with a header alone");
    }
}

#[test]
fn every_reason_is_a_sentence_that_says_what_is_safe() {
    for unfit in [
        Unfit::Empty,
        Unfit::TooLarge(50_000_000),
        Unfit::OtherFormat("HEIC"),
        Unfit::OtherFormat("GIF"),
        Unfit::NotAPicture,
        Unfit::TooManyPixels { width: 20_000, height: 20_000 },
        Unfit::Damaged,
    ] {
        assert!(unfit.sentence().contains("Your other work is safe."), "{unfit:?}");
    }
}
