//! The aclImdb archive: names, links, lengths that lie, gzip that ends early.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ingest::fuzzing::archive(bytes));
