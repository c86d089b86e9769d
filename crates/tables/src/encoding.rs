//! Which characters a file's bytes stand for, and the file as UTF-8.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Read};

use chardetng::EncodingDetector;
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, WINDOWS_1252};

use crate::content::{BUFFER, detect_utf16};
use crate::error::InputError;

/// The encoding that the settings name, or that the first bytes tell, and how it was found.
pub(crate) fn find(
    start: &[u8],
    setting: Option<&str>,
) -> Result<(&'static Encoding, &'static str), InputError> {
    let Some(name) = setting else {
        return Ok(tell(start));
    };
    let unknown = || {
        let message = format!("`ingest.encoding` is `{name}`, which is no encoding");
        let hint = "Take for example `utf-8`, `utf-16le` or `windows-1252`, or leave it out";
        InputError::other(message, hint)
    };
    let encoding = Encoding::for_label(name.as_bytes()).ok_or_else(unknown)?;
    Ok((encoding, "set"))
}

fn tell(start: &[u8]) -> (&'static Encoding, &'static str) {
    let (valid, invalid) = beyond_ascii(start);
    if let Some((encoding, _)) = Encoding::for_bom(start) {
        (encoding, "detected from its byte order mark")
    } else if let Some(encoding) = detect_utf16(start) {
        (encoding, "detected from its zero bytes")
    } else if invalid > valid {
        (of_letters(start), "detected from bytes that are not UTF-8")
    } else {
        (UTF_8, "detected from its bytes")
    }
}

/// The encoding of bytes that are not UTF-8. Where a fifth of them is beyond ASCII and they differ, as in
/// Cyrillic or Japanese, the detector knows it. A few accents and quotation marks, or one sign many times
/// (`•••••` for five stars), are too little for it.
fn of_letters(start: &[u8]) -> &'static Encoding {
    let beyond = start.iter().filter(|byte| !byte.is_ascii());
    let (count, different) = (
        beyond.clone().count(),
        beyond.collect::<BTreeSet<_>>().len(),
    );
    if count < 20 || count * 5 < start.len() || different < 8 {
        return WINDOWS_1252;
    }
    let mut detector = EncodingDetector::new();
    detector.feed(start, false);
    detector.guess(None, false)
}

/// Characters beyond ASCII, and bytes that are part of none. A character cut off by the end of the
/// sample is neither.
fn beyond_ascii(bytes: &[u8]) -> (usize, usize) {
    let (mut valid, mut invalid) = (0, 0);
    let mut chunks = bytes.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        let characters = chunk.valid().chars();
        valid += characters.filter(|it| !it.is_ascii()).count();
        let error = std::str::from_utf8(chunk.invalid()).err();
        let may_go_on = error.is_some_and(|error| error.error_len().is_none());
        if chunks.peek().is_some() || !may_go_on {
            invalid += chunk.invalid().len();
        }
    }
    (valid, invalid)
}

/// A byte that no UTF-8 has.
const NO_TEXT: u8 = 0xff;

/// The byte order mark of UTF-8.
pub(crate) const MARK: &[u8] = b"\xef\xbb\xbf";

/// The input as UTF-8. UTF-8 itself passes as it is, so that bad bytes in it can be told by their
/// row; its byte order mark is taken away. What means nothing in another encoding becomes a byte
/// that is no UTF-8, so that it is told by its row, too.
pub(crate) fn decoded<'a>(
    mut input: Box<dyn BufRead + 'a>,
    encoding: &'static Encoding,
) -> io::Result<Box<dyn BufRead + 'a>> {
    if encoding == UTF_8 {
        if input.fill_buf()?.starts_with(MARK) {
            input.consume(MARK.len());
        }
        return Ok(input);
    }
    Ok(Box::new(Decoding {
        input,
        decoder: encoding.new_decoder(),
        text: vec![0; BUFFER],
        place: 0,
        length: 0,
        ended: false,
    }))
}

/// A stream on its way to UTF-8.
struct Decoding<'a> {
    input: Box<dyn BufRead + 'a>,
    decoder: Decoder,
    /// Decoded, of which `place..length` has not been read.
    text: Vec<u8>,
    place: usize,
    length: usize,
    ended: bool,
}

impl BufRead for Decoding<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.place == self.length && !self.ended {
            let start = self.input.fill_buf()?;
            let last = start.is_empty();
            // One byte is left for what means nothing.
            let room = self.text.len() - 1;
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
                start,
                &mut self.text[..room],
                last,
            );
            self.input.consume(read);
            (self.place, self.length) = (0, written);
            if matches!(result, DecoderResult::Malformed(..)) {
                self.text[written] = NO_TEXT;
                self.length += 1;
            }
            self.ended = last && result == DecoderResult::InputEmpty;
        }
        Ok(&self.text[self.place..self.length])
    }

    fn consume(&mut self, bytes: usize) {
        self.place += bytes;
    }
}

impl Read for Decoding<'_> {
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
    fn bytes_tell() {
        let check = |bytes: &[u8], expected: &'static Encoding| {
            assert_eq!(tell(bytes).0, expected, "{bytes:?}");
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
    fn everything_comes_out_as_utf_8() {
        let check = |bytes: &[u8], encoding: &'static Encoding, expected: &str| {
            let mut text = String::new();
            let input = Box::new(io::BufReader::with_capacity(3, bytes));
            let mut input = decoded(input, encoding).expect("no disk");
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
    fn what_means_nothing_is_no_utf_8() {
        let check = |bytes: &[u8], expected: &[u8]| {
            let mut text = Vec::new();
            let input = Box::new(io::BufReader::with_capacity(3, bytes));
            let mut input = decoded(input, UTF_16LE).expect("no disk");
            input.read_to_end(&mut text).expect("bytes");
            assert_eq!(text, expected);
        };
        check(b"a\0\x00\xd8b\0", b"a\xffb");
        check(b"a\0b", b"a\xff");
        check(b"a\0\x3d\xd8", b"a\xff");
    }
}
