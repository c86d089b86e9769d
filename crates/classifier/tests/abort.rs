//! A process that aborts: started anew by its own test.

#![allow(missing_docs, reason = "tests")]

use std::process::Command;

use classifier::exit_with_75_on_abort;

/// Set in the process that aborts.
const CHILD: &str = "RESSENTI_TEST_ABORTS";

#[test]
fn an_abort_on_a_gpu_asks_for_a_new_process() {
    if std::env::var_os(CHILD).is_some() {
        exit_with_75_on_abort();
        std::process::abort();
    }
    let program = std::env::current_exe().expect("the test's own program");
    let name = "an_abort_on_a_gpu_asks_for_a_new_process";
    let output = Command::new(program)
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains("error: the process aborted"), "{said}");
}
