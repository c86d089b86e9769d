//! The aclImdb archive: names, links, lengths that lie. Plain tar, because a change within gzip ends the
//! reading before tar is reached; gzip has `packed`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ressenti_fuzz::{reviews, with_checksums};

fuzz_target!(|bytes: &[u8]| reviews::archive(&with_checksums(bytes)));
