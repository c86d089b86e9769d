//! The aclImdb archive: names, links, lengths that lie. Plain tar, because a change within gzip ends the
//! reading before tar is reached; gzip has `packed`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ressenti_fuzz::with_checksums;

fuzz_target!(|bytes: &[u8]| ingest::fuzzing::archive(&with_checksums(bytes)));
