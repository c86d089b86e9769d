//! Sets the run path of this package's programs and tests, so that they find the libtorch of the build from any folder
//! and without LD_LIBRARY_PATH.

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    if let Some(libtorch) = std::env::var_os("LIBTORCH") {
        // `libtorch.so` loads the CPU libraries and, if they exist, the CUDA libraries. Without `--no-as-needed` the
        // linker would drop it, because no symbol of it is used, and CUDA would be missing without a message.
        println!(
            "cargo:rustc-link-arg=-Wl,-rpath,{}/lib",
            libtorch.to_string_lossy()
        );
        println!("cargo:rustc-link-arg=-Wl,--no-as-needed");
        println!("cargo:rustc-link-arg=-ltorch");
    }
}
