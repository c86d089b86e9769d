//! Makes binaries and tests of this package find libtorch where it was at build time, from any
//! folder and without LD_LIBRARY_PATH.

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    if let Some(libtorch) = std::env::var_os("LIBTORCH") {
        // `libtorch.so` pulls in whichever halves are there; without `--no-as-needed` the linker
        // drops it, because nothing names a symbol of it, and CUDA would be quietly absent.
        println!(
            "cargo:rustc-link-arg=-Wl,-rpath,{}/lib",
            libtorch.to_string_lossy()
        );
        println!("cargo:rustc-link-arg=-Wl,--no-as-needed");
        println!("cargo:rustc-link-arg=-ltorch");
    }
}
