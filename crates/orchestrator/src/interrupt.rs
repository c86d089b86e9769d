//! Ctrl-C and `kill`: the stages under way get the signal and decide what to save; we outlive them
//! to say what became of the run.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use settings::RunSettings;

/// How soon a wait notices that it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

static REQUESTED: AtomicBool = AtomicBool::new(false);
static CHILDREN: [AtomicI32; RunSettings::MOST_JOBS] =
    [const { AtomicI32::new(0) }; RunSettings::MOST_JOBS];

/// From now on SIGINT, SIGTERM and SIGUSR1 no longer end this process but are taken note of.
pub(crate) fn watch() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGUSR1] {
        let handler = take_note as extern "C" fn(libc::c_int) as libc::sighandler_t;
        // SAFETY: the struct is valid when zeroed (no flags, an empty mask), and the handler does
        // nothing but atomic stores and `kill`, which are allowed in one.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler;
            // Waiting for the stage goes on through the signal.
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

/// Whether the user has asked us to stop.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// Waits, and says whether nobody asked us to stop meanwhile.
pub(crate) fn sleep(time: Duration) -> bool {
    let end = Instant::now() + time;
    while !requested() && Instant::now() < end {
        thread::sleep(
            end.saturating_duration_since(Instant::now())
                .min(LOOK_EVERY),
        );
    }
    !requested()
}

/// Says which process of a slot is to be told of a SIGTERM; `None` for none. A process started in the
/// very moment of a signal is told of it now.
pub(crate) fn set_child(slot: usize, process: Option<u32>) {
    let id = process.and_then(|id| i32::try_from(id).ok()).unwrap_or(0);
    CHILDREN[slot].store(id, Ordering::Relaxed);
    if requested() {
        pass_on(&CHILDREN[slot], libc::SIGTERM);
    }
}

/// A terminal sends SIGINT to the stages as well as to us, so that one is not passed on; `kill` and
/// service managers send SIGTERM to us alone. SIGUSR1 asks to save and go on.
extern "C" fn take_note(signal: libc::c_int) {
    if signal == libc::SIGUSR1 {
        CHILDREN.iter().for_each(|child| pass_on(child, signal));
        return;
    }
    REQUESTED.store(true, Ordering::Relaxed);
    if signal == libc::SIGTERM {
        CHILDREN.iter().for_each(|child| pass_on(child, signal));
    }
}

fn pass_on(child: &AtomicI32, signal: libc::c_int) {
    let child = child.load(Ordering::Relaxed);
    if child > 0 {
        // SAFETY: `kill` takes any numbers; the process is our own child, not waited for yet.
        unsafe { libc::kill(child, signal) };
    }
}
