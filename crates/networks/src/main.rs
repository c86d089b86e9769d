//! The program `ressenti-networks`: `ressenti-predict`, `ressenti-trend` and `ressenti-serve` with libtorch. They
//! start it with their own names and arguments if the model is a network.

use std::env;
use std::io::{Write, stderr, stdout};

use classifier::NETWORKS;

fn main() {
    let mut arguments = env::args_os().skip(1).peekable();
    let program = arguments.peek().cloned().unwrap_or_default();
    let code = match program.to_str() {
        Some("predict") => predict::main(arguments, Some(NETWORKS)),
        Some("trend") => trend::main(arguments, Some(NETWORKS)),
        Some("serve") => serve::main(arguments, Some(NETWORKS)),
        _ => {
            let usage = "usage: ressenti-networks <predict|trend|serve> [ARGUMENTS]";
            let _ = writeln!(stderr(), "{usage}");
            2
        }
    };
    // A closed pipe is not an error: the reader has read enough.
    let _ = stdout().flush();
    // All output is written. A normal exit would let libtorch free its static data, which takes a fifth of the time
    // of a prediction. SAFETY: `_exit` takes a number and ends the process; nothing in this program waits for a
    // normal exit.
    unsafe { libc::_exit(i32::from(code)) }
}
