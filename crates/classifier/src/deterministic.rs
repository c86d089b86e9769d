//! Switches of libtorch that tch does not bind. They apply to the whole process.

use std::ffi::c_void;
use std::sync::Once;

// The names that libtorch 2.11 exports; without them the linker fails and the program does not build.
unsafe extern "C" {
    #[link_name = "_ZN2at13globalContextEv"]
    fn global_context() -> *mut c_void;
    #[link_name = "_ZN2at7Context26setDeterministicAlgorithmsEbb"]
    fn set_deterministic_algorithms(context: *mut c_void, on: bool, only_warn: bool);
    #[link_name = "_ZNK2at7Context23deterministicAlgorithmsEv"]
    fn deterministic_algorithms(context: *const c_void) -> bool;
    #[link_name = "_ZN2at7Context39setDeterministicFillUninitializedMemoryEb"]
    fn set_fill_new_memory(context: *mut c_void, on: bool);
    #[link_name = "_ZN2at7Context18setAllowTF32CuBLASEb"]
    fn set_allow_tf32(context: *mut c_void, on: bool);
    #[link_name = "_ZNK2at7Context15allowTF32CuBLASEv"]
    fn allow_tf32(context: *const c_void) -> bool;
}

/// cuBLAS adds in a fixed order only with a workspace of a fixed size, which it reads from here.
const WORKSPACE: (&str, &str) = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8");

/// From now on libtorch uses algorithms that give the same bits each time, and refuses an operation
/// that has none. The first call must come before the first tensor and before other threads read the
/// environment; later calls do nothing.
pub fn enable_deterministic_algorithms() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the threads of the pool wait for work and do not read the environment meanwhile.
        unsafe { std::env::set_var(WORKSPACE.0, WORKSPACE.1) };
        // SAFETY: the context lives as long as the process, and the method takes it and plain booleans.
        unsafe { set_deterministic_algorithms(global_context(), true, false) };
        // Otherwise every new tensor is filled with NaN first, which only finds mistakes of a program.
        // SAFETY: as above.
        unsafe { set_fill_new_memory(global_context(), false) };
    });
}

/// Whether [`enable_deterministic_algorithms`] is in force.
pub fn is_deterministic() -> bool {
    // SAFETY: as above.
    unsafe { deterministic_algorithms(global_context()) }
}

/// Lets a GPU multiply f32 matrices as TF32, with a mantissa of 10 bits instead of 23, as cuDNN does
/// anyway. A CPU ignores it.
pub fn allow_tf32_products() {
    // SAFETY: as above.
    unsafe { set_allow_tf32(global_context(), true) };
}

/// Whether [`allow_tf32_products`] is in force.
pub fn are_tf32_products_allowed() -> bool {
    // SAFETY: as above.
    unsafe { allow_tf32(global_context()) }
}
