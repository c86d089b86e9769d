//! Signals of programs that save their state. SIGINT and SIGTERM request to save and stop; a second one stops at once.
//! SIGUSR1 requests to save and continue; clusters send it before a time limit. A program that does not install these
//! handlers is ended by the signals.
//!
//! The handlers run on a separate stack. Without it the kernel writes the interrupted registers below the stack
//! pointer, which oneDNN before 3.11.2 (libtorch 2.11 has 3.10.2) lets point into the heap while it multiplies large
//! f32 matrices on x86-64. That overwrote data on the heap, and some trainings crashed when they were stopped
//! (<https://github.com/uxlfoundation/oneDNN/issues/4845>).

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);
static SAVE: AtomicBool = AtomicBool::new(false);

/// Size of the stack of the handlers in bytes. The kernel writes 11 KiB on processors with AMX; the handlers need
/// little.
const STACK_BYTES: usize = 64 << 10;

/// Installs the handlers. The program must then check [`stop_requested`] and [`save_requested`] regularly. Call it in
/// the main thread, which receives the signals of the process; Rust gives other threads a stack for handlers already.
pub fn install_signal_handlers() {
    set_handler_stack();
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
            // Reads and writes continue after a signal.
            action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

/// Gives this thread a stack for handlers, once. It is never freed, because a signal can arrive at any time.
fn set_handler_stack() {
    thread_local!(static HAS_STACK: Cell<bool> = const { Cell::new(false) });
    if HAS_STACK.replace(true) {
        return;
    }
    let stack: &'static mut [u8] = Box::leak(vec![0; STACK_BYTES].into_boxed_slice());
    let stack = libc::stack_t {
        ss_sp: stack.as_mut_ptr().cast(),
        ss_flags: 0,
        ss_size: stack.len(),
    };
    // SAFETY: the memory has no other owner and lives as long as the process.
    unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) };
}

/// Whether a signal requested to save and stop.
pub fn stop_requested() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Whether a signal requested to save and continue since the last call.
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
