//! What happens to a file before it is a photo. Everything that a file says about itself is doubted: its name, its
//! size, its header. What comes out is a picture we encoded ourselves, so that nothing of the original travels but
//! its pixels; when and where it was taken become fields of the row, where a person sees them.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeZone, Utc};
use exif::{Exif, In, Tag, Value};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use sha2::{Digest, Sha256};

/// Largest file taken in.
pub const MAX_FILE_BYTES: usize = 40 * 1024 * 1024;
/// Longest side of a picture that is decoded at all.
const MAX_SIDE: u32 = 20_000;
/// Most pixels of a picture that is decoded at all.
const MAX_PIXELS: u64 = 100_000_000;
const MAX_DECODE_BYTES: u64 = 512 * 1024 * 1024;
/// To the PNG decoder the limit is for all but the pixels, which are counted above. A color profile is packed: a
/// megabyte of it can become a gigabyte, and is unpacked before the size of the picture is known.
const MAX_BESIDE_PIXELS: u64 = 16 * 1024 * 1024;
/// Longest side of what is kept: a nameplate is legible, a gauge can be read.
const WORKING_SIDE: u32 = 2_560;
const WORKING_QUALITY: u8 = 85;
const THUMB_SIDE: u32 = 320;
const THUMB_QUALITY: u8 = 80;

/// A picture ready to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The working rendition: JPEG, upright, no metadata.
    pub bytes: Vec<u8>,
    /// The same, small.
    pub thumb: Vec<u8>,
    /// Of `bytes`, lower-case hex.
    pub sha256: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// As the camera said.
    pub taken_at: Option<DateTime<Utc>>,
    /// Latitude and longitude, as the camera said.
    pub position: Option<(f64, f64)>,
}

impl Picture {
    /// What every working rendition is.
    pub const MIME: &str = "image/jpeg";
}

/// Why a file is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// No bytes at all.
    #[error("the file is empty")]
    Empty,
    /// Over [`MAX_FILE_BYTES`].
    #[error("the file has {0} bytes")]
    TooLarge(usize),
    /// A picture in a format whose decoders we do not trust or cannot ship.
    #[error("the picture is {0}")]
    OtherFormat(&'static str),
    /// No picture by its first bytes.
    #[error("the file is no picture")]
    NotAPicture,
    /// More pixels than are decoded.
    #[error("the picture has {width} × {height} pixels")]
    TooManyPixels {
        /// As its header says.
        width: u32,
        /// As its header says.
        height: u32,
    },
    /// A picture by its first bytes, and not one to its end.
    #[error("the picture is damaged")]
    Damaged,
}

impl Unfit {
    /// What a person is told.
    pub fn sentence(self) -> String {
        match self {
            Unfit::Empty => "The file is empty. Your other work is safe. Take the photo again.".into(),
            Unfit::TooLarge(bytes) => format!(
                "The file has {} MB; up to 40 MB can be kept. Your other work is safe. Take the photo again at a \
                 smaller size.",
                bytes / 1024 / 1024
            ),
            Unfit::OtherFormat("HEIC") => "This is a HEIC photo, which this laptop cannot show. Your other work is \
                 safe. On the phone, choose Most Compatible (JPEG) and take it again, or convert it first."
                .into(),
            Unfit::OtherFormat(name) => format!(
                "This is a {name} file. Photos must be JPEG, PNG or WebP. Your other work is safe. Save it as JPEG \
                 and add it again."
            ),
            Unfit::NotAPicture => {
                "This file is not a photo. Your other work is safe. Choose a JPEG, PNG or WebP file.".into()
            }
            Unfit::TooManyPixels { width, height } => format!(
                "The photo says it has {width} × {height} pixels, more than any camera you carry. It was not opened. \
                 Your other work is safe. Take it again at a smaller size."
            ),
            Unfit::Damaged => "This photo could not be read. Your other work is safe. Take it again, or go on \
                 without it."
                .into(),
        }
    }
}

/// Takes a file in. `offset` is the laptop's distance from UTC: a camera writes local time and seldom says of where.
///
/// # Errors
/// [`Unfit`], with nothing kept.
pub fn take_in(file: &[u8], offset: FixedOffset) -> Result<Picture, Unfit> {
    if file.is_empty() {
        return Err(Unfit::Empty);
    }
    if file.len() > MAX_FILE_BYTES {
        return Err(Unfit::TooLarge(file.len()));
    }
    let format = sniff(file)?;
    // The decoders are not hardened against every file there is: a panic of one is a damaged picture, not our end.
    let (bytes, thumb, width, height) =
        catch_unwind(AssertUnwindSafe(|| render(file, format))).unwrap_or(Err(Unfit::Damaged))?;
    let told = catch_unwind(AssertUnwindSafe(|| read_exif(file, offset))).unwrap_or_default();
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Picture { bytes, thumb, sha256, width, height, taken_at: told.taken_at, position: told.position })
}

/// A file this small is its own small picture.
const SMALL_BYTES: usize = 24 * 1024;

/// The small rendition of a picture that is kept already.
///
/// # Errors
/// [`Unfit`].
pub fn thumbnail(file: &[u8]) -> Result<Vec<u8>, Unfit> {
    let format = sniff(file)?;
    if file.len() <= SMALL_BYTES {
        return Ok(file.to_vec());
    }
    catch_unwind(AssertUnwindSafe(|| small(&decode(file, format, THUMB_SIDE)?))).unwrap_or(Err(Unfit::Damaged))
}

/// What a kept picture is, by its first bytes.
pub fn mime(file: &[u8]) -> &'static str {
    match sniff(file) {
        Ok(ImageFormat::Png) => "image/png",
        Ok(ImageFormat::WebP) => "image/webp",
        _ => Picture::MIME,
    }
}

/// Tells the format by the first bytes; a name's extension is anybody's guess.
fn sniff(file: &[u8]) -> Result<ImageFormat, Unfit> {
    let at = |from: usize, magic: &[u8]| file.get(from..from + magic.len()) == Some(magic);
    if at(0, b"\xff\xd8\xff") {
        Ok(ImageFormat::Jpeg)
    } else if at(0, b"\x89PNG\r\n\x1a\n") {
        Ok(ImageFormat::Png)
    } else if at(0, b"RIFF") && at(8, b"WEBP") {
        Ok(ImageFormat::WebP)
    } else if at(4, b"ftyp") {
        let heif = [b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"].iter().any(|brand| at(8, *brand));
        Err(Unfit::OtherFormat(match heif {
            true => "HEIC",
            false if at(8, b"avif") => "AVIF",
            false => "video",
        }))
    } else if at(0, b"GIF8") {
        Err(Unfit::OtherFormat("GIF"))
    } else if at(0, b"II*\0") || at(0, b"MM\0*") {
        Err(Unfit::OtherFormat("TIFF or raw"))
    } else if at(0, b"BM") {
        Err(Unfit::OtherFormat("BMP"))
    } else if at(0, b"%PDF") {
        Err(Unfit::OtherFormat("PDF"))
    } else {
        Err(Unfit::NotAPicture)
    }
}

fn render(file: &[u8], format: ImageFormat) -> Result<(Vec<u8>, Vec<u8>, u32, u32), Unfit> {
    let working = decode(file, format, WORKING_SIDE)?;
    let bytes = encode(&working, WORKING_QUALITY)?;
    let thumb = small(&working)?;
    Ok((bytes, thumb, working.width(), working.height()))
}

/// The picture, upright, no side longer than `side`.
fn decode(file: &[u8], format: ImageFormat, side: u32) -> Result<RgbImage, Unfit> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(match format {
        ImageFormat::Png => MAX_BESIDE_PIXELS,
        _ => MAX_DECODE_BYTES,
    });
    // First the header alone, whatever size it says, so that the refusal can say what the header said.
    let mut header = ImageReader::with_format(Cursor::new(file), format);
    header.limits(limits.clone());
    let (width, height) = header.into_dimensions().map_err(|_| Unfit::Damaged)?;
    if width == 0 || height == 0 {
        return Err(Unfit::Damaged);
    }
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Unfit::TooManyPixels { width, height });
    }
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| Unfit::Damaged)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let whole = DynamicImage::from_decoder(decoder).map_err(|_| Unfit::Damaged)?;
    let mut picture = shrink(whole, side);
    // After shrinking, where it is cheap.
    picture.apply_orientation(orientation);
    Ok(flatten(picture))
}

fn small(picture: &RgbImage) -> Result<Vec<u8>, Unfit> {
    let longest = picture.width().max(picture.height());
    if longest <= THUMB_SIDE {
        return encode(picture, THUMB_QUALITY);
    }
    encode(&shrink(DynamicImage::ImageRgb8(picture.clone()), THUMB_SIDE).into_rgb8(), THUMB_QUALITY)
}

fn shrink(picture: DynamicImage, side: u32) -> DynamicImage {
    let longest = picture.width().max(picture.height());
    if longest <= side {
        picture
    } else if longest >= side * 2 {
        // Averages whole blocks and needs no second picture in floats, which at 100 Mpx would be half a gigabyte.
        picture.thumbnail(side, side)
    } else {
        picture.resize(side, side, FilterType::CatmullRom)
    }
}

/// Transparent pixels become white: JPEG has none.
fn flatten(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let rgba = picture.into_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let image::Rgba([r, g, b, a]) = *rgba.get_pixel(x, y);
        let over_white = |channel: u8| {
            let (channel, a) = (u32::from(channel), u32::from(a));
            u8::try_from((channel * a + 255 * (255 - a)) / 255).unwrap_or(u8::MAX)
        };
        image::Rgb([over_white(r), over_white(g), over_white(b)])
    })
}

fn encode(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, Unfit> {
    let mut out = Vec::new();
    JpegEncoder::new_with_quality(&mut out, quality).encode_image(picture).map_err(|_| Unfit::Damaged)?;
    Ok(out)
}

#[derive(Default)]
struct Told {
    taken_at: Option<DateTime<Utc>>,
    position: Option<(f64, f64)>,
}

/// A broken EXIF block costs the photo its time and place, never the photo.
fn read_exif(file: &[u8], offset: FixedOffset) -> Told {
    let Ok(exif) = exif::Reader::new().read_from_container(&mut Cursor::new(file)) else { return Told::default() };
    Told { taken_at: taken_at(&exif, offset), position: position(&exif) }
}

fn text(exif: &Exif, tag: Tag) -> Option<String> {
    match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(parts) => String::from_utf8(parts.first()?.clone()).ok(),
        _ => None,
    }
}

fn taken_at(exif: &Exif, laptop: FixedOffset) -> Option<DateTime<Utc>> {
    let written = text(exif, Tag::DateTimeOriginal).or_else(|| text(exif, Tag::DateTime))?;
    let local = NaiveDateTime::parse_from_str(written.trim(), "%Y:%m:%d %H:%M:%S").ok()?;
    let offset = text(exif, Tag::OffsetTimeOriginal).and_then(|zone| zone.trim().parse().ok()).unwrap_or(laptop);
    Some(offset.from_local_datetime(&local).single()?.with_timezone(&Utc))
}

fn position(exif: &Exif) -> Option<(f64, f64)> {
    let degrees = |value: Tag, reference: Tag, negative: &str, most: f64| {
        let Value::Rational(parts) = &exif.get_field(value, In::PRIMARY)?.value else { return None };
        let [d, m, s] = parts.get(..3)? else { return None };
        let size = d.to_f64() + m.to_f64() / 60.0 + s.to_f64() / 3600.0;
        let sign = if text(exif, reference)?.trim().eq_ignore_ascii_case(negative) { -1.0 } else { 1.0 };
        (size.is_finite() && size <= most).then_some((sign * size * 1e6).round() / 1e6)
    };
    Some((
        degrees(Tag::GPSLatitude, Tag::GPSLatitudeRef, "S", 90.0)?,
        degrees(Tag::GPSLongitude, Tag::GPSLongitudeRef, "W", 180.0)?,
    ))
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
