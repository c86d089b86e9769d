//! Compiles `record.cpp` with the flags of torch-sys's own C++, against the libtorch that torch-sys
//! found, and makes the tests of this package find that libtorch at run time.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    for variable in ["LIBTORCH_INCLUDE", "LIBTORCH_CXX11_ABI"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    println!("cargo:rerun-if-changed=src/record.cpp");

    let libraries = env::var_os("DEP_TCH_LIBTORCH_LIB").expect("torch-sys reports its libtorch");
    let libraries = Path::new(&libraries);
    let root = env::var_os("LIBTORCH_INCLUDE").map_or_else(
        || libraries.parent().expect("a `lib` folder").to_owned(),
        PathBuf::from,
    );
    let abi = env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".to_owned());
    cc::Build::new()
        .cpp(true)
        .pic(true)
        .warnings(false)
        .std("c++17")
        .include(root.join("include"))
        .include(root.join("include/torch/csrc/api/include"))
        .define("_GLIBCXX_USE_CXX11_ABI", abi.as_str())
        .define("GLOG_USE_GLOG_EXPORT", None)
        // As libtorch itself was built: `at::RecordFunction` has one field more without it.
        .define("NDEBUG", None)
        .file("src/record.cpp")
        .compile("ressenti_operators");

    // As in `crates/classifier/build.rs`.
    println!(
        "cargo:rustc-link-arg=-Wl,-rpath,{}",
        libraries.to_string_lossy()
    );
    println!("cargo:rustc-link-arg=-Wl,--no-as-needed");
    println!("cargo:rustc-link-arg=-ltorch");
}
