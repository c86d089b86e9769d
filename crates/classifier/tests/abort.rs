//! The exit code of a process that aborts, which the test starts itself.

#![allow(missing_docs, reason = "tests")]

use std::process::Command;

use classifier::exit_with_75_on_abort;

/// The environment variable of the process that aborts.
const CHILD: &str = "RESSENTI_TEST_ABORTS";

#[test]
fn an_abort_exits_with_code_75() {
    if std::env::var_os(CHILD).is_some() {
        exit_with_75_on_abort();
        std::process::abort();
    }
    let program = std::env::current_exe().expect("the test's own program");
    let name = "an_abort_exits_with_code_75";
    let output = Command::new(program)
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("it starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{stderr}");
    assert!(stderr.contains("error: the process aborted"), "{stderr}");
}
