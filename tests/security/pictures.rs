//! Small pictures that are right, and what can be done to them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clara_app::photos::intake::take_in;

use crate::chance::Chance;

/// A picture of each kind that is taken in, and one of each other kind.
pub fn right() -> Vec<Vec<u8>> {
    let png = clara_demo::pictures(chrono::NaiveDate::from_ymd_opt(2026, 3, 2).unwrap()).remove(0).bytes;
    let jpeg = take_in(&png, chrono::FixedOffset::east_opt(0).unwrap()).unwrap();
    let webp = |text: &str| STANDARD.decode(text).unwrap();
    vec![
        webp("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"),
        webp("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="),
        gray(7, 5),
        jpeg.thumb,
        jpeg.bytes,
        png,
    ]
}

/// A PNG of one gray, made here so that every byte of it is known.
pub fn gray(width: u32, height: u32) -> Vec<u8> {
    let mut rows = Vec::new();
    for _ in 0..height {
        rows.extend(std::iter::repeat_n(0_u8, width as usize + 1));
    }
    png(width, height, &[], &stored(&rows))
}

/// A PNG with chunks before its data.
pub fn png(width: u32, height: u32, before: &[(&[u8; 4], Vec<u8>)], data: &[u8]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 0, 0, 0, 0]);
    chunk(&mut file, b"IHDR", &header);
    for (name, bytes) in before {
        chunk(&mut file, name, bytes);
    }
    chunk(&mut file, b"IDAT", data);
    chunk(&mut file, b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, name: &[u8; 4], bytes: &[u8]) {
    file.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    file.extend(name);
    file.extend(bytes);
    let mut crc = !0_u32;
    for byte in name.iter().chain(bytes) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1));
        }
    }
    file.extend((!crc).to_be_bytes());
}

/// A zlib stream that stores what it is given.
pub fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let parts: Vec<&[u8]> = bytes.chunks(65_535).collect();
    for (n, part) in parts.iter().enumerate() {
        let length = u16::try_from(part.len()).unwrap();
        stream.push(u8::from(n + 1 == parts.len()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(*part);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    stream.extend(((b << 16) | a).to_be_bytes());
    stream
}

/// A zlib stream of `zeros` zero bytes in about a thousandth of that: one byte, then matches of 258 with distance 1, by
/// the fixed code. Its checksum is wrong; whoever gets that far has already unpacked it.
pub fn bomb(zeros: u64) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let (mut held, mut count) = (0_u64, 0_u32);
    let mut put = |value: u64, bits: u32, stream: &mut Vec<u8>| {
        held |= value << count;
        count += bits;
        while count >= 8 {
            stream.push((held & 0xff) as u8);
            held >>= 8;
            count -= 8;
        }
    };
    put(0b011, 3, &mut stream);
    // The literal 0 is 00110000, the length 258 is 11000101, distance 1 is 00000; codes go out from their first bit.
    put(0b0000_1100, 8, &mut stream);
    for _ in 0..zeros / 258 {
        put(0b1010_0011, 8, &mut stream);
        put(0, 5, &mut stream);
    }
    put(0, 7, &mut stream);
    put(0, 8, &mut stream);
    stream.extend([0; 4]);
    stream
}

/// Files that lie on purpose, each with what it is.
pub fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let good = right();
    let (jpeg, plain) = (&good[3], gray(7, 5));
    let mut files = vec![
        ("no byte", Vec::new()),
        ("one byte", vec![0xff]),
        ("a header and no more", b"\x89PNG\r\n\x1a\n".to_vec()),
        ("a bomb in the pixels, its size told as it is", png(19_000, 5_000, &[], &bomb(19_001 * 5_000))),
        ("a bomb in the pixels, its size told small", png(8, 8, &[], &bomb(1 << 31))),
        (
            "a bomb in a text",
            png(7, 5, &[(b"zTXt", [&b"Comment\0\0"[..], &bomb(1 << 30)].concat())], &stored(&[0; 40])),
        ),
        (
            "a bomb in a colour profile",
            png(7, 5, &[(b"iCCP", [&b"icc\0\0"[..], &bomb(1 << 30)].concat())], &stored(&[0; 40])),
        ),
        (
            "a bomb in an international text",
            png(7, 5, &[(b"iTXt", [&b"k\0\x01\0\0\0"[..], &bomb(1 << 30)].concat())], &stored(&[0; 40])),
        ),
        ("65,535 by 65,535", png(65_535, 65_535, &[], &stored(&[0]))),
        ("four billion wide", png(u32::MAX, 1, &[], &stored(&[0]))),
        ("no width", png(0, 5, &[], &stored(&[0]))),
        ("twenty thousand by five thousand of nothing", png(20_000, 5_000, &[], &stored(&[0]))),
        ("a picture and a page", [&jpeg[..], b"<html><script>alert(1)</script>"].concat()),
        ("a picture and an archive", [&plain[..], b"PK\x03\x04", &[0; 200]].concat()),
        ("a page that begins like a picture", [&b"\xff\xd8\xff"[..], b"<html><script>alert(1)</script>"].concat()),
        ("a picture in a picture", [&plain[..8], &jpeg[..], &plain[8..]].concat()),
        ("a phone's picture", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec()),
        ("a film", b"\0\0\0\x18ftypisom\0\0\0\0isomavc1".to_vec()),
        ("a document", b"%PDF-1.7\n1 0 obj<</Length 99999999999>>".to_vec()),
        ("a drawing with a script", b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec()),
        ("an archive", b"PK\x03\x04\x14\0\0\0\x08\0".to_vec()),
        ("a program", b"\x7fELF\x02\x01\x01\0".to_vec()),
        ("forty megabytes and one byte", [&b"\xff\xd8\xff"[..], &vec![0; 40 * 1024 * 1024]].concat()),
        ("forty megabytes of segments", [&b"\xff\xd8"[..], &b"\xff\xe1\x00\x02".repeat(9 << 20)].concat()),
    ];
    // JPEG headers that lie about their size; the frame header is looked for, not assumed.
    if let Some(at) = jpeg.windows(2).position(|pair| matches!(pair, [0xff, 0xc0..=0xc2])) {
        for (name, height, width) in [
            ("a JPEG of 65,535 by 65,535", 0xffff_u16, 0xffff_u16),
            ("a JPEG without a width", 5, 0),
            ("a JPEG of 20,000 by 5,000", 5_000, 20_000),
        ] {
            let mut lie = jpeg.clone();
            lie[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
            lie[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
            files.push((name, lie));
        }
        // Progressive, by its own word, with a thousand scans of the same data.
        let mut scans = jpeg.clone();
        scans[at + 1] = 0xc2;
        if let Some(scan) = jpeg.windows(2).position(|pair| pair == [0xff, 0xda]) {
            let tail = jpeg[scan..jpeg.len() - 2].to_vec();
            for _ in 0..300 {
                scans.splice(scan..scan, tail.iter().copied());
            }
            files.push(("a JPEG of three hundred scans", scans));
        }
    }
    for side in [1_u32 << 14, (1 << 14) - 1] {
        let mut lie = good[0].clone();
        let bits = (side - 1) & 0x3fff;
        lie[26..28].copy_from_slice(&(bits as u16).to_le_bytes());
        lie[28..30].copy_from_slice(&(bits as u16).to_le_bytes());
        files.push(("a WebP of sixteen thousand by sixteen thousand", lie));
    }
    files
}

/// One thing, or several, done to a picture.
pub fn spoilt(chance: &mut Chance, from: &[Vec<u8>]) -> Vec<u8> {
    // The big ones are there, and seldom: most faults are in headers, and those are as long in a small picture.
    let small = &from[..from.len() - 2];
    let mut file = if chance.one_in(12) { chance.pick(from).clone() } else { chance.pick(small).clone() };
    for _ in 0..=chance.below(3) {
        let length = file.len();
        match chance.below(9) {
            0 => file.truncate(chance.below(length + 1)),
            1 | 2 => {
                for _ in 0..=chance.below(8) {
                    let at = chance.below(length.min(200));
                    if let Some(byte) = file.get_mut(at) {
                        *byte ^= 1 << chance.below(8);
                    }
                }
            }
            3 => {
                for _ in 0..=chance.below(8) {
                    let at = chance.below(length);
                    if let Some(byte) = file.get_mut(at) {
                        *byte = *chance.pick(&[0, 0xff, 0x7f, 0x80, 0xd8, 0xc0, 0xda]);
                    }
                }
            }
            4 if length > 4 => {
                // A length or a size, as large or as small as it goes.
                let at = chance.below(length.min(120) - 3);
                let word = *chance.pick(&[0_u32, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX, 0xffff_0000, 0x0001_0000]);
                file[at..at + 4].copy_from_slice(&word.to_be_bytes());
            }
            5 => {
                let (a, b) = (chance.below(length + 1), chance.below(length + 1));
                let part = file[a.min(b)..a.max(b)].to_vec();
                let at = chance.below(length + 1);
                file.splice(at..at, part);
            }
            6 => {
                let (a, b) = (chance.below(length + 1), chance.below(length + 1));
                file.drain(a.min(b)..a.max(b));
            }
            7 => {
                let other = chance.pick(small).clone();
                file.truncate(chance.below(length + 1));
                file.extend(&other[chance.below(other.len() + 1)..]);
            }
            _ => file.extend((0..chance.below(64)).map(|_| chance.next() as u8)),
        }
    }
    file
}
