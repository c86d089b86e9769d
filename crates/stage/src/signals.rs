//! What a stage that saves its state does about signals: SIGINT and SIGTERM ask it to save and leave,
//! a second one leaves at once; SIGUSR1 asks it to save and go on, which is what clusters send before
//! a time limit. A stage that saves nothing is simply ended by them.
//!
//! The handlers run on a stack of their own. The kernel writes the registers of what a signal
//! interrupts below its stack pointer, and oneDNN before 3.11.2 (libtorch 2.11 has 3.10.2) lets that
//! point into the heap while it multiplies larger f32 matrices on x86-64: what lay there was
//! overwritten, and now and then a training that was asked to leave crashed instead
//! (<https://github.com/uxlfoundation/oneDNN/issues/4845>).

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);
static SAVE: AtomicBool = AtomicBool::new(false);

/// Bytes of the handlers' stack. What the kernel puts there is 11 KiB where a processor has AMX; the
/// handlers themselves need next to nothing.
const STACK: usize = 64 << 10;

/// From now on the signals are taken note of. For a stage that looks at [`stop_requested`] and
/// [`save_requested`] every now and then. To be called in the main thread, which is the one that gets
/// a process's signals; other threads of Rust's have a small stack for handlers already.
pub fn install_signal_handlers() {
    have_handler_stack();
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
            action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

/// Gives this thread a stack for its handlers, once. It is never freed: a signal may come at any time.
fn have_handler_stack() {
    thread_local!(static HAS_ONE: Cell<bool> = const { Cell::new(false) });
    if HAS_ONE.replace(true) {
        return;
    }
    let stack: &'static mut [u8] = Box::leak(vec![0; STACK].into_boxed_slice());
    let stack = libc::stack_t {
        ss_sp: stack.as_mut_ptr().cast(),
        ss_flags: 0,
        ss_size: stack.len(),
    };
    // SAFETY: the memory is nobody else's and lives as long as the process.
    unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) };
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
