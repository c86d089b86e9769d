//! The same bits from the same training on a GPU, at some cost of speed: tch knows no switch for it,
//! so libtorch's own is called.

use std::ffi::c_void;

// What `torch.use_deterministic_algorithms` calls, by the names that libtorch 2.11 exports; the linker
// finds them or the program does not build.
unsafe extern "C" {
    #[link_name = "_ZN2at13globalContextEv"]
    fn global_context() -> *mut c_void;
    #[link_name = "_ZN2at7Context26setDeterministicAlgorithmsEbb"]
    fn set_deterministic_algorithms(context: *mut c_void, on: bool, only_warn: bool);
    #[link_name = "_ZNK2at7Context23deterministicAlgorithmsEv"]
    fn deterministic_algorithms(context: *const c_void) -> bool;
}

/// cuBLAS adds in a fixed order only with a workspace of a fixed size, which it reads from here.
const WORKSPACE: (&str, &str) = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8");

/// From now on libtorch takes the algorithm that gives the same bits each time, and refuses an
/// operation that has none. To be called before the first tensor, while no other thread works.
pub fn be_deterministic() {
    // SAFETY: the threads of the pool wait for work and read no variables meanwhile.
    unsafe { std::env::set_var(WORKSPACE.0, WORKSPACE.1) };
    // SAFETY: the context lives as long as the process, and the methods take it and plain booleans.
    unsafe { set_deterministic_algorithms(global_context(), true, false) };
}

/// Whether [`be_deterministic`] is in force.
pub fn is_deterministic() -> bool {
    // SAFETY: as above.
    unsafe { deterministic_algorithms(global_context()) }
}
