//! What a stage that saves its state does about signals: SIGINT and SIGTERM ask it to save and leave,
//! a second one leaves at once; SIGUSR1 asks it to save and go on, which is what clusters send before
//! a time limit. A stage that saves nothing is simply ended by them.

use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);
static SAVE: AtomicBool = AtomicBool::new(false);

/// From now on the signals are taken note of. For a stage that looks at [`stop_requested`] and
/// [`save_requested`] every now and then.
pub fn watch_signals() {
    for (signal, handler) in [
        (libc::SIGINT, stop as extern "C" fn(libc::c_int)),
        (libc::SIGTERM, stop),
        (libc::SIGUSR1, save),
    ] {
        // SAFETY: the struct is valid when zeroed (no flags, an empty mask), and the handlers do
        // nothing but atomic operations and `_exit`, which are allowed in one.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as libc::sighandler_t;
            // A read or write under way goes on through the signal.
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

/// Whether the stage was asked to save its state and leave.
pub fn stop_requested() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Whether the stage was asked to save its state and go on, since this was asked last.
pub fn save_requested() -> bool {
    SAVE.swap(false, Ordering::Relaxed)
}

extern "C" fn stop(_: libc::c_int) {
    if STOP.swap(true, Ordering::Relaxed) {
        // SAFETY: `_exit` takes any number and does not return.
        unsafe { libc::_exit(130) }
    }
}

extern "C" fn save(_: libc::c_int) {
    SAVE.store(true, Ordering::Relaxed);
}
