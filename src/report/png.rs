//! A PNG encoder for drawings: no dependency whose next version could change a byte of a picture.
//!
//! PNG (RFC 2083, W3C PNG) with every row filtered by `Up`, which turns flat areas into zeros, and DEFLATE (RFC 1951)
//! with the fixed codes and matches at the distances where a drawing repeats: one byte and one pixel back.

/// The picture of `width` by `height` pixels, three bytes each (red, green, blue), as PNG.
///
/// # Panics
/// If there are not that many pixels.
pub(super) fn encode(rgb: &[u8], width: u32, height: u32) -> Vec<u8> {
    assert_eq!(rgb.len(), width as usize * height as usize * 3, "one pixel is three bytes");
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::with_capacity(13);
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    // Eight bits a channel, RGB; the only compression, filter set and no interlacing.
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut file, b"IHDR", &header);
    chunk(&mut file, b"IDAT", &zlib(&filtered(rgb, width as usize * 3)));
    chunk(&mut file, b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(kind);
    file.extend(data);
    let sum = crc32(&file[start..]);
    file.extend(sum.to_be_bytes());
}

/// Each row after its filter type, 2: the difference to the row above.
fn filtered(rgb: &[u8], row: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(rgb.len() + rgb.len() / row.max(1) + 1);
    let blank = vec![0; row];
    let mut above: &[u8] = &blank;
    for line in rgb.chunks_exact(row.max(1)) {
        out.push(2);
        out.extend(line.iter().zip(above).map(|(byte, up)| byte.wrapping_sub(*up)));
        above = line;
    }
    out
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut bits = Bits { out: vec![0x78, 0x01], held: 0, count: 0 };
    // One last block with the fixed codes.
    bits.put(0b011, 3);
    let mut at = 0;
    while at < data.len() {
        let (length, distance) = longest_match(data, at);
        if length >= SHORTEST {
            bits.length(length);
            // Distances 1 to 4 are codes 0 to 3, without extra bits.
            bits.code(distance as u32 - 1, 5);
            at += length;
        } else {
            bits.literal(u32::from(data[at]));
            at += 1;
        }
    }
    bits.literal(256);
    let mut out = bits.finish();
    out.extend(adler32(data).to_be_bytes());
    out
}

/// DEFLATE knows no shorter match.
const SHORTEST: usize = 3;
/// And no longer one.
const LONGEST: usize = 258;

/// The longer match of those one byte and one pixel back; the nearer of equal ones.
fn longest_match(data: &[u8], at: usize) -> (usize, usize) {
    let mut best = (0, 1);
    for distance in [1, 3] {
        if at < distance {
            continue;
        }
        let most = LONGEST.min(data.len() - at);
        let length = (0..most).take_while(|&i| data[at + i] == data[at + i - distance]).count();
        if length > best.0 {
            best = (length, distance);
        }
    }
    best
}

struct Bits {
    out: Vec<u8>,
    held: u64,
    count: u32,
}

impl Bits {
    /// Bits with the least significant first.
    fn put(&mut self, value: u32, count: u32) {
        self.held |= u64::from(value) << self.count;
        self.count += count;
        while self.count >= 8 {
            self.out.push(self.held as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// A Huffman code: most significant bit first.
    fn code(&mut self, code: u32, count: u32) {
        self.put(code.reverse_bits() >> (32 - count), count);
    }

    /// A literal or length symbol in the fixed code (RFC 1951, 3.2.6).
    fn literal(&mut self, symbol: u32) {
        match symbol {
            0..144 => self.code(0x30 + symbol, 8),
            144..256 => self.code(0x190 + symbol - 144, 9),
            256..280 => self.code(symbol - 256, 7),
            _ => self.code(0xc0 + symbol - 280, 8),
        }
    }

    /// A match length, 3 to 258 (RFC 1951, 3.2.5).
    fn length(&mut self, length: usize) {
        let over = (length - SHORTEST) as u32;
        match over {
            255 => self.literal(285),
            0..8 => self.literal(257 + over),
            _ => {
                // Four codes share each number of extra bits.
                let extra = 29 - over.leading_zeros();
                self.literal(257 + 4 * extra + (over >> extra));
                self.put(over & ((1 << extra) - 1), extra);
            }
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.out.push(self.held as u8);
        }
        self.out
    }
}

/// RFC 1950, 8.2.
fn adler32(data: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    for &byte in data {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    b << 16 | a
}

/// PNG, annex D.
fn crc32(data: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for &byte in data {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 };
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_have_their_published_values() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    /// A plain inflater of the fixed block, to read back what is written.
    fn inflated(zlib: &[u8]) -> Vec<u8> {
        let mut at = 16;
        let mut bit = || {
            let bit = u32::from(zlib[at / 8] >> (at % 8) & 1);
            at += 1;
            bit
        };
        assert_eq!([bit(), bit(), bit()], [1, 1, 0], "a last, fixed block");
        let mut out: Vec<u8> = Vec::new();
        loop {
            let mut code = (0..7).fold(0, |code, _| code << 1 | bit());
            let symbol = if code < 0x18 {
                code + 256
            } else {
                code = code << 1 | bit();
                match code {
                    0x30..0xc0 => code - 0x30,
                    0xc0..0xc8 => code - 0xc0 + 280,
                    _ => (code << 1 | bit()) - 0x190 + 144,
                }
            };
            match symbol {
                256 => return out,
                0..256 => out.push(symbol as u8),
                _ => {
                    let extra = if symbol < 265 || symbol == 285 { 0 } else { (symbol - 261) / 4 };
                    let tail = (0..extra).fold(0, |tail, place| tail | bit() << place);
                    let length = match symbol {
                        285 => 258,
                        257..265 => symbol - 254,
                        _ => 3 + ((4 + (symbol - 261) % 4) << extra) + tail,
                    };
                    let distance = (0..5).fold(0, |code, _| code << 1 | bit()) as usize + 1;
                    for _ in 0..length {
                        out.push(out[out.len() - distance]);
                    }
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn every_picture_reads_back(runs in proptest::collection::vec((proptest::num::u8::ANY, 1_usize..600), 0..40)) {
            let data: Vec<u8> = runs.iter().flat_map(|&(byte, n)| std::iter::repeat_n(byte, n)).collect();
            proptest::prop_assert_eq!(inflated(&zlib(&data)), data);
        }
    }

    #[test]
    fn pixels_that_repeat_every_three_bytes_read_back() {
        let data: Vec<u8> = (0..3000).map(|i| [10, 200, 90][i % 3]).collect();
        let packed = zlib(&data);
        assert!(packed.len() < 60, "{}", packed.len());
        assert_eq!(inflated(&packed), data);
    }
}
