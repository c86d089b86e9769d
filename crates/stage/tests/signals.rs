//! A signal damages nothing, whatever it interrupts.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::arch::asm;

use stage::{install_signal_handlers, save_requested};

/// Sends this thread a signal while its stack pointer is `stack`, as oneDNN's products have it.
///
/// # Safety
/// `stack` is aligned to 16 bytes, and what is below it may be written.
unsafe fn raise_at(stack: *mut u8, signal: libc::c_int) {
    // SAFETY: both take nothing and always succeed.
    let (process, thread) = unsafe { (libc::getpid(), libc::gettid()) };
    let result: i64;
    // SAFETY: the stack pointer is put back before anything else uses it, and the registers that a
    // system call changes are named. The signal is handled before the call returns.
    unsafe {
        asm!(
            "mov r12, rsp",
            "mov rsp, {stack}",
            "syscall",
            "mov rsp, r12",
            stack = in(reg) stack,
            inlateout("rax") libc::SYS_tgkill => result,
            in("rdi") process,
            in("rsi") thread,
            in("rdx") signal,
            lateout("rcx") _,
            lateout("r11") _,
            out("r12") _,
        );
    }
    assert_eq!(result, 0);
}

#[test]
fn a_signal_leaves_the_memory_below_a_borrowed_stack_pointer_alone() {
    install_signal_handlers();
    assert!(!save_requested());
    let mut heap = vec![0x5a_u8; 64 << 10];
    let end = heap.as_mut_ptr_range().end;
    // SAFETY: it is within the vector, which is far longer than what the kernel could write.
    let stack = unsafe { end.sub(end as usize % 16) };
    // SAFETY: aligned just now, and what is below is the vector's own.
    unsafe { raise_at(stack, libc::SIGUSR1) };
    assert!(save_requested(), "the handler ran");
    let changed = heap.iter().filter(|byte| **byte != 0x5a).count();
    assert_eq!(changed, 0, "bytes of the heap were overwritten");
}
