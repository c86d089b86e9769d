//! Detects the character encoding of a file and converts the file to UTF-8.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Read};

use chardetng::EncodingDetector;
use encoding_rs::{Decoder, DecoderResult, Encoding, MACINTOSH, UTF_8, WINDOWS_1252};

use crate::content::{BUFFER_BYTES, detect_utf16};
use crate::error::{InputError, Result};

/// Maximum number of blocks of lines that are judged separately.
const MAX_BLOCKS: usize = 16;

/// Text with fewer accented letters than one in this many is taken for windows-1252.
const MIN_ACCENTS: usize = 400;

/// Text with fewer different bytes beyond ASCII is taken for windows-1252.
const MIN_DIFFERENT: usize = 4;

/// How an encoding was chosen, if it is a guess.
pub(crate) const GUESSED: &str = "guessed from bytes that are not UTF-8";

/// Returns the encoding from the settings or detected from the first bytes, and how it was chosen.
pub(crate) fn choose(
    start: &[u8],
    setting: Option<&str>,
) -> Result<(&'static Encoding, &'static str)> {
    let Some(name) = setting else {
        return Ok(detect(start));
    };
    let unknown = || {
        let message = format!("`ingest.encoding` is `{name}`, which is not a known encoding");
        let hint = "Use for example `utf-8`, `utf-16le` or `windows-1252`, or remove the setting to detect the encoding";
        InputError::other(message, hint)
    };
    let encoding = Encoding::for_label(name.as_bytes()).ok_or_else(unknown)?;
    Ok((encoding, "from `ingest.encoding`"))
}

fn detect(start: &[u8]) -> (&'static Encoding, &'static str) {
    let (valid, invalid) = count_non_ascii(start);
    if let Some((encoding, _)) = Encoding::for_bom(start) {
        (encoding, "detected from its byte order mark")
    } else if let Some(encoding) = detect_utf16(start) {
        (encoding, "detected from its zero bytes")
    } else if invalid > valid {
        let guess = detect_legacy_encoding(start);
        match guess == WINDOWS_1252 && looks_like_macintosh(start) {
            true => (MACINTOSH, GUESSED),
            false => (guess, GUESSED),
        }
    } else {
        (UTF_8, "detected from its bytes")
    }
}

/// Detects the encoding of bytes that are not UTF-8. One odd byte makes the detector exclude the correct encoding, so
/// it judges blocks of lines, and the encoding of most blocks is used. A few accents, or one character repeated
/// (`•••••` for five stars), are too little evidence; such bytes are taken for windows-1252.
fn detect_legacy_encoding(start: &[u8]) -> &'static Encoding {
    let letters = start.iter().filter(|byte| byte.is_ascii_alphabetic());
    let accents = start.iter().filter(|byte| **byte >= 0xc0);
    let different = start.iter().filter(|byte| !byte.is_ascii());
    let different = different.collect::<BTreeSet<_>>().len();
    if different < MIN_DIFFERENT || accents.count() * MIN_ACCENTS < letters.count() {
        return WINDOWS_1252;
    }
    let lines = start.split(|byte| matches!(byte, b'\n' | b'\r'));
    let lines: Vec<&[u8]> = lines.filter(|line| !line.is_ascii()).collect();
    let mut votes = BTreeMap::<&str, (usize, &'static Encoding)>::new();
    for block in lines.chunks(lines.len().div_ceil(MAX_BLOCKS).max(1)) {
        let mut detector = EncodingDetector::new();
        let mut beyond = 0;
        for line in block {
            beyond += line.iter().filter(|byte| !byte.is_ascii()).count();
            detector.feed(line, false);
            detector.feed(b"\n", false);
        }
        let encoding = detector.guess(None, false);
        votes.entry(encoding.name()).or_insert((0, encoding)).0 += beyond;
    }
    let most = votes.into_values().max_by_key(|(votes, _)| *votes);
    most.map_or(WINDOWS_1252, |(_, encoding)| encoding)
}

/// Whether bytes within words are letters or apostrophes in Mac Roman, and punctuation or capital letters in
/// windows-1252. The detector does not know Mac Roman, which Excel for macOS writes.
fn looks_like_macintosh(start: &[u8]) -> bool {
    let (mut macintosh, mut windows) = (0, 0);
    for window in start.windows(3) {
        let [before, byte, after] = *window else {
            continue;
        };
        if before.is_ascii_lowercase() && after.is_ascii_lowercase() {
            match byte {
                // The apostrophe and the dashes of windows-1252.
                0x92 | 0x96 | 0x97 => windows += 1,
                0x80..=0x9f | 0xd2..=0xd5 => macintosh += 1,
                0xa0.. => windows += 1,
                _ => {}
            }
        }
    }
    macintosh > 2 * windows
}

/// Counts non-ASCII characters, and bytes that are invalid in UTF-8. A character cut off at the end of the
/// sample counts as neither.
fn count_non_ascii(bytes: &[u8]) -> (usize, usize) {
    let (mut valid, mut invalid) = (0, 0);
    let mut chunks = bytes.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        let characters = chunk.valid().chars();
        valid += characters.filter(|it| !it.is_ascii()).count();
        let error = std::str::from_utf8(chunk.invalid()).err();
        let may_continue = error.is_some_and(|error| error.error_len().is_none());
        if chunks.peek().is_some() || !may_continue {
            invalid += chunk.invalid().len();
        }
    }
    (valid, invalid)
}

/// A byte that never occurs in UTF-8.
const INVALID_BYTE: u8 = 0xff;

/// The byte order mark of UTF-8.
pub(crate) const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// Converts the input to UTF-8. UTF-8 input is passed on unchanged without its byte order mark, so that
/// invalid bytes can be reported for their row. In other encodings, invalid bytes become
/// [`INVALID_BYTE`], so that they are reported for their row as well.
pub(crate) fn decode_to_utf8<'a>(
    mut input: Box<dyn BufRead + 'a>,
    encoding: &'static Encoding,
) -> io::Result<Box<dyn BufRead + 'a>> {
    if encoding == UTF_8 {
        if input.fill_buf()?.starts_with(UTF8_BOM) {
            input.consume(UTF8_BOM.len());
        }
        return Ok(input);
    }
    Ok(Box::new(DecodingReader {
        input,
        decoder: encoding.new_decoder(),
        text: vec![0; BUFFER_BYTES],
        position: 0,
        length: 0,
        ended: false,
    }))
}

/// A reader that converts another one to UTF-8.
struct DecodingReader<'a> {
    input: Box<dyn BufRead + 'a>,
    decoder: Decoder,
    /// Converted bytes; `position..length` has not been read.
    text: Vec<u8>,
    position: usize,
    length: usize,
    ended: bool,
}

impl BufRead for DecodingReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.position == self.length && !self.ended {
            let start = self.input.fill_buf()?;
            let last = start.is_empty();
            // Leaves room for one invalid byte.
            let room = self.text.len() - 1;
            let text = &mut self.text[..room];
            let (result, read, written) = self
                .decoder
                .decode_to_utf8_without_replacement(start, text, last);
            self.input.consume(read);
            (self.position, self.length) = (0, written);
            if matches!(result, DecoderResult::Malformed(..)) {
                self.text[written] = INVALID_BYTE;
                self.length += 1;
            }
            self.ended = last && result == DecoderResult::InputEmpty;
        }
        Ok(&self.text[self.position..self.length])
    }

    fn consume(&mut self, bytes: usize) {
        self.position += bytes;
    }
}

impl Read for DecodingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?.read(buffer)?;
        self.consume(bytes);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::{SHIFT_JIS, UTF_16BE, UTF_16LE, WINDOWS_1251};

    use super::*;

    #[test]
    fn encodings_are_detected() {
        let check = |bytes: &[u8], expected: &'static Encoding| {
            assert_eq!(detect(bytes).0, expected, "{bytes:?}");
        };
        check(b"plain", UTF_8);
        check(b"", UTF_8);
        check("caf\u{e9}".as_bytes(), UTF_8);
        check(&"caf\u{e9}".as_bytes()[..4], UTF_8);
        check(b"caf\xe9 and more", WINDOWS_1252);
        check(
            "caf\u{e9} \u{fc}ber \u{e0} la \u{e9}t\u{e9} \u{fffd}".as_bytes(),
            UTF_8,
        );
        check(b"\xef\xbb\xbfplain", UTF_8);
        check(b"\xff\xfep\0l\0", UTF_16LE);
        check(b"p\0l\0a\0i\0n\0", UTF_16LE);
        check(b"\0p\0l\0a\0i\0n", UTF_16BE);
        let cyrillic = "text,label\nотличный фильм, очень понравился,1\nскучно и долго,0\n";
        check(&WINDOWS_1251.encode(cyrillic).0, WINDOWS_1251);
        check(
            b"text,label\nun tr\x8fs bon film, d\x8ej\x88 vu,1\nIt isn\xd5t good,0\n".as_slice(),
            MACINTOSH,
        );
        let japanese = "text,label\nとても面白い映画でした,1\nつまらなかった,0\n";
        check(&SHIFT_JIS.encode(japanese).0, SHIFT_JIS);
        for repeated in ["••••• five\n", "ééééé trop bien éééé\n", "’’’ ’’’ ’’’\n"]
        {
            check(&WINDOWS_1252.encode(&repeated.repeat(5)).0, WINDOWS_1252);
        }
        let western = "text,label\ntrès bien, “génial”,1\nein schöner Film, für alle,1\n";
        check(&WINDOWS_1252.encode(western).0, WINDOWS_1252);
        for few in [
            "don’t",
            "“quoted”, he said",
            "naïve",
            "only £5",
            "20° outside",
            "½ star",
            "a résumé",
        ] {
            check(&WINDOWS_1252.encode(few).0, WINDOWS_1252);
            let review = format!("text,label\nIt was {few} and I liked the film,1\n");
            check(&WINDOWS_1252.encode(&review).0, WINDOWS_1252);
        }
    }

    #[test]
    fn all_encodings_become_utf_8() {
        let check = |bytes: &[u8], encoding: &'static Encoding, expected: &str| {
            let mut text = String::new();
            let input = Box::new(io::BufReader::with_capacity(3, bytes));
            let mut input = decode_to_utf8(input, encoding).expect("no disk");
            input.read_to_string(&mut text).expect("text");
            assert_eq!(text, expected);
        };
        check(b"\xef\xbb\xbfcaf\xc3\xa9", UTF_8, "caf\u{e9}");
        check(
            b"caf\xe9 \x93so\x94",
            WINDOWS_1252,
            "caf\u{e9} \u{201c}so\u{201d}",
        );
        check(b"\xff\xfec\0\xe9\0", UTF_16LE, "c\u{e9}");
        check(b"\0c\0\xe9", UTF_16BE, "c\u{e9}");
        check(b"\x3d\xd8\x00\xde", UTF_16LE, "\u{1f600}");
    }

    #[test]
    fn invalid_characters_stay_invalid() {
        let check = |bytes: &[u8], expected: &[u8]| {
            let mut text = Vec::new();
            let input = Box::new(io::BufReader::with_capacity(3, bytes));
            let mut input = decode_to_utf8(input, UTF_16LE).expect("no disk");
            input.read_to_end(&mut text).expect("bytes");
            assert_eq!(text, expected);
        };
        check(b"a\0\x00\xd8b\0", b"a\xffb");
        check(b"a\0b", b"a\xff");
        check(b"a\0\x3d\xd8", b"a\xff");
    }
}
