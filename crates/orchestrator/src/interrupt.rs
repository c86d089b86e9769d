//! Ctrl-C and `kill`: the stages under way get the signal and decide what to save; we outlive them
//! to say what became of the run.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use settings::RunSettings;

/// How soon a wait notices that it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

static REQUESTED: AtomicBool = AtomicBool::new(false);
static LIMIT_NEAR: AtomicBool = AtomicBool::new(false);
static IN_JOB: AtomicBool = AtomicBool::new(false);
static ALL_ARE_TOLD: AtomicBool = AtomicBool::new(false);
/// The process of each slot, 0 for none.
pub(crate) static CHILDREN: [AtomicI32; RunSettings::MAX_JOBS] =
    [const { AtomicI32::new(0) }; RunSettings::MAX_JOBS];
/// Signals that are being passed on at this moment.
static PASSING_ON: AtomicI32 = AtomicI32::new(0);

/// From now on SIGINT, SIGTERM and SIGUSR1 no longer end this process but are taken note of.
pub(crate) fn watch() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGUSR1] {
        // SAFETY: the struct is valid when zeroed (no flags, an empty mask), and the handler does
        // nothing but atomic stores and `kill`, which are allowed in one.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = take_note as extern "C" fn(_) as libc::sighandler_t;
            // Waiting for the stage goes on through the signal.
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

/// The same within a cluster's job, where SIGUSR1 says that its time limit is near: the program is told
/// to save and to end. `all_are_told` is whether whoever ends the job tells every process of it, so
/// that nothing must be passed on: a second SIGTERM would end a program that is still saving.
pub(crate) fn watch_in_job(all_are_told: bool) {
    IN_JOB.store(true, Ordering::Relaxed);
    ALL_ARE_TOLD.store(all_are_told, Ordering::Relaxed);
    watch();
}

/// Whether the job's time limit is near.
pub(crate) fn limit_near() -> bool {
    LIMIT_NEAR.load(Ordering::Relaxed)
}

/// Whether the user has asked us to stop.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// Waits, and says whether nobody asked us to stop meanwhile.
pub(crate) fn sleep(time: Duration) -> bool {
    let end = Instant::now() + time;
    while !requested() && Instant::now() < end {
        let rest = end.saturating_duration_since(Instant::now());
        thread::sleep(rest.min(LOOK_EVERY));
    }
    !requested()
}

/// Sets the process of a slot that signals are passed on to. A process started in the very moment of a
/// signal gets it now.
pub(crate) fn set_child(slot: usize, process: i32) {
    CHILDREN[slot].store(process, Ordering::SeqCst);
    if requested() || limit_near() {
        pass_on(&CHILDREN[slot], libc::SIGTERM);
    }
}

/// From now on no signal is passed on to the process of a slot: after this it may be waited for, and its id
/// belong to another process.
pub(crate) fn clear_child(slot: usize) {
    CHILDREN[slot].store(0, Ordering::SeqCst);
    // A handler on another thread may have read the id before.
    while PASSING_ON.load(Ordering::SeqCst) > 0 {
        thread::yield_now();
    }
}

/// A terminal sends SIGINT to the stages as well as to us, so that one is not passed on; `kill` and
/// service managers send SIGTERM to us alone. SIGUSR1 asks to save and go on.
extern "C" fn take_note(signal: libc::c_int) {
    let mut passed_on = signal;
    if signal != libc::SIGUSR1 {
        REQUESTED.store(true, Ordering::Relaxed);
        if signal == libc::SIGINT || ALL_ARE_TOLD.load(Ordering::Relaxed) {
            return;
        }
    } else if IN_JOB.load(Ordering::Relaxed) {
        LIMIT_NEAR.store(true, Ordering::Relaxed);
        passed_on = libc::SIGTERM;
    }
    for child in &CHILDREN {
        pass_on(child, passed_on);
    }
}

fn pass_on(child: &AtomicI32, signal: libc::c_int) {
    PASSING_ON.fetch_add(1, Ordering::SeqCst);
    let child = child.load(Ordering::SeqCst);
    if child > 0 {
        // SAFETY: `kill` takes any numbers; the process is our own child, and `clear_child` returns
        // before it is waited for.
        unsafe { libc::kill(child, signal) };
    }
    PASSING_ON.fetch_sub(1, Ordering::SeqCst);
}
