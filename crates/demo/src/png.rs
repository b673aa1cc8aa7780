//! A picture of few colors as a PNG file. Small and made for one purpose, so that the demo's pictures need neither
//! files nor an image library: rows are written as differences to the row above, and runs are packed.

/// Palette and one byte for each pixel.
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) palette: Vec<[u8; 3]>,
    pixels: Vec<u8>,
}

impl Canvas {
    pub(crate) fn new(width: usize, height: usize, palette: Vec<[u8; 3]>) -> Canvas {
        Canvas { width, height, palette, pixels: vec![0; width * height] }
    }

    /// Fills a rectangle; what lies outside the picture is left out.
    pub(crate) fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, color: u8) {
        let (from, to) = (x.min(self.width), (x + width).min(self.width));
        for row in self.pixels.chunks_mut(self.width).skip(y).take(height) {
            row[from..to].fill(color);
        }
    }

    /// The rows as differences to the row above, in runs of one byte. Most rows repeat the one above.
    fn runs(&self) -> Vec<(u8, usize)> {
        const UP: u8 = 2;
        let mut runs: Vec<(u8, usize)> = Vec::new();
        let mut put = |byte: u8, count: usize| match runs.last_mut() {
            Some((last, run)) if *last == byte => *run += count,
            _ => runs.push((byte, count)),
        };
        let mut above: &[u8] = &vec![0; self.width];
        for row in self.pixels.chunks(self.width) {
            put(UP, 1);
            match row == above {
                true => put(0, self.width),
                false => row.iter().zip(above).for_each(|(pixel, up)| put(pixel.wrapping_sub(*up), 1)),
            }
            above = row;
        }
        runs
    }

    /// The PNG file.
    pub(crate) fn png(&self) -> Vec<u8> {
        let mut head = Vec::new();
        head.extend((self.width as u32).to_be_bytes());
        head.extend((self.height as u32).to_be_bytes());
        head.extend([8, 3, 0, 0, 0]); // 8 bits, palette, deflate, adaptive filters, not interlaced
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        chunk(&mut file, b"IHDR", &head);
        chunk(&mut file, b"PLTE", &self.palette.concat());
        chunk(&mut file, b"IDAT", &zlib(&self.runs()));
        chunk(&mut file, b"IEND", &[]);
        file
    }
}

fn chunk(file: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(name);
    file.extend(data);
    let sum = crc32(&file[start..]);
    file.extend(sum.to_be_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg()))
    })
}

/// Adler-32 of runs, each taken in one step.
fn adler32(runs: &[(u8, usize)]) -> u32 {
    const MODULUS: u64 = 65521;
    let (a, b) = runs.iter().fold((1u64, 0u64), |(a, b), &(byte, count)| {
        let (byte, count) = (u64::from(byte), count as u64);
        ((a + count * byte) % MODULUS, (b + count * a + byte * (count * (count + 1) / 2)) % MODULUS)
    });
    (b << 16 | a) as u32
}

/// Bits from the lowest up, as deflate wants them.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        self.held |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.held as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// A Huffman code, which goes out from its highest bit.
    fn code(&mut self, code: u32, count: u32) {
        self.put(code.reverse_bits() >> (32 - count), count);
    }

    /// A literal or a length, by the fixed codes of RFC 1951, 3.2.6.
    fn symbol(&mut self, symbol: u32) {
        match symbol {
            0..=143 => self.code(0x30 + symbol, 8),
            144..=255 => self.code(0x190 + symbol - 144, 9),
            256..=279 => self.code(symbol - 256, 7),
            _ => self.code(0xC0 + symbol - 280, 8),
        }
    }
}

/// First length, symbol, extra bits: RFC 1951, 3.2.5. Longest first.
const LENGTHS: [(usize, u32, u32); 29] = [
    (258, 285, 0),
    (227, 284, 5),
    (195, 283, 5),
    (163, 282, 5),
    (131, 281, 5),
    (115, 280, 4),
    (99, 279, 4),
    (83, 278, 4),
    (67, 277, 4),
    (59, 276, 3),
    (51, 275, 3),
    (43, 274, 3),
    (35, 273, 3),
    (31, 272, 2),
    (27, 271, 2),
    (23, 270, 2),
    (19, 269, 2),
    (17, 268, 1),
    (15, 267, 1),
    (13, 266, 1),
    (11, 265, 1),
    (10, 264, 0),
    (9, 263, 0),
    (8, 262, 0),
    (7, 261, 0),
    (6, 260, 0),
    (5, 259, 0),
    (4, 258, 0),
    (3, 257, 0),
];

/// Deflate with fixed codes, in which the only matches are runs of one byte.
fn zlib(runs: &[(u8, usize)]) -> Vec<u8> {
    let mut bits = Bits { bytes: vec![0x78, 0x01], ..Bits::default() };
    bits.put(0b011, 3); // the last block, fixed codes
    for &(byte, count) in runs {
        bits.symbol(u32::from(byte));
        let mut left = count - 1;
        while let Some(&(first, symbol, extra)) = LENGTHS.iter().find(|(first, _, _)| *first <= left) {
            // 258 has a symbol of its own; the one before it reaches only to 257.
            let longest = if first == 258 { 258 } else { (first + (1 << extra) - 1).min(257) };
            let length = left.min(longest);
            bits.symbol(symbol);
            bits.put((length - first) as u32, extra);
            bits.code(0, 5); // distance 1
            left -= length;
        }
        (0..left).for_each(|_| bits.symbol(u32::from(byte)));
    }
    bits.symbol(256);
    bits.put(0, 7);
    let mut file = bits.bytes;
    file.extend(adler32(runs).to_be_bytes());
    file
}
