//! Handles Ctrl-C and `kill`: running stages receive the signal and save their state. `ressenti` waits for
//! them and prints the summary of the run.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use settings::RunSettings;

/// Largest delay between a signal and the end of a wait.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

static REQUESTED: AtomicBool = AtomicBool::new(false);
static LIMIT_NEAR: AtomicBool = AtomicBool::new(false);
static IN_JOB: AtomicBool = AtomicBool::new(false);
static WHOLE_JOB_IS_SIGNALLED: AtomicBool = AtomicBool::new(false);
/// The process id of each slot, 0 if the slot is free.
pub(crate) static CHILDREN: [AtomicI32; RunSettings::MAX_JOBS] =
    [const { AtomicI32::new(0) }; RunSettings::MAX_JOBS];
/// Number of signals that are being forwarded now.
static FORWARDING: AtomicI32 = AtomicI32::new(0);

/// Installs handlers for SIGINT, SIGTERM and SIGUSR1, which then no longer end this process.
pub(crate) fn install_handlers() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGUSR1] {
        // SAFETY: the struct is valid when zeroed (no flags, an empty mask). The handler only uses atomic
        // stores and `kill`, which are async-signal-safe.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handle_signal as extern "C" fn(_) as libc::sighandler_t;
            // A signal does not end the wait for the stage.
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

/// Installs the handlers inside a cluster job, where SIGUSR1 announces the time limit and makes the program
/// save its state and exit. With `whole_job_is_signalled`, the scheduler signals every process of the job,
/// so nothing is forwarded: a second SIGTERM would end a program that is still saving.
pub(crate) fn install_handlers_in_job(whole_job_is_signalled: bool) {
    IN_JOB.store(true, Ordering::Relaxed);
    WHOLE_JOB_IS_SIGNALLED.store(whole_job_is_signalled, Ordering::Relaxed);
    install_handlers();
}

/// Whether the time limit of the job is near.
pub(crate) fn limit_near() -> bool {
    LIMIT_NEAR.load(Ordering::Relaxed)
}

/// Whether the user has asked to stop.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// Waits for `time`, or until the user asks to stop. Returns `false` if the user asked to stop.
pub(crate) fn sleep(time: Duration) -> bool {
    let end = Instant::now() + time;
    while !requested() && Instant::now() < end {
        let rest = end.saturating_duration_since(Instant::now());
        thread::sleep(rest.min(POLL_INTERVAL));
    }
    !requested()
}

/// Sets the process that signals of a slot are forwarded to. If a signal arrived before, it is forwarded
/// now.
pub(crate) fn set_child(slot: usize, process: i32) {
    CHILDREN[slot].store(process, Ordering::SeqCst);
    if requested() || limit_near() {
        forward(&CHILDREN[slot], libc::SIGTERM);
    }
}

/// Stops forwarding to the process of a slot. Call it before waiting for the process, because afterwards
/// its id may belong to another process.
pub(crate) fn clear_child(slot: usize) {
    CHILDREN[slot].store(0, Ordering::SeqCst);
    // A handler on another thread may already have read the id.
    while FORWARDING.load(Ordering::SeqCst) > 0 {
        thread::yield_now();
    }
}

/// A terminal sends SIGINT to the whole process group, so it is not forwarded. `kill` and service managers
/// send SIGTERM only to this process. SIGUSR1 asks to save and continue.
extern "C" fn handle_signal(signal: libc::c_int) {
    let mut forwarded = signal;
    if signal != libc::SIGUSR1 {
        REQUESTED.store(true, Ordering::Relaxed);
        if signal == libc::SIGINT || WHOLE_JOB_IS_SIGNALLED.load(Ordering::Relaxed) {
            return;
        }
    } else if IN_JOB.load(Ordering::Relaxed) {
        LIMIT_NEAR.store(true, Ordering::Relaxed);
        forwarded = libc::SIGTERM;
    }
    for child in &CHILDREN {
        forward(child, forwarded);
    }
}

fn forward(child: &AtomicI32, signal: libc::c_int) {
    FORWARDING.fetch_add(1, Ordering::SeqCst);
    let child = child.load(Ordering::SeqCst);
    if child > 0 {
        // SAFETY: `kill` accepts any numbers. The process is a child of ours, and `clear_child` returns before
        // it is waited for.
        unsafe { libc::kill(child, signal) };
    }
    FORWARDING.fetch_sub(1, Ordering::SeqCst);
}
